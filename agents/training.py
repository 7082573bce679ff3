"""What it means that an agent can be trained beforehand, in worlds that cost no real time."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym

from agents.base import Agent
from envs.spec import ElasticitySpec


@dataclass(frozen=True, slots=True)
class Side:
    """Environments side by side, autoreset in the same step, and the spec of each of them.

    Grids of levels and thresholds may differ; observations are laid out alike.
    """

    envs: gym.vector.VectorEnv
    specs: Sequence[ElasticitySpec]


MakeSide = Callable[[int], Side]


@dataclass(frozen=True, slots=True)
class Worlds:
    """Where an agent is trained, and where it is judged meanwhile.

    Attributes:
        training: makes that many environments.
        held_out: likewise; episodes begin with the seeds below and choose the checkpoint that is kept.
        held_out_seeds: one per held-out environment, none of which the training begins with.
    """

    training: MakeSide
    held_out: MakeSide
    held_out_seeds: Sequence[int]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training has come.

    Attributes:
        steps: made so far, of all environments together.
        total_steps: to be made.
        is_evaluated: whether an evaluation has just been made.
        reward: mean reward per step of the last evaluation, None before the first.
        best_reward: of the checkpoint that is kept, None before the first.
        best_steps: made when it was.
    """

    steps: int
    total_steps: int
    is_evaluated: bool = False
    reward: float | None = None
    best_reward: float | None = None
    best_steps: int = 0


class Trainable(Agent):
    """An agent with something to learn before it runs, and a checkpoint that it is read from then."""

    @abstractmethod
    def train(
        self, worlds: Worlds, seed: int, path: Path, on_progress: Callable[[Progress], None]
    ) -> Progress:
        """Learn, and be the best that was seen; `path` holds that checkpoint from the first evaluation on.

        Returns how it ended.
        """
