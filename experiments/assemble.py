"""From a configuration to what it stands for; what a user can get wrong is found here, before any process."""

from experiments.config import RunConfig
from experiments.plan import Plan
from experiments.world_config import PipelineSchema, ReplaySchema, SimulatorSchema


def assemble(config: RunConfig) -> Plan:
    """Check a configuration and build what it stands for; starts no process, but opens a file once.

    Each world has a module of its own, which is imported for its runs only.

    Raises:
        ConfigError: something in it is wrong.
    """
    match config.env:
        case PipelineSchema():
            from experiments.pipeline_plan import plan_pipeline

            return plan_pipeline(config, config.env)
        case SimulatorSchema():
            from experiments.simulator_plan import plan_simulator

            return plan_simulator(config, config.env)
        case ReplaySchema():
            from experiments.replay_plan import plan_replay

            return plan_replay(config, config.env)
        case _:
            raise TypeError(f"no world has the schema {type(config.env).__name__}")
