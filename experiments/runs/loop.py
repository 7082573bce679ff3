"""The run loop: an agent and an environment take turns, and someone watches."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.base import Agent, Transition


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
        explanation: the agent's figures behind the decision.
    """

    index: int
    ended_s: float
    action: tuple[int, ...]
    reward: float
    decision_ms: float
    learning_ms: float
    info: Mapping[str, Any]
    explanation: Mapping[str, float]


def run_episode(
    agent: Agent,
    env: gym.Env,
    observation: NDArray[np.float32],
    info: Mapping[str, Any],
    observe: Callable[[Step], None],
    clock: Callable[[], float] = time.perf_counter,
) -> Mapping[str, Any]:
    """Let `agent` drive `env`, which was reset to `observation` and `info`, to the episode's end.

    `observe` sees every step as it ends; the last step's info is returned.
    """
    began_s, index, over = clock(), 0, False
    while not over:
        asked_s = clock()
        action = agent.act(observation, info)
        decided_s = clock()
        seen, (observation, reward, terminated, truncated, info) = observation, env.step(action)
        explanation, ended_s = agent.explain(), clock()
        agent.learn(Transition(seen, action, float(reward), observation, terminated))
        learned_s = clock()
        decision_ms, learning_ms = 1e3 * (decided_s - asked_s), 1e3 * (learned_s - ended_s)
        chosen = tuple(int(level) for level in action)
        observe(
            Step(index, ended_s - began_s, chosen, float(reward), decision_ms, learning_ms, info, explanation)
        )
        index, over = index + 1, terminated or truncated
    return info
