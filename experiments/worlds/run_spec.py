"""What every world's run is: checked, and ready to be carried out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from envs.spec import ElasticitySpec
from experiments.config.schemas import RunConfig

if TYPE_CHECKING:  # each world imports much that the others do not need
    from envs.pipeline_env import PipelineEnv
    from envs.replay.env import Replay
    from envs.simulator.env import SimulatorEnv

    WorldEnv = PipelineEnv | Replay | SimulatorEnv


class Plan(Protocol):
    """A run, ready to be carried out."""

    @property
    def spec(self) -> ElasticitySpec:
        """What the agent sees."""
        ...

    @property
    def config(self) -> RunConfig:
        """All that was asked for."""
        ...

    def make_env(self, directory: Path, on_progress: Callable[[str], None]) -> "WorldEnv":
        """The environment; what it starts, it starts with the first reset, and its logs go to `directory`."""
        ...
