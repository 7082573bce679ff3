"""`env=replay`: a run of a published data set, which brings its own knobs and SLOs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from envs.replay.env import Replay
from envs.replay.videostreamenv import DataSet, read_data_set
from envs.scenario import Scenario
from envs.spec import ElasticitySpec
from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import ReplaySchema
from experiments.program.errors import blaming
from experiments.worlds.builders import scenario_of
from experiments.worlds.detections import Detected
from pipeline.messages import DetectionKind


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """A run of the replay world.

    Attributes:
        data: what is replayed.
        env: for how long.
        scenario: which thresholds change meanwhile.
        config: for everything else.
    """

    data: DataSet
    env: ReplaySchema
    scenario: Scenario
    config: RunConfig

    @property
    def spec(self) -> ElasticitySpec:
        """What the agent sees."""
        return self.data.spec

    @property
    def detections(self) -> Detected:
        """What is replayed has none."""
        return Detected(DetectionKind.NONE, "a data set of what was measured is replayed")

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> Replay:
        """The environment; it leaves nothing in `directory`."""
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
    plan = ReplayPlan(data, env, scenario, config)
    with blaming("env or scenario"):
        plan.make_env(Path(), lambda _: None)  # it checks its own arguments
    return plan
