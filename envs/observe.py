"""From the facts of one control interval to observation, reward and info, the same in every world."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.reward import qoe, reward
from envs.spec import ElasticitySpec, Quality
from envs.video import STREAMING_F1, delivered_values, seen_accuracy
from pipeline.catalogue import CATALOGUE, measure, metric_of
from pipeline.interval import HOPS, Interval, WorkerInterval
from pipeline.messages import Totals
from pipeline.settings import StreamSettings
from pipeline.slos import Slo, SloReading, SloState, read_slos

STALE_AFTER_S = 2.0  # the collector reports every half second
DEAD_REWARD = -1.0  # the lowest there is: a dead pipeline fulfils nothing
# what becomes of a frame that was offered, or has not yet: these add up to all
OUTCOMES = ("delivered", "dropped", "thinned", "lost", "late", "in_flight")
NOTHING = Totals(offered=0, delivered=0, dropped={}, lost=0, lost_by={}, late=0, in_flight=0, requeued=0)
COUNTS = ("offered", *OUTCOMES[:-1])  # of an interval
UNKNOWN = SloReading(ratio=0.0, state=SloState.OK, known=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a world knows at the end of a control interval, or at the start of an episode.

    Attributes:
        step: intervals of this episode that have ended.
        levels: in force at the interval's end, one index per knob.
        previous: in force at the end of the one before.
        settings: what `levels` stand for.
        streams: concurrent streams, >= 1.
        interval: None if there was none: the episode begins, or the pipeline is dead.
        totals: frames of the episode so far; what was known last if the pipeline is dead.
        report_age_s: age of the last news from the pipeline's end.
        interval_s: how long the interval really was; 0 if there was none.
        overrun: whether the agent thought past a grid point.
        slos: those in force, with the spec's metrics in the spec's order; None = the spec's own.
        f1_before: streaming F1 of the episode as it was known last, NaN if it never was.
        deaths, restarts: of workers and collectors so far that died though nobody meant them to, and of those
            that took their places.
    """

    step: int
    levels: tuple[int, ...]
    previous: tuple[int, ...]
    settings: StreamSettings
    streams: int
    interval: Interval | None = None
    totals: Totals = NOTHING
    report_age_s: float = math.inf
    interval_s: float = 0.0
    overrun: bool = False
    slos: tuple[Slo, ...] | None = None
    f1_before: float = math.nan
    deaths: int = 0
    restarts: int = 0


class Judged(NamedTuple):
    """What an environment hands out."""

    observation: NDArray[np.float32]
    reward: float
    info: dict[str, Any]


def judge(spec: ElasticitySpec, snapshot: Snapshot) -> Judged:
    """Observation (see ElasticitySpec), reward in [-1, 1], and info: numbers only, each under its name.

    | info           | meaning                                                                        |
    |----------------|--------------------------------------------------------------------------------|
    | step           | intervals of the episode that have ended                                       |
    | metrics        | the catalogue's, SLOs'; hop_NAME_ms; frames by outcome; NaN = unknown           |
    | ratios, slos   | per SLO: metric / threshold; state 0 OK, 1 WARNING, 2 CRITICAL                  |
    | known          | per SLO: whether it was measured; if not, ratio 0 and state OK mean nothing:    |
    |                | it neither holds nor is broken                                                 |
    | thresholds     | per SLO: the one in force                                                      |
    | qoe            | in [0, 1], of what was delivered, by the spec's `quality`                      |
    | qoe_by         | in [0, 1], by every one of `Quality`; NaN where it is not known                |
    | delivered      | per knob, in its value's unit; NaN if nothing was delivered                    |
    | levels         | per knob, the level index in force                                             |
    | settings       | what they stand for: fps, width and height in px, index of the grade           |
    | streams        | concurrent streams                                                             |
    | frames         | of the episode so far, by outcome; drops: those dropped, by reason             |
    | workers        | per live worker: utilisation, service_ms (NaN = idle), processed, in_hand, and   |
    |                | expected_service_ms and expected_transfer_ms, by which frames are handed out   |
    | interval_s     | how long the interval was; overrun: whether the agent's thinking stretched it  |
    | stale          | the figures are old: the collector has been silent for STALE_AFTER_S            |
    | deaths         | workers and collectors of the episode so far that died though nobody meant it   |
    | restarts       | those of them that were started again                                          |
    """
    interval = snapshot.interval
    slos = snapshot.slos or spec.slos
    figures = _metrics(interval, [slo.metric for slo in slos])
    readings = (
        dict.fromkeys((slo.metric for slo in slos), UNKNOWN)
        if interval is None
        else read_slos(slos, interval)
    )
    delivered = (math.nan,) * len(spec.knobs) if interval is None else delivered_values(spec, interval)
    by = qoe_by(spec, snapshot.levels, delivered, latest_f1(figures, snapshot.f1_before))
    quality = 0.0 if math.isnan(by[spec.quality]) else by[spec.quality]
    changed = sum(now != then for now, then in zip(snapshot.levels, snapshot.previous, strict=True))
    earned = DEAD_REWARD if interval is None else reward(readings.values(), quality, changed, len(spec.knobs))
    info = {
        "step": snapshot.step,
        "metrics": figures,
        "ratios": {name: reading.ratio for name, reading in readings.items()},
        "slos": {name: int(reading.state) for name, reading in readings.items()},
        "known": {name: reading.known for name, reading in readings.items()},
        "thresholds": {slo.metric: slo.threshold for slo in slos},
        "qoe": quality,
        "qoe_by": {str(measure): value for measure, value in by.items()},
        "delivered": _by_knob(spec, delivered),
        "levels": _by_knob(spec, snapshot.levels),
        "settings": _settings(snapshot.settings),
        "streams": snapshot.streams,
        "frames": frames_of(snapshot.totals),
        "drops": dict(snapshot.totals.dropped),
        "workers": {} if interval is None else _workers(interval),
        "interval_s": snapshot.interval_s,
        "overrun": snapshot.overrun,
        "stale": snapshot.report_age_s > STALE_AFTER_S,
        "deaths": snapshot.deaths,
        "restarts": snapshot.restarts,
    }
    return Judged(spec.encode(snapshot.levels, readings, figures), earned, info)


