"""The distribution that worlds are drawn from: hardware, stream, thresholds, load, faults, links, telemetry.

Ranges, and why they are what they are, stand in docs/worlds.md, which a test holds against a thousand draws.

What a stratum is short of is drawn from the scarce end of its range, so that what binds is found soon.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Device, GradeTimes, Hardware, Host, Link, Origin
from envs.patterns import LinkPattern, LoadPattern, LoadShape, TenantPattern
from envs.scenario import Event, EventKind, Scenario, Thermal
from envs.telemetry import Telemetry
from pipeline.settings import Ladders, ladders_for
from pipeline.slos import Slo, video_slo

GRADES = ("n", "s", "m")
SOURCES = ((640, 360, 30.0), (640, 480, 15.0), (960, 540, 25.0), (1280, 720, 30.0), (1280, 720, 10.0))
RATES = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)  # levels of the FPS knob are among these
SHARES = (0.25, 1 / 3, 0.5, 0.6, 0.75, 1.0)  # of the source's height, levels of the resolution knob
REFERENCE_PX = 640 * 640
MS = (3.0, 400.0)  # of grade n at that size
KINDS_WITHIN = 6.0
SOURCE = "drawn (envs.procedural)"
SHARED = 0.25  # of the worlds: all links are one
MEMORY_THRESHOLD = 0.8
AGES_S = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # of what is shown
SMALL = (0.15, 0.7)  # height of the frame, as a share of the source's, at which 63 % of the best is found
HALF_LIFE_S = (0.15, 3.0)  # of F1 with age: people who walk by, traffic, a slow scene
TRAFFIC_HALF_LIFE_S = 0.55  # of the procedural traffic at its own pace: .51 to .62 by size and F1, measured
QUEUE_S = 4.0  # of the queue
MOST_LEVELS = (6, 5, len(GRADES))  # of each knob


class Stratum(StrEnum):
    """What binds in a world: what breaks first where quality is raised too far."""

    COMPUTE = "compute"
    LINK = "link"
    LATENCY = "latency"  # though no stage is at its limit: large models, unlike devices, long ways
    MEMORY = "memory"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Stream:
    """What is streamed; sizes in px, frames/s."""

    width: int
    height: int
    fps: float
    ladders: Ladders


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def draw_stream(rng: np.random.Generator) -> Stream:
    """Draw a source and the ladders of its knobs: four to six rates, three to five heights."""
    width, height, fps = SOURCES[rng.integers(len(SOURCES))]
    rates = [rate for rate in RATES if rate < fps]
    below = sorted(
        rng.choice(len(rates), min(len(rates), int(rng.integers(3, MOST_LEVELS[0]))), replace=False)
    )
    shares = sorted(rng.choice(len(SHARES) - 1, int(rng.integers(2, MOST_LEVELS[1])), replace=False))
    heights = [*(2 * round(SHARES[i] * height / 2) for i in shares), height]
    ladders = ladders_for(width, height, fps, GRADES, [*(rates[i] for i in below), fps], heights)
    return Stream(width, height, fps, ladders)


def draw_scene(rng: np.random.Generator, stream: Stream) -> StreamProfile:
    """Draw what detections are worth: how well objects are found, how small and how fast they are.

    F1(height, age) = best · (1 − exp(−(height / small)^steepness)) · 2^(−(age / half-life)²); both scenes
    that were measured (conf/accuracy/) are within its ranges.
    """
    best = rng.uniform(0.7, 0.95)
    small_px = stream.height * log_uniform(rng, *SMALL)
    steepness, half_life_s = rng.uniform(1.0, 2.0), log_uniform(rng, *HALF_LIFE_S)
    fresh = {px: best * (1 - math.exp(-((px / small_px) ** steepness))) for _, px in stream.ladders.sizes}
    ages = [2.0 ** -((age / half_life_s) ** 2) for age in AGES_S]
    f1 = {str(px): [round(value * share, 4) for share in ages] for px, value in fresh.items()}
    return StreamProfile(
        ages_s=AGES_S,
        grades={GRADES[0]: GradeF1(f1, Origin.ASSUMED, SOURCE)},
        scene_sd=0.0,  # its mean is drawn already
        second_sd=round(rng.uniform(0.2, 0.7), 3),
        second_correlation=round(rng.uniform(0.5, 0.95), 3),
        scene="drawn",
        pace=round(TRAFFIC_HALF_LIFE_S / half_life_s, 3),
    )


def draw_hardware(rng: np.random.Generator, stream: Stream, stratum: Stratum) -> Hardware:
    """Draw one to eight workers of one to three kinds, and their links."""
    n_workers = int(rng.integers(1, 9))
    n_kinds = min(n_workers, int(rng.integers(2 if stratum is Stratum.LATENCY else 1, 4)))
    base_ms = log_uniform(rng, MS[0], MS[1] / (10.0 if stratum in (Stratum.LINK, Stratum.MEMORY) else 2.0))
    counts = 1 + rng.multinomial(n_workers - n_kinds, np.full(n_kinds, 1 / n_kinds))
    mbit_s, delay_ms = draw_link(rng, stratum)
    shared = "access_point" if rng.random() < SHARED else ""
    steps = (rng.uniform(1.2, 3.5), rng.uniform(1.2, 3.5))
    exponent, fixed, sigma = rng.uniform(0.2, 1.0), rng.uniform(0.0, 0.3), rng.uniform(0.05, 0.3)
    idle_w, busy_w = log_uniform(rng, 1.0, 5.0), log_uniform(rng, 5.0, 25.0)
    devices = []
    for count in counts:
        ms = float(np.clip(base_ms * log_uniform(rng, 1 / KINDS_WITHIN, KINDS_WITHIN), *MS))
        factors = (1.0, steps[0], steps[0] * steps[1])
        devices.append(
            Device(
                count=int(count),
                times={
                    grade: times_of(ms * factor, exponent, fixed, stream.ladders.sizes)
                    for grade, factor in zip(GRADES, factors, strict=True)
                },
                sigma=round(sigma, 3),
                handling_ms=round(log_uniform(rng, 0.5, 8.0), 2),
                load_ms=500.0,
                new_shape_ms=50.0,
                link=Link(round(delay_ms, 2), round(mbit_s, 1), shared),
                idle_w=round(idle_w, 1),
                busy_w=round(busy_w, 1),
                power_source=SOURCE,
            )
        )
    return Hardware(tuple(devices), Host(message_ms=0.2, capture_ms=1.0))


def draw_link(rng: np.random.Generator, stratum: Stratum) -> tuple[float, float]:
    """Draw (Mbit/s, ms): poor ones where the link is to bind, good ones where it is not."""
    match stratum:
        case Stratum.LINK:
            return log_uniform(rng, 20.0, 120.0), log_uniform(rng, 0.2, 10.0)
        case Stratum.COMPUTE:
            return log_uniform(rng, 200.0, 1000.0), log_uniform(rng, 0.2, 10.0)
        case _:
            return log_uniform(rng, 20.0, 1000.0), log_uniform(rng, 0.2, 40.0)


def times_of(ms: float, exponent: float, fixed: float, sizes: Sequence[tuple[int, int]]) -> GradeTimes:
    """Return a grade's service times at the ladder's sizes; `ms` at REFERENCE_PX, `fixed` of it always."""
    scaled = {
        f"{width}x{height}": round(
            ms * (fixed + (1 - fixed) * (width * height / REFERENCE_PX) ** exponent), 3
        )
        for width, height in sizes
    }
    return GradeTimes(scaled, Origin.ASSUMED, SOURCE)


def draw_slos(rng: np.random.Generator, stratum: Stratum) -> tuple[Slo, ...]:
    """Draw the thresholds of the default SLOs."""
    latency_ms = log_uniform(rng, *((150.0, 400.0) if stratum is Stratum.LATENCY else (300.0, 1000.0)))
    return (
        video_slo("queue_size", round(log_uniform(rng, 0.5, 3.0), 2)),
        video_slo("memory_usage", MEMORY_THRESHOLD),
        video_slo("latency_p95_ms", round(latency_ms, 0)),
        video_slo("drop_rate", round(log_uniform(rng, 0.02, 0.1), 3)),
        video_slo("load", 1.0),
    )


def draw_memory_mb(rng: np.random.Generator, stream: Stream, stratum: Stratum) -> float:
    """Draw the producer's budget in MB: with room for a share of a full queue of the largest pictures."""
    share = log_uniform(rng, *((0.02, 0.2) if stratum is Stratum.MEMORY else (0.5, 2.0)))
    queue_mb = QUEUE_S * stream.fps * 3 * stream.width * stream.height / 1e6
    return round(share * queue_mb / MEMORY_THRESHOLD, 1)


