"""From a configuration to what it stands for; what a user can get wrong is found here, before any process."""

from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import PipelineSchema, ReplaySchema, SimulatorSchema
from experiments.worlds.run_spec import Plan


def assemble(config: RunConfig) -> Plan:
    """Check a configuration and build what it stands for; starts no process, but opens a file once.

    Each world has a module of its own, which is imported for its runs only.

    Raises:
        ConfigError: something in it is wrong.
    """
    match config.env:
        case PipelineSchema():
            from experiments.worlds.pipeline import plan_pipeline

            return plan_pipeline(config, config.env)
        case SimulatorSchema():
            from experiments.worlds.simulator import plan_simulator

            return plan_simulator(config, config.env)
        case ReplaySchema():
            from experiments.worlds.replay import plan_replay

            return plan_replay(config, config.env)
        case _:
            raise TypeError(f"no world has the schema {type(config.env).__name__}")