def qoe_by(
    spec: ElasticitySpec, levels: Sequence[int], delivered: Sequence[float], f1: float
) -> dict[Quality, float]:
    """QoE by every measure, NaN by those of detections where F1 is.

    Args:
        spec: the stream.
        levels: in force, one index per knob.
        delivered: per knob, NaN where nothing was.
        f1: streaming, as it is known last.
    """
    return {
        Quality.ACCURACY: math.nan if math.isnan(f1) else seen_accuracy(f1, delivered[0]),
        Quality.F1: f1,
        Quality.KNOBS: qoe(spec, delivered),
        Quality.LEVELS: sum(spec.positions(levels)) / len(spec.knobs),
        Quality.FRUGAL: spared(spec, levels),
    }


def spared(spec: ElasticitySpec, levels: Sequence[int]) -> float:
    """Share of the highest setting's work at the last stage, that of computing, which these leave out."""
    return 1.0 - math.prod(knob.shares[level] for level, knob in zip(levels, spec.knobs, strict=True))


def latest_f1(figures: dict[str, float], before: float) -> float:
    """Streaming F1 of an interval, or of the one before where nothing was found nor there to be found."""
    f1 = figures.get(STREAMING_F1, math.nan)
    return before if math.isnan(f1) else f1


def _by_knob(spec: ElasticitySpec, values: Sequence[float]) -> dict[str, float]:
    return {knob.name: value for knob, value in zip(spec.knobs, values, strict=True)}


def _metrics(interval: Interval | None, asked: Sequence[str]) -> dict[str, float]:
    """The same names whether or not there was an interval, NaN where nothing is known.

    Args:
        asked: what SLOs are on, which may be of a class alone, and then not in the catalogue.
    """
    hops = {hop: f"hop_{hop}_ms" for hop in HOPS}
    figures = dict.fromkeys([*CATALOGUE, *hops.values(), *COUNTS, *asked], math.nan)
    if interval is not None:
        figures |= {name: metric_of(name).measure(interval) for name in asked}
        figures |= {name: value for name, value in measure(interval).items() if value is not None}
        figures |= {hops[hop]: mean_ms for hop, mean_ms in interval.hops_ms.items()}
        figures |= {name: float(n) for name, n in _counts(interval, COUNTS).items()}
    return figures


def _settings(settings: StreamSettings) -> dict[str, float]:
    return {
        "fps": settings.fps,
        "width": settings.width,
        "height": settings.height,
        "grade": settings.grade,
    }


def frames_of(totals: Totals) -> dict[str, int]:
    """Return the frames offered, how many came to each outcome, and how often one was queued again."""
    return _counts(totals, ("offered", *OUTCOMES, "requeued"))


def _counts(account: Totals | Interval, names: Sequence[str]) -> dict[str, int]:
    return {name: getattr(account, name) for name in names} | {"dropped": sum(account.dropped.values())}


def _workers(interval: Interval) -> dict[str, dict[str, float]]:
    return {worker.name: _worker(worker, interval.duration_s) for worker in interval.workers}


def _worker(worker: WorkerInterval, duration_s: float) -> dict[str, float]:
    return {
        "utilisation": worker.busy_s / duration_s,
        "service_ms": 1e3 * worker.service_s / worker.processed if worker.processed else math.nan,
        "processed": worker.processed,
        "in_hand": worker.in_hand,
        "expected_service_ms": 1e3 * worker.expected_service_s,
        "expected_transfer_ms": 1e3 * worker.expected_transfer_s,
    }