def draw_scenario(rng: np.random.Generator, hardware: Hardware, steps_s: float) -> Scenario:
    """Draw load, faults, links, heat and telemetry of a run that lasts so many seconds."""
    streams, load, events = draw_load(rng)
    faults, tenants = draw_fault(rng, hardware.n_workers)
    links = None
    if rng.random() < 0.3:
        mbit_s = min(device.link.mbit_s for device in hardware.devices)
        links = LinkPattern(low_mbit_s=0.5 * mbit_s, high_mbit_s=2.0 * mbit_s, period_s=steps_s / 6)
    thermal = None
    if rng.random() < 1 / 7:
        thermal = Thermal(
            tau_s=round(rng.uniform(30.0, 90.0)), throttles_from=0.5, slowdown=round(rng.uniform(1.2, 2.0), 2)
        )
    return Scenario(
        streams=streams,
        events=(*events, *faults),
        load=load,
        links=links,
        tenants=tenants,
        telemetry=draw_telemetry(rng),
        thermal=thermal,
    )


def draw_load(rng: np.random.Generator) -> tuple[int, LoadPattern | None, tuple[Event, ...]]:
    """Draw (streams at the start, a pattern, events)."""
    low = int(rng.integers(1, 3))
    high = low + int(rng.integers(1, 3))
    match rng.choice(
        ["steady", "burst", "creep", "flapping", "diurnal", "noisy"], p=[0.25, 0.2, 0.1, 0.1, 0.15, 0.2]
    ):
        case "burst":
            changes = ((high, rng.uniform(0.25, 0.4)), (low, rng.uniform(0.6, 0.75)))
        case "creep":
            ends = np.linspace(0.25, 0.75, high - low)
            changes = tuple((low + i + 1, float(share)) for i, share in enumerate(ends))
        case "flapping":
            return low, LoadPattern(shape=LoadShape.FLAPPING, low=low, high=low + 1, period_s=10.0), ()
        case "diurnal":
            return low, LoadPattern(shape=LoadShape.DIURNAL, low=low, high=high, period_s=60.0), ()
        case "noisy":
            period_s = round(rng.uniform(8.0, 25.0), 1)
            return low, LoadPattern(shape=LoadShape.NOISY, low=low, high=high, period_s=period_s), ()
        case _:
            changes = ()
    kind = EventKind.STREAMS
    return low, None, tuple(Event(kind=kind, value=n, at_share=round(at, 3)) for n, at in changes)


