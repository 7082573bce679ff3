"""The catalogue of metrics, which SLOs are on: a new one is a function of facts, and a line here."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline import metrics as of
from pipeline.class_names import COCO
from pipeline.findings import (
    Confidences,
    Followed,
    Matches,
    box_jitter,
    box_jitter_px,
    count_accuracy,
    count_jumps,
    mean_confidence,
    precision,
    recall,
    streaming_f1,
    sure_share,
)
from pipeline.interval import Interval

NATIVE, EMULATED, SIMULATOR = "native", "emulated", "simulator"
WORLDS = {
    NATIVE: "workers with trained weights",
    EMULATED: "workers without trained weights",
    SIMULATOR: "the simulator",
}
EVERYWHERE = tuple(WORLDS)
# measured only where an SLO asks for one of them
AGREEMENT = "agreement"
OF_CONFIDENCE = ("mean_confidence", "sure_share")
OF_FOLLOWED = ("box_jitter", "box_jitter_px", "detection_delay_ms", "detection_spread_ms")


def _one(facts: Interval) -> float:
    return 1.0


def _frames_per_source_second(facts: Interval) -> float:
    return facts.source_fps * facts.n_streams


@dataclass(frozen=True, slots=True)
class Metric:
    """An entry of the catalogue.

    Attributes:
        measure: facts -> value, NaN if unknown.
        unit: SI or derived, "" for a pure number.
        memory: whether the value carries the past (a queue) or speaks of this interval alone. Drops need a
            full queue, so they carry it too.
        scale: what one unit of an SLO's threshold stands for in this interval.
        worlds: where it can be known: of workers whose networks are trained (NATIVE), of others, whose
            detections are emulated or none (EMULATED), in the SIMULATOR.
        needs_truth: whether that takes knowing what is really in the pictures.
        of_matches: of what was found of some classes; None = it is not by class.
    """

    measure: Callable[[Interval], float]
    unit: str
    memory: bool = False
    scale: Callable[[Interval], float] = _one
    worlds: tuple[str, ...] = EVERYWHERE
    needs_truth: bool = False
    of_matches: Callable[[Matches], float] | None = None

    @property
    def is_simulated(self) -> bool:
        """Tell whether the simulator knows it."""
        return SIMULATOR in self.worlds


def _of_objects(function: Callable[[Matches], float]) -> Metric:
    return Metric(lambda facts: function(facts.total), "", False, _one, (NATIVE, EMULATED), True, function)


def _of_confidences(function: Callable[[Confidences], float]) -> Metric:
    return Metric(lambda facts: function(facts.confidences), "", worlds=(NATIVE,))


def _of_followed(function: Callable[[Followed], float], unit: str, memory: bool = False) -> Metric:
    return Metric(lambda facts: function(facts.followed), unit, memory, _one, (NATIVE, EMULATED), True)


CATALOGUE: Mapping[str, Metric] = {
    # thresholds of queue_size are in seconds of the source's frames, of all streams
    "queue_size": Metric(of.queue_size, "tasks", memory=True, scale=_frames_per_source_second),
    "memory_usage": Metric(of.memory_usage, "", memory=True),
    "latency_p50_ms": Metric(of.latency_p50_ms, "ms", memory=True),
    "latency_p95_ms": Metric(of.latency_p95_ms, "ms", memory=True),
    "latency_p99_ms": Metric(of.latency_p99_ms, "ms", memory=True),
    "drop_rate": Metric(of.drop_rate, "", memory=True),
    "load": Metric(of.load, ""),
    "load_capture": Metric(of.load_capture, ""),
    "load_link": Metric(of.load_link, ""),
    "load_compute": Metric(of.load_compute, ""),
    "delivered_fps": Metric(of.delivered_fps, "1/s"),
    "processing_time_max_worker": Metric(of.processing_time_max_worker, ""),
    "offered_fps": Metric(of.offered_fps, "1/s"),
    "processed_fps": Metric(of.processed_fps, "1/s"),
    "service_ms": Metric(of.service_ms, "ms"),
    "utilisation": Metric(of.utilisation, ""),
    "live_workers": Metric(of.live_workers, ""),
    "time_to_adapt_ms": Metric(of.time_to_adapt_ms, "ms"),
    "power_w": Metric(of.power_w, "W"),
    "streaming_f1": Metric(streaming_f1, "", needs_truth=True, of_matches=streaming_f1),
    "recall": _of_objects(recall),
    "precision": _of_objects(precision),
    "count_accuracy": _of_objects(count_accuracy),
    "count_jumps": _of_objects(count_jumps),
    "mean_confidence": _of_confidences(mean_confidence),
    "sure_share": _of_confidences(sure_share),
    "box_jitter": _of_followed(box_jitter, ""),
    "box_jitter_px": _of_followed(box_jitter_px, "px"),
    "detection_delay_ms": _of_followed(lambda followed: followed.delay_ms, "ms", memory=True),
    "detection_spread_ms": _of_followed(lambda followed: followed.spread_ms, "ms", memory=True),
    AGREEMENT: Metric(lambda facts: streaming_f1(facts.agreed), "", memory=True, worlds=(NATIVE,)),
    "drop_streak": Metric(of.drop_streak, "frames", memory=True),
    "utilisation_balance": Metric(of.utilisation_balance, ""),
    "response_ms": Metric(of.response_ms, "ms"),
    "recovery_ms": Metric(of.recovery_ms, "ms", memory=True),
    "error_rate": Metric(of.error_rate, "", worlds=(NATIVE, EMULATED)),
    "unknown_share": Metric(of.unknown_share, ""),
    "energy_per_frame_j": Metric(of.energy_per_frame_j, "J"),
    "energy_per_object_j": Metric(of.energy_per_object_j, "J", worlds=(NATIVE, EMULATED), needs_truth=True),
    "queue_s": Metric(of.queue_s, "s", memory=True),
    "host_memory": Metric(of.host_memory, "", memory=True),
    "task_time_share": Metric(of.task_time_share, ""),
    "task_time_share_max_worker": Metric(of.task_time_share_max_worker, ""),
}


def metric_of(name: str) -> Metric:
    """Find a metric of the catalogue, or METRIC.CLASS: one of what was found, of objects of that class alone.

    Raises:
        ValueError: there is none.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    whole, _, label = name.partition(".")
    of_matches = CATALOGUE[whole].of_matches if whole in CATALOGUE else None
    if of_matches is None or label not in COCO:
        by_class = [each for each, metric in CATALOGUE.items() if metric.of_matches is not None]
        raise ValueError(
            f"unknown SLO metric {name!r}; expected one of {', '.join(CATALOGUE)}; or one of "
            f"{', '.join(by_class)} with a dot and a class of COCO behind it"
        )
    return Metric(
        lambda facts: of_matches(facts.matches.get(label, Matches())),
        "",
        worlds=(NATIVE, EMULATED),
        needs_truth=True,
    )


def measure(facts: Interval) -> dict[str, float | None]:
    """List every metric of the catalogue, by name; None where it is unknown."""
    values = {name: metric.measure(facts) for name, metric in CATALOGUE.items()}
    return {name: None if math.isnan(value) else value for name, value in values.items()}
