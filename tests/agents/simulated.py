"""Simulated worlds in which capacity is scarce, plentiful, lost or asked for by others; episodes in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from agents.base import Agent, Transition
from envs.hardware import Device, GradeTimes, Hardware, Origin
from envs.scenario import Event, EventKind, Scenario
from envs.simulator.branches import Branches
from envs.simulator.env import SimulatorEnv
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from envs.video import video_spec
from pipeline.settings import ladders_for
from pipeline.slos import SloState, video_slo

SIZE, RATE = (640, 360), 30.0
GRADES = {"n": 1.0, "s": 2.6, "m": 6.5}  # times as much work; the spec says 1 : 3.3 : 10
LADDERS = ladders_for(*SIZE, RATE, tuple(GRADES))
SLOS = (
    video_slo("queue_size", 2.0),
    video_slo("memory_usage", 0.8),
    video_slo("latency_p95_ms", 1000.0),
    video_slo("drop_rate", 0.05),
    video_slo("load", 1.0),
)
BEGINS, ENDS = 40, 60  # of what disturbs a world: the first step in it, and the first after it
HELD_STEPS = 5  # in which all SLOs hold: it has recovered
OUTLOOK = 10  # intervals in which holding still would break an SLO


@dataclass(frozen=True, slots=True)
class World:
    """Workers of one kind and what happens to them.

    Attributes:
        n_ms: service time of the lightest grade in the largest frame.
        steps: of an episode.
        workers: at the beginning.
        lost: of them, from BEGINS to ENDS.
        streams: at once, from BEGINS to ENDS.
    """

    n_ms: float
    steps: int
    workers: int = 8
    lost: int = 0
    streams: int = 1

    def system(self) -> System:
        """Small frames take a fifth of the time; one size does not scale with its pixels."""
        times = {
            grade: GradeTimes(
                {"640x360": factor * self.n_ms, "160x90": factor * self.n_ms / 5}, Origin.ASSUMED, "this test"
            )
            for grade, factor in GRADES.items()
        }
        return System(
            ladders=LADDERS,
            source_size=SIZE,
            source_fps=RATE,
            hardware=Hardware((Device(times=times, count=self.workers, sigma=0.1),)),
            scenario=Scenario(events=self.events()),
            steps=self.steps,
        )

    def events(self) -> tuple[Event, ...]:
        """None in a steady world."""
        events = []
        for worker in range(self.lost):
            events.append(Event(kind=EventKind.LOSE_WORKER, worker=worker, at_s=float(BEGINS)))
            events.append(Event(kind=EventKind.JOIN_WORKER, worker=worker, at_s=float(ENDS)))
        if self.streams > 1:
            events.append(Event(kind=EventKind.STREAMS, value=self.streams, at_s=float(BEGINS)))
            events.append(Event(kind=EventKind.STREAMS, value=1, at_s=float(ENDS)))
        return tuple(events)


WORLDS = {
    "starved": World(n_ms=8000.0, steps=80),
    "plenty": World(n_ms=12.0, steps=40),
    "steady": World(n_ms=120.0, steps=70),
    "loss": World(n_ms=120.0, steps=85, lost=7),
    "load": World(n_ms=120.0, steps=85, streams=6),
}


def simulated_spec() -> ElasticitySpec:
    """Six rates, four sizes, three grades; the default SLOs."""
    return video_spec(LADDERS, SLOS)


def since(holds: Iterable[bool]) -> int | None:
    """The first entry from which all hold, to the end; None if the last does not."""
    held = list(holds)
    broken = [step for step, holds in enumerate(held) if not holds]
    first = broken[-1] + 1 if broken else 0
    return first if first < len(held) else None


@dataclass(frozen=True, slots=True)
class Simulated:
    """An episode, one entry per step.

    Attributes:
        levels: that were in force.
        fulfilled: whether every SLO held.
        qoe: delivered.
        breaks_if_held: whether an SLO would have been broken in the intervals from BEGINS on, had the levels
            before it been kept; empty where an episode is shorter.
    """

    levels: list[tuple[int, ...]]
    fulfilled: list[bool]
    qoe: list[float]
    breaks_if_held: list[bool]

    def settled(self, levels: Sequence[int]) -> int | None:
        """The first step from which these levels stay to the end; None if they are not the last."""
        return since(levels_in_force == tuple(levels) for levels_in_force in self.levels)

    def switches(self, start: int) -> int:
        """Changes of the levels from this step on."""
        return sum(a != b for a, b in pairwise(self.levels[start - 1 :]))

    def recovered(self) -> int | None:
        """Steps after BEGINS until every SLO holds for HELD_STEPS; None if not before ENDS."""
        for step in range(BEGINS, ENDS - HELD_STEPS + 1):
            if all(self.fulfilled[step : step + HELD_STEPS]):
                return step - BEGINS
        return None

    def restored(self) -> int | None:
        """Steps after ENDS until 90 % of the QoE that was lost is delivered again; None if never."""
        before = float(np.mean(self.qoe[BEGINS - 10 : BEGINS]))
        during = float(np.mean(self.qoe[ENDS - 10 : ENDS]))
        enough = before - 0.1 * max(before - during, 0.0)
        for step in range(ENDS, len(self.qoe) - HELD_STEPS + 1):
            if np.mean(self.qoe[step : step + HELD_STEPS]) >= enough:
                return step - ENDS
        return None


def simulate(agent: Agent, world: World, seed: int = 0) -> Simulated:
    """An episode, begun with every knob at its highest level."""
    env = SimulatorEnv(agent.spec, [world.system()])
    agent.reset(seed)
    observation, info = env.reset(seed=seed)
    episode = Simulated([], [], [], breaks_if_held := [])
    for step in range(world.steps):
        levels = agent.act(observation, info)
        if step == BEGINS:
            breaks_if_held += breaks_by_holding(env, episode.levels[-1])
        seen, (observation, reward, *_, info) = observation, env.step(levels)
        agent.learn(Transition(seen, levels, float(reward), observation, terminated=False))
        episode.levels.append(tuple(levels.tolist()))
        episode.fulfilled.append(max(info["slos"].values()) < SloState.CRITICAL)
        episode.qoe.append(info["qoe"])
    return episode


def breaks_by_holding(env: SimulatorEnv, levels: Sequence[int]) -> list[bool]:
    """Of the next OUTLOOK intervals, were the levels kept in them: whether an SLO would be broken."""
    branches = Branches(env, 1)
    branches.take()
    broken = []
    for _ in range(OUTLOOK):
        branches.step(np.array([levels]))
        broken.append(not bool(branches.fulfilled.all()))
    return broken