def draw_fault(rng: np.random.Generator, n_workers: int) -> tuple[tuple[Event, ...], TenantPattern | None]:
    """Draw what happens to one worker, or nothing in half of the worlds; the only one is never lost."""
    worker = int(rng.integers(n_workers))
    begin, end = round(rng.uniform(0.2, 0.4), 3), round(rng.uniform(0.6, 0.8), 3)

    def event(kind: EventKind, at: float, value: float | None = None) -> Event:
        return Event(kind=kind, worker=worker, value=value, at_share=at)

    match rng.choice(["none", "loss", "straggler", "tenant", "join"], p=[0.5, 0.15, 0.1, 0.15, 0.1]):
        case "loss" if n_workers > 1:
            return (event(EventKind.LOSE_WORKER, begin), event(EventKind.JOIN_WORKER, end)), None
        case "straggler":
            slowdown = round(rng.uniform(2.0, 5.0), 2)
            slow = EventKind.SLOW_WORKER
            return (event(slow, begin, slowdown), event(slow, end, 1.0)), None
        case "tenant":
            tenants = TenantPattern(workers=(worker,), low=1.5, high=4.0, stay_s=20.0, absence_s=30.0)
            return (), tenants
        case "join":
            return (event(EventKind.JOIN_WORKER, begin),), None
        case _:
            return (), None


def draw_telemetry(rng: np.random.Generator) -> Telemetry | None:
    """Draw how figures reach the agent: exact and at once in a quarter of the worlds."""
    late = int(rng.choice([0, 1, 2, 3], p=[0.6, 0.2, 0.1, 0.1]))
    noise = round(rng.uniform(0.02, 0.2), 3) if rng.random() < 0.4 else 0.0
    missing = round(rng.uniform(0.01, 0.1), 3) if rng.random() < 0.3 else 0.0
    return Telemetry(late=late, noise=noise, missing=missing) if late or noise or missing else None
