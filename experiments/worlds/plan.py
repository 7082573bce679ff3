"""From a configuration to a run that can begin, and to its simulated twin, whose future can be calculated.

What a user can get wrong is found here, before any process. The pipeline and the simulator have modules of
their own, each imported for its runs only; a replayed data set brings its own knobs and SLOs.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from agents.base import Agent
from agents.clairvoyant import Clairvoyant
from envs.replay.env import Replay
from envs.replay.videostreamenv import DataSet, read_data_set
from envs.scenario import Scenario
from experiments.config.schemas import (
    PipelineSchema,
    ReplaySchema,
    RunConfig,
    SimulatorSchema,
    StreamEnvSchema,
)
from experiments.program.errors import ConfigError, blaming
from experiments.worlds.builders import Detected, Plan, scenario_of
from pipeline.messages import DetectionKind


def plan_run(config: RunConfig) -> Plan:
    """Check a configuration and build what it stands for; starts no process, but opens a file once.

    Raises:
        ConfigError: something in it is wrong.
    """
    match config.env:
        case PipelineSchema() as env:
            if sys.platform != "linux" and not env.control:
                raise ConfigError("env=pipeline needs Linux to start its programs: say env=simulator")
            from experiments.worlds.pipeline import plan_pipeline

            return plan_pipeline(config, env)
        case SimulatorSchema() as env:
            from experiments.worlds.simulator import plan_simulator

            return plan_simulator(config, env)
        case ReplaySchema() as env:
            return plan_replay(config, env)
        case _:
            raise TypeError(f"no world has the schema {type(config.env).__name__}")


def twin_of(plan: Plan) -> Plan:
    """Return the simulated twin of what is planned; what is not of the pipeline is its own."""
    return plan_twin(plan.config) if isinstance(plan.config.env, PipelineSchema) else plan


def plan_twin(config: RunConfig) -> Plan:
    """Plan a run of the pipeline in the simulator, where thinking takes no time; any other as it is.

    Raises:
        ConfigError: the pipeline runs elsewhere, or the simulator cannot have its like.
    """
    if not isinstance(config.env, PipelineSchema):
        return plan_run(config)
    if config.env.control:
        raise ConfigError("env.control: a pipeline that runs already has no simulated twin")
    from experiments.worlds.simulator import plan_simulator

    env = simulated(config.env)
    return plan_simulator(replace(config, env=env), env)


def simulated(env: PipelineSchema) -> SimulatorSchema:
    """Return the simulator's options where the pipeline has these."""
    shared = {field.name: getattr(env, field.name) for field in fields(StreamEnvSchema)}
    return SimulatorSchema(**shared, decision_ms=0.0)


def show_world(agent: Agent, plan: Plan, say: Callable[[str], None] = lambda _: None) -> None:
    """Show the run's world, or its twin, to an agent that must see it before its first episode.

    Raises:
        ConfigError: there is none that can be calculated in advance.
    """
    if isinstance(agent, Clairvoyant):
        with blaming("agent"):
            agent.look(twin_of(plan).make_env(Path(), say))


# --- env=replay: a run of a published data set ---


@dataclass(frozen=True, slots=True)
class ReplayPlan(Plan):
    """A run of the replay world: what is replayed, for how long, and which thresholds change meanwhile."""

    data: DataSet
    env: ReplaySchema
    scenario: Scenario

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> Replay:
        """Make the environment; it leaves nothing in `directory`."""
        env = self.env
        return self.data.world(env.steps, env.control_interval_s, self.scenario, env.initial_levels)


def plan_replay(config: RunConfig, env: ReplaySchema) -> ReplayPlan:
    """Check a configuration, and read the data set; video, detector, hardware and slo have no say in it.

    Raises:
        ConfigError: something in it is wrong.
    """
    with blaming("scenario"):
        scenario = scenario_of(config.scenario)
    with blaming("env.path"):
        data = read_data_set(Path(env.path))
    detected = Detected(DetectionKind.NONE, "a data set of what was measured is replayed")
    plan = ReplayPlan(data.spec, config, detected, data, env, scenario)
    with blaming("env or scenario"):
        plan.make_env(Path(), lambda _: None)  # it checks its own arguments
    return plan
