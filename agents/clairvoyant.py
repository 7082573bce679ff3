"""What it means that an agent may look into its world: no rival, but the measure of what one could reach."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.base import Agent
from envs.spec import ElasticitySpec


class Course(NamedTuple):
    """Settings for a whole episode, and what they earn.

    Attributes:
        levels: level index per knob, shape (n_steps, n_knobs); the last ones go on after the end.
        rewards: of each step as foreseen, shape (n_steps,).
        figures: how the course was found, for `explain`; the same names for every episode.
    """

    levels: NDArray[np.int64]
    rewards: NDArray[np.float64]
    figures: Mapping[str, float]


class Clairvoyant(Agent):
    """Plans a whole episode before it begins, in a world that it was shown.

    Whoever runs it calls `look` before the first `reset`; the seed of `reset` must be the episode's own.
    """

    def __init__(self, spec: ElasticitySpec) -> None:
        super().__init__(spec)
        self._course: Course | None = None
        self._n_decisions = 0

    @abstractmethod
    def look(self, world: gym.Env) -> None:
        """See the world whose episodes are to be planned, or one that is like it; it is left as it is.

        Raises:
            ValueError: it cannot be calculated in advance.
        """

    @abstractmethod
    def plan(self, seed: int) -> Course:
        """Return the course for the episode of this seed.

        Raises:
            RuntimeError: no world has been shown yet.
        """

    def reset(self, seed: int) -> None:
        """Plan the episode of this seed, which may take seconds."""
        self._course, self._n_decisions = self.plan(seed), 0

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the next levels of the course, whatever was observed."""
        self.spec.decode(observation)
        assert self._course is not None, "reset comes before act"
        levels = self._course.levels[min(self._n_decisions, len(self._course.levels) - 1)]
        self._n_decisions += 1
        return levels.copy()

    def explain(self) -> dict[str, float]:
        """Return the step's reward as foreseen, the course's mean, and how it was found."""
        if self._course is None:
            return {}
        rewards = self._course.rewards
        foreseen = rewards[min(max(self._n_decisions - 1, 0), len(rewards) - 1)]
        return {
            "foreseen_reward": float(foreseen),
            "foreseen_mean": float(rewards.mean()),
            **self._course.figures,
        }
