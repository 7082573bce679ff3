"""Under the rules that were before frames went to whom they will be done by earliest, all is as it was."""

import hashlib
import random

from envs.hardware import Hardware, Host, Link
from envs.scenario import Event, EventKind, Scenario
from envs.simulator.env import SimulatorEnv
from envs.simulator.system import System
from pipeline.messages import Binding, HandOut
from tests.envs.simulator.systems import device, spec, system

# of commit 036b0ff, which had no other hand-out
FORMER = "5e85f457341a02ce3838cd1f048d9e436e35027676dcb6b760fd12ee976efc31"


def systems(**rules) -> list[System]:
    """Equal workers, mixed ones behind links, and faults; no logarithm, which machines round differently."""
    slow = device(70.0, count=1, link=Link(0.3, 2.0))
    faults = (
        Event(kind=EventKind.STREAMS, value=3, at_s=4.0),
        Event(kind=EventKind.LOSE_WORKER, worker=0, at_s=6.0),
        Event(kind=EventKind.JOIN_WORKER, worker=0, at_s=9.0),
    )
    return [
        system(binding=Binding.CAPTURE, **rules),
        system(hardware=Hardware((device(8.0, count=1), slow)), binding=Binding.CAPTURE, **rules),
        system(
            hardware=Hardware((device(8.0), slow), Host(message_ms=0.2, capture_ms=1.5)),
            scenario=Scenario(streams=1, events=faults),
            lease_s=1.0,
            binding=Binding.CAPTURE,
            **rules,
        ),
    ]


def digest(played: list[System]) -> str:
    """Every latency in the order of delivery and every outcome, step by step, under drawn settings."""
    came = hashlib.sha256()
    for simulated in played:
        env, rng = SimulatorEnv(spec(), [simulated]), random.Random(1)
        env.reset(seed=1)
        for _ in range(simulated.steps):
            _, _, _, _, info = env.step(tuple(rng.randrange(n) for n in spec().n_levels))
            episode = env.fleet.episodes[0]
            latencies_ns = episode["latencies_ns"][: episode["i_delivered"]].tolist()
            came.update(repr((latencies_ns, sorted(info["frames"].items()))).encode())
    return came.hexdigest()


def test_capture_and_first_asks_give_every_frame_the_outcome_and_latency_that_it_had():
    assert digest(systems(hand_out=HandOut.FIRST_ASKS)) == FORMER
