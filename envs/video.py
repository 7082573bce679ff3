"""A video stream as an ElasticitySpec: its three knobs, and what was delivered of each."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from envs.spec import ElasticitySpec, Knob, ObservedMetric
from pipeline.interval import Interval
from pipeline.messages import Status
from pipeline.metrics import delivered_fps
from pipeline.settings import GRADES, Ladders
from pipeline.slos import Slo

FPS, RESOLUTION, GRADE = "fps", "resolution", "grade"  # names of the knobs, in the order of the messages
MODEL_PICTURE_PX = 640 * 640  # the picture that GRADES' GFLOPs are counted for


def video_spec(
    ladders: Ladders,
    slos: Sequence[Slo],
    weights: Mapping[str, float] | None = None,
    accuracy: Mapping[str, Mapping[str, float]] | None = None,
) -> ElasticitySpec:
    """Knobs fps, resolution and grade, in this order; the product of their costs is GFLOP/s per stream.

    Args:
        ladders: the levels, as the producer has them.
        slos: objectives on metrics of `pipeline.metrics.CATALOGUE`.
        weights: of the knobs in the QoE, by name, 1 where absent.
        accuracy: F1 by grade and frame size "WIDTHxHEIGHT", where it was measured; see `grade_values`.

    Raises:
        ValueError: a weight for a knob that does not exist, or one below 0.
    """
    weights = dict(weights or {})
    if unknown := set(weights) - {FPS, RESOLUTION, GRADE}:
        raise ValueError(f"QoE weights are for {FPS}, {RESOLUTION} and {GRADE}, got {sorted(unknown)}")
    heights = tuple(float(height) for _, height in ladders.sizes)
    grades = [GRADES[letter] for letter in ladders.grades]
    knobs = (
        Knob(FPS, "1/s", ladders.fps, ladders.fps, ladders.fps, weights.get(FPS, 1.0)),
        Knob(
            RESOLUTION,
            "px",
            tuple(height for _, height in ladders.sizes),
            heights,
            tuple(width * height / MODEL_PICTURE_PX for width, height in ladders.sizes),
            weights.get(RESOLUTION, 1.0),
        ),
        Knob(
            GRADE,
            "",
            ladders.grades,
            grade_values(ladders, accuracy or {}),
            tuple(grade.gflops for grade in grades),
            weights.get(GRADE, 1.0),
        ),
    )
    observed = (
        ObservedMetric("delivered_fps", "1/s", 0.0, ladders.fps[-1]),
        ObservedMetric("utilisation", "", 0.0, 1.0),
    )
    return ElasticitySpec(knobs, tuple(slos), observed)


def grade_values(ladders: Ladders, accuracy: Mapping[str, Mapping[str, float]]) -> tuple[float, ...]:
    """What each grade is worth, in percent: COCO mAP50-95, or the F1 that was measured.

    The latter if there is one of every grade at the source's own size. A grade that measured worse than a
    lower one is worth as much as that.
    """
    width, height = ladders.sizes[-1]
    measured = [accuracy.get(grade, {}).get(f"{width}x{height}") for grade in ladders.grades]
    known = [100 * f1 for f1 in measured if f1 is not None]
    if len(known) < len(measured):
        return tuple(GRADES[grade].map50_95 for grade in ladders.grades)
    return tuple(accumulate(known, max))


def ladders_of(status: Status) -> Ladders:
    """The ladders that a running producer reports."""
    return Ladders(status.fps_levels, status.sizes, status.grades)


def check_ladders(spec: ElasticitySpec, ladders: Ladders) -> None:
    """Raise ValueError unless the spec's knobs have exactly these levels."""
    found = (ladders.fps, tuple(height for _, height in ladders.sizes), ladders.grades)
    for knob, levels in zip(spec.knobs, found, strict=True):
        if knob.levels != levels:
            raise ValueError(
                f"knob {knob.name}: the spec has the levels {knob.levels}, the producer {levels}; "
                "make the spec from the source that the producer reads"
            )


def delivered_values(spec: ElasticitySpec, interval: Interval) -> tuple[float, ...]:
    """Of each knob of a `video_spec`, what left the collector in time; NaN if nothing did.

    fps: frames/s per stream; resolution: mean height in px; grade: mean accuracy, see `grade_values`.
    """
    if not interval.delivered:
        return (math.nan,) * len(spec.knobs)
    height_px = interval.delivered_height_px
    accuracy = mean_accuracy(interval.delivered_by_grade, spec.knobs[2].value)
    return delivered_fps(interval), math.nan if height_px is None else height_px, accuracy


def mean_accuracy(delivered_by_grade: Sequence[int], accuracies: Sequence[float]) -> float:
    """Mean accuracy over the delivered frames: lowest + Σ share · gain, exact when there is one grade."""
    lowest, n_delivered, gained = accuracies[0], 0, 0.0
    for n, accuracy in zip(delivered_by_grade, accuracies):  # noqa: B905 - the simulator compiles this
        n_delivered += n
        gained += n * (accuracy - lowest)
    return lowest + gained / n_delivered if n_delivered > 0 else math.nan
