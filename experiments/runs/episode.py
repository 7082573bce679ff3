"""The one loop: an agent and an environment take turns for an episode, and observers watch."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, SupportsFloat

import gymnasium as gym

from agents.base import Agent, Transition
from envs.telemetry import RECEIVED
from pipeline.program import ClusterError


@dataclass(frozen=True, slots=True)
class Step:
    """One decision and the control interval that followed it.

    Attributes:
        index: from 0.
        ended_s: end of the interval, since the first decision began.
        action: level index per knob, as decided.
        reward: of the interval, in [-1, 1].
        decision_ms, learning_ms: wall-clock time of `act` and of `learn`.
        info: the environment's figures of the interval, as it gave them.
        explanation: the agent's figures behind the decision, finite: others nobody can draw or compare.
    """

    index: int
    ended_s: float
    action: tuple[int, ...]
    reward: float
    decision_ms: float
    learning_ms: float
    info: Mapping[str, Any]
    explanation: Mapping[str, float]

    def __post_init__(self) -> None:
        for name, value in self.explanation.items():
            if not (isinstance(value, Real) and math.isfinite(value)):
                raise ValueError(f"the agent's explain() must give finite numbers, got {name}={value!r}")


class Observer:
    """Watches an episode, to record it or show it or ask what might have been; override what is wanted."""

    def begin(self, env: gym.Env) -> None:
        """See the environment, which is reset: the first interval is about to begin."""

    def step(self, step: Step) -> None:
        """See an interval that has just ended, and what the agent learned from it."""


class Steps(Observer):
    """Keeps every step of every episode that it is shown, in `seen`; `watch` sees each as it ends, too."""

    def __init__(self, watch: Callable[[Step], None] = lambda step: None) -> None:
        self.seen: list[Step] = []
        self._watch = watch

    def step(self, step: Step) -> None:
        """Keep it."""
        self.seen.append(step)
        self._watch(step)


def received(info: Mapping[str, Any], reward: SupportsFloat) -> float:
    """Return the reward that an agent may learn from: its own, or what telemetry has made of it."""
    return float(info.get(RECEIVED, reward))


def play(agent: Agent, env: gym.Env, seed: int, observers: Iterable[Observer] = ()) -> None:
    """Play one episode, from the reset of both to its end, with a warm agent; `env` is not closed.

    Raises:
        ClusterError: the real pipeline behind it broke; observers have seen every step until then.
        ValueError: the agent explains itself by what is no figure.
    """
    observers, clock = tuple(observers), time.perf_counter
    agent.reset(seed)
    observation, info = env.reset(seed=seed)
    for observer in observers:
        observer.begin(env)
    began_s, index, over = clock(), 0, False
    while not over:
        asked_s = clock()
        action = agent.act(observation, info)
        decided_s = clock()
        seen, (observation, reward, terminated, truncated, info) = observation, env.step(action)
        explanation, ended_s = agent.explain(), clock()
        agent.learn(Transition(seen, action, received(info, reward), observation, terminated))
        learned_s = clock()
        decision_ms, learning_ms = 1e3 * (decided_s - asked_s), 1e3 * (learned_s - ended_s)
        chosen = tuple(int(level) for level in action)
        step = Step(
            index, ended_s - began_s, chosen, float(reward), decision_ms, learning_ms, info, explanation
        )
        for observer in observers:
            observer.step(step)
        index, over = index + 1, terminated or truncated
    if "error" in info:
        raise ClusterError(info["error"])
