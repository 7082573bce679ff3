"""The simulator is the pipeline's real cores, frame for frame, over random systems, settings and faults."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Hardware, Link, Origin
from envs.observe import Snapshot, judge
from envs.scenario import Event, EventKind, Scenario
from envs.simulator.env import SimulatorEnv
from envs.simulator.system import System
from envs.simulator.verdicts import METRICS
from pipeline.messages import Telemetry
from tests.cases import nightly_but
from tests.envs.simulator.reference import Reference
from tests.envs.simulator.systems import SLOS, device, random_system, spec, system

SPEC = spec()
F1 = StreamProfile(
    ages_s=(0.0, 0.2, 1.0),
    grades={"n": GradeF1({"18": (0.3, 0.2, 0.1), "36": (0.8, 0.6, 0.0)}, Origin.ASSUMED, "this test")},
)


def random_levels(rng: random.Random, held: tuple[int, int, int]) -> tuple[int, int, int]:
    """Often the same again."""
    if rng.random() < 0.5:
        return held
    fps, size, grade = (rng.randrange(n) for n in SPEC.n_levels)
    return fps, size, grade


def delivered_in(env: SimulatorEnv) -> list[int]:
    """Latencies of the interval's deliveries in ns, ascending."""
    episode = env.fleet.episodes[0]
    return episode["latencies_ns"][: episode["i_delivered"]].tolist()


def assert_same(ours: Any, theirs: Any, place: str = "") -> None:
    """Equal, but for the rounding of sums in another order; NaN equals NaN."""
    if isinstance(theirs, Mapping):
        assert set(ours) == set(theirs), place
        for name in theirs:
            assert_same(ours[name], theirs[name], f"{place}.{name}")
    elif isinstance(theirs, float) and math.isnan(theirs):
        assert math.isnan(ours), place
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-12), place
    else:
        assert (type(ours), ours) == (type(theirs), theirs), place


def run_both(simulated: System, seed: int, n_steps: int) -> Telemetry:
    """Assert that nothing can tell them apart; returns the cores' last words."""
    simulated = replace(simulated, accuracy=F1)
    env, reference = SimulatorEnv(SPEC, [simulated]), Reference(simulated, SLOS, seed)
    env.reset(seed=seed)
    rng, levels = random.Random(seed), simulated.first_levels
    slos, streams, known_f1 = SLOS, simulated.scenario.streams, math.nan
    timeline = simulated.scenario.timeline(simulated.steps, simulated.control_interval_s, seed)
    for step in range(n_steps):
        previous, levels = levels, random_levels(rng, levels)
        observation, reward, _, over, info = env.step(levels)
        telemetry = reference.step(levels)
        for event in timeline.get(step, ()):
            if event.kind == "streams":
                streams = int(event.value or 0)
            if event.kind == "threshold":
                slos = tuple(
                    replace(s, threshold=event.value) if s.metric == event.metric else s for s in slos
                )
        latencies_ns = sorted(frame.latency_ns for frame in reference.delivered)
        assert delivered_in(env) == latencies_ns, f"step {step}"
        f1 = reference.streaming_f1(streams)
        known_f1 = known_f1 if math.isnan(f1) else f1
        snapshot = Snapshot(
            step=step + 1,
            levels=levels,
            previous=previous,
            settings=simulated.ladders.settings(levels),
            streams=streams,
            interval=telemetry.interval,
            totals=telemetry.totals,
            report_age_s=0.0,
            interval_s=telemetry.interval.duration_s,
            slos=slos,
            f1_before=known_f1,
        )
        expected = judge(SPEC, snapshot)
        expected.info["metrics"] = {name: expected.info["metrics"][name] for name in METRICS}
        expected.info["metrics"]["streaming_f1"] = f1
        assert_same(info, expected.info, f"step {step}")
        assert reward == pytest.approx(expected.reward, rel=1e-12)
        assert observation == pytest.approx(expected.observation, rel=1e-6)
        assert env.fleet.episodes[0]["n_trials"] == telemetry.trials
        if over:
            break
    return telemetry


def test_a_steady_stream():
    assert run_both(system(), seed=1, n_steps=20).totals.delivered > 150


def test_workers_that_are_tried():
    hardware = Hardware((device(1.0, count=1), device(15.0, link=Link(0.3, 20.0, "port"), sigma=0.1)))
    faults = (
        Event(kind=EventKind.SLOW_WORKER, worker=1, value=5.0, at_s=0.0),
        Event(kind=EventKind.SLOW_WORKER, worker=1, value=1.0, at_s=12.0),
        Event(kind=EventKind.LOSE_WORKER, worker=2, at_s=25.0),
        Event(kind=EventKind.JOIN_WORKER, worker=2, at_s=27.0),
    )
    simulated = system(hardware=hardware, scenario=Scenario(streams=2, events=faults), steps=60, batch=2)
    assert run_both(simulated, seed=1, n_steps=60).trials > 3


@pytest.mark.parametrize("seed", nightly_but(range(40), range(200)))
def test_any_system(seed):
    run_both(random_system(seed), seed, n_steps=20)
