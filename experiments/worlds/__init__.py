"""From a configuration to an environment: the pipeline, its simulated twin, the simulator, a replay."""
