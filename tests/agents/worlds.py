"""The worlds of the contract as environments, and episodes in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.runs import episode
from experiments.runs.episode import Steps
from tests.agents.streams import Stream

FADING = [1.0] * 6 + [0.2] * 6  # shares of the capacity, one per step


class PlantEnv(gym.Env[Any, Any]):
    """A stream's plant, of half the capacity that its highest levels need times a share per step."""

    def __init__(self, stream: Stream, shares: Sequence[float] = FADING) -> None:
        self._stream, self._shares = stream, shares
        self.observation_space, self.action_space = stream.spec.observation_space, stream.spec.action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._plant, self._step = self._stream.plant(0.5, seed or 0), 0
        self._full = self._plant.capacity
        return self._plant.reset(self._stream.spec.highest), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._plant.capacity = self._full * self._shares[self._step]
        self._step += 1
        observation, outcome = self._plant.step(action)
        return observation, outcome.reward, False, self._step >= len(self._shares), {}


class Silent(gym.Env[Any, Any]):
    """Every ratio stays unknown, whatever is set."""

    def __init__(self, spec: ElasticitySpec, steps: int = 12) -> None:
        self._spec, self._steps = spec, steps
        self.observation_space, self.action_space = spec.observation_space, spec.action_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._step = 0
        return self._spec.encode(self._spec.highest, {}, {}), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        observation = self._spec.encode(self._spec.checked_action(action), {}, {})
        return observation, 0.0, False, self._step >= self._steps, {}


class Uninformed(gym.Wrapper[Any, Any, Any, Any]):
    """The same world without a word in `info`."""

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        return self.env.reset(**arguments)[0], {}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        return *self.env.step(action)[:4], {}


@dataclass(frozen=True, slots=True)
class Played:
    """An episode: what was set, and the figures behind it, one entry per step."""

    actions: list[tuple[int, ...]]
    figures: list[dict[str, float]]


def play(agent: Agent, env: gym.Env[Any, Any], seed: int = 0) -> Played:
    """An episode by the run loop's own rules, of agent and world alike."""
    kept = Steps()
    episode.play(agent, env, seed, [kept])
    steps = kept.seen
    return Played([step.action for step in steps], [dict(step.explanation) for step in steps])


def extremes(spec: ElasticitySpec) -> list[np.ndarray]:
    """Observations at the edges of the space: ratios 0, 1, or capped; at the lowest and highest levels."""
    low, high = spec.observation_space.low, spec.observation_space.high
    k, s = len(spec.knobs), len(spec.slos)
    seen = []
    for levels in (low[:k], high[:k]):
        for ratios in (low[k : k + s], np.ones(s, np.float32), high[k : k + s]):
            for rest in (low[k + 2 * s :], high[k + 2 * s :]):
                seen.append(np.concatenate([levels, ratios, np.ones(s, np.float32), rest]))
    return seen
