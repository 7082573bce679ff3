"""Systems to simulate: a small plain one, and random ones of every kind."""

import random
from typing import Any

from envs.hardware import Device, GradeTimes, Hardware, Host, Link, Origin
from envs.scenario import Event, EventKind, Scenario, Thermal
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from envs.video import video_spec
from pipeline.messages import Binding, HandOut, LoadingMode
from pipeline.options import QueuePolicy
from pipeline.settings import ladders_for
from pipeline.slos import video_slo

SIZE = (64, 36)
LADDERS = ladders_for(*SIZE, 30.0, ("n", "s", "m"), fps_levels=(5, 12, 25, 30), heights_px=(18, 24, 36))
SLOS = (
    video_slo("queue_size", 2.0),
    video_slo("memory_usage", 0.8),
    video_slo("latency_p95_ms", 1000.0),
    video_slo("drop_rate", 0.05),
    video_slo("load", 1.0),
)


def spec() -> ElasticitySpec:
    """Four rates, three sizes, three grades; the default SLOs."""
    return video_spec(LADDERS, SLOS)


def device(n_ms: float = 20.0, **changes: Any) -> Device:
    """Grades cost 1 : 2 : 5; smaller frames less."""
    times = {
        grade: GradeTimes({"64x36": factor * n_ms, "32x18": factor * n_ms / 3}, Origin.ASSUMED, "this test")
        for grade, factor in (("n", 1), ("s", 2), ("m", 5))
    }
    return Device(**{"times": times, "count": 2, **changes})


def system(**changes: Any) -> System:
    """Two workers that can do 100 of the cheapest frames per second together."""
    values: dict[str, Any] = {
        "ladders": LADDERS,
        "source_size": SIZE,
        "source_fps": 30.0,
        "hardware": Hardware((device(),)),
        "steps": 20,
    }
    return System(**(values | changes))


def random_system(seed: int) -> System:
    """Any: mixed devices, links, loads and faults; leases so short and links so slow that much goes wrong."""
    rng = random.Random(seed)
    devices = tuple(_random_device(rng) for _ in range(rng.randint(1, 3)))
    hardware = Hardware(
        devices, Host(message_ms=rng.choice((0.0, 0.2, 30.0)), capture_ms=rng.choice((0.0, 1.5, 40.0)))
    )
    n_workers = hardware.n_workers
    events = tuple(_random_event(rng, n_workers) for _ in range(rng.randint(0, 8)))
    thermal = Thermal(tau_s=5.0, throttles_from=0.3, slowdown=3.0) if rng.random() < 0.3 else None
    return system(
        hardware=hardware,
        scenario=Scenario(streams=rng.randint(1, 3), events=events, thermal=thermal),
        control_interval_s=rng.choice((1.0, 0.5, 0.35)),
        decision_ms=rng.choice((0.0, 0.0, 120.0)),
        source_length_s=rng.choice((0.0, 0.0, 6.0)),
        return_frames=rng.random() < 0.5,
        loading_mode=rng.choice((LoadingMode.EAGER, LoadingMode.LAZY)),
        binding=rng.choice((Binding.HAND_OUT, Binding.HAND_OUT, Binding.CAPTURE)),
        hand_out=rng.choice((HandOut.EARLIEST_DONE, HandOut.EARLIEST_DONE, HandOut.FIRST_ASKS)),
        queue_policy=rng.choice((QueuePolicy.DROP_OLDEST, QueuePolicy.DROP_NEWEST)),
        queue_bound_s=rng.choice((0.2, 1.0, 4.0)),
        heartbeat_s=rng.choice((0.2, 0.5)),
        lease_s=rng.choice((0.3, 1.0, 10.0)),
        retries=rng.randint(0, 2),
        prefetch=rng.randint(1, 3),
        batch=rng.randint(1, 3),
    )


def _random_device(rng: random.Random) -> Device:
    made = device(
        rng.uniform(2.0, 60.0),
        count=rng.randint(1, 2),
        sigma=rng.choice((0.0, 0.1, 0.5)),
        correlation=rng.choice((0.0, 0.6)),
        capacity=rng.choice((1.0, 0.6)),
        handling_ms=rng.choice((0.0, 0.3)),
        start_ms=rng.choice((0.0, 700.0)),
        load_ms=rng.choice((0.0, 300.0)),
        new_shape_ms=rng.choice((0.0, 50.0)),
        link=Link(
            rng.choice((0.0, 0.3, 40.0)),
            rng.choice((float("inf"), 100.0, 2.0, 0.3)),
            rng.choice(("", "", "port", "access-point")),
        ),
    )
    if rng.random() < 0.5:
        return made
    times = {
        grade: GradeTimes(
            entry.ms,
            entry.origin,
            entry.source,
            quantiles_ms={"64x36": [entry.ms["64x36"] * factor for factor in (0.5, 0.9, 1.0, 1.1, 3.0)]},
        )
        for grade, entry in made.times.items()
    }
    return device(link=made.link, times=times, handling_ms=made.handling_ms, load_ms=made.load_ms)


def _random_event(rng: random.Random, n_workers: int) -> Event:
    at_s, worker = rng.uniform(0.0, 15.0), rng.randrange(n_workers)
    match rng.choice(list(EventKind)):
        case EventKind.STREAMS:
            return Event(kind=EventKind.STREAMS, value=rng.randint(1, 3), at_s=at_s)
        case EventKind.SLOW_WORKER:
            return Event(kind=EventKind.SLOW_WORKER, worker=worker, value=rng.uniform(1.0, 5.0), at_s=at_s)
        case EventKind.LINKS:
            return Event(kind=EventKind.LINKS, value=rng.choice((0.3, 5.0, 1000.0)), at_s=at_s)
        case EventKind.THRESHOLD:
            value = rng.uniform(0.5, 2.0)
            return Event(kind=EventKind.THRESHOLD, metric="load", value=value, at_s=at_s)
        case kind:
            return Event(kind=kind, worker=worker, at_s=at_s)
