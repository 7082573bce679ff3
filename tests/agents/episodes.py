"""Agents as conf/ has them, and episodes of them on a plant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hydra.utils import get_class, instantiate

from agents.base import Agent, Transition
from agents.learned.agent import Learned
from envs.spec import ElasticitySpec
from tests.agents.learned.untrained import untrained
from tests.agents.line import Line
from tests.agents.plant import Outcome, Plant

CONF = Path(__file__).resolve().parents[2] / "conf" / "agent"


def make(name: str, spec: ElasticitySpec, **changes: Any) -> Agent:
    """The agent of conf/agent/NAME.yaml, with some of its values changed; a learned one is yet to learn.

    A name that is a whole path is that of a file elsewhere.
    """
    values = yaml.safe_load((CONF / name).with_suffix(".yaml").read_text())
    values.pop("defaults", None)  # types, which these values have by themselves
    if issubclass(get_class(values["_target_"]), Learned) and "checkpoint" not in changes:
        return untrained(instantiate(values | changes | {"checkpoint": None}, _partial_=True)(spec=spec))
    return instantiate(values | changes, _partial_=True)(spec=spec)


@dataclass(frozen=True, slots=True)
class Episode:
    """What happened, one entry per step."""

    levels: list[tuple[int, ...]]
    outcomes: list[Outcome]
    figures: list[dict[str, float]]

    def qoe(self, start: int, stop: int | None = None) -> float:
        """Mean over these steps."""
        return float(np.mean([outcome.qoe for outcome in self.outcomes[start:stop]]))

    def fulfilment(self, start: int, stop: int | None = None) -> float:
        """Share of these steps in which every SLO held."""
        return float(np.mean([outcome.fulfilled for outcome in self.outcomes[start:stop]]))

    def changes(self, start: int, stop: int | None = None) -> int:
        """Steps among these that changed a level."""
        return sum(outcome.changed > 0 for outcome in self.outcomes[start:stop])


def run(
    agent: Agent, plant: Plant | Line, start: Sequence[int], capacities: Sequence[float], seed: int = 0
) -> Episode:
    """An episode of `agent` from levels `start`; `capacities` scale the plant's own, one per step."""
    full = plant.capacity
    agent.reset(seed)
    observation = plant.reset(start)
    episode = Episode([], [], [])
    for share in capacities:
        plant.capacity = full * share
        levels = agent.act(observation, {})
        seen, (observation, outcome) = observation, plant.step(levels)
        agent.learn(Transition(seen, levels, outcome.reward, observation, terminated=False))
        episode.levels.append(tuple(int(level) for level in levels))
        episode.outcomes.append(outcome)
        episode.figures.append(agent.explain())
    return episode
