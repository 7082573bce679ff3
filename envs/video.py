"""A video stream as an ElasticitySpec: its three knobs, and what was delivered of each."""

from collections.abc import Mapping, Sequence

from envs.spec import ElasticitySpec, Knob, ObservedMetric
from pipeline.messages import Status
from pipeline.settings import GRADES, Ladders
from pipeline.slos import Interval, Slo, delivered_fps

FPS, RESOLUTION, GRADE = "fps", "resolution", "grade"  # names of the knobs, in the order of the messages
MODEL_PICTURE_PX = 640 * 640  # the picture that GRADES' GFLOPs are counted for


def video_spec(
    ladders: Ladders, slos: Sequence[Slo], weights: Mapping[str, float] | None = None
) -> ElasticitySpec:
    """Knobs fps, resolution and grade, in this order; the product of their costs is GFLOP/s per stream.

    Args:
        ladders: the levels, as the producer has them.
        slos: objectives on metrics of `pipeline.slos.CATALOGUE`.
        weights: of the knobs in the QoE, by name, 1 where absent.

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
            tuple(grade.map50_95 for grade in grades),
            tuple(grade.gflops for grade in grades),
            weights.get(GRADE, 1.0),
        ),
    )
    observed = (
        ObservedMetric("delivered_fps", "1/s", 0.0, ladders.fps[-1]),
        ObservedMetric("utilisation", "", 0.0, 1.0),
    )
    return ElasticitySpec(knobs, tuple(slos), observed)


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


def delivered_values(spec: ElasticitySpec, interval: Interval) -> tuple[float | None, ...]:
    """Of each knob of a `video_spec`, what left the collector in time; None if nothing did.

    fps: frames/s per stream; resolution: mean height in px; grade: mean accuracy (COCO mAP50-95).
    """
    if not interval.delivered:
        return (None,) * len(spec.knobs)
    return delivered_fps(interval), interval.delivered_height_px, _accuracy(spec.knobs[2], interval)


def _accuracy(grade: Knob, interval: Interval) -> float | None:
    """Mean accuracy over the delivered frames: lowest + Σ share · gain, exact when there is one grade."""
    counts = interval.delivered_by_grade
    if not sum(counts):
        return None
    lowest = grade.value[0]
    gains = sum(n * (value - lowest) for n, value in zip(counts, grade.value, strict=True))
    return lowest + gains / sum(counts)
