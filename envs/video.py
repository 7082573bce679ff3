"""A video stream as an ElasticitySpec: its three knobs, and what was delivered of each."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.accuracy import StreamProfile
from envs.spec import ElasticitySpec, Knob, ObservedMetric, Quality, Stage
from envs.worth import Worth
from pipeline.interval import Interval
from pipeline.messages import Status, Weights
from pipeline.metrics import delivered_fps
from pipeline.settings import GRADES, Ladders
from pipeline.slos import Slo

FPS, RESOLUTION, GRADE = "fps", "resolution", "grade"  # names of the knobs, in the order of the messages
MODEL_PICTURE_PX = 640 * 640  # the picture that GRADES' GFLOPs are counted for
STREAMING_F1 = "streaming_f1"  # the metric that accuracy is judged by
STAGES = (Stage("capture", "load_capture"), Stage("link", "load_link"), Stage("compute", "load_compute"))
LOADS = {"load", *(stage.metric for stage in STAGES)}
FLUENT_FPS = 15.0  # frames/s from which more are no better to look at


def video_spec(
    ladders: Ladders,
    slos: Sequence[Slo],
    weights: Mapping[str, float] | None = None,
    quality: Quality = Quality.KNOBS,
    profile: StreamProfile | None = None,
) -> ElasticitySpec:
    """Knobs fps, resolution and grade, in this order, with costs as `stage_costs` has them.

    Args:
        ladders: the levels, as the producer has them.
        slos: objectives on metrics of `pipeline.catalogue.CATALOGUE`.
        weights: of the knobs in the QoE, by name, 1 where absent.
        quality: what delivery is judged by.
        profile: what detections of the scene are worth; needed where they are judged.

    Raises:
        ValueError: a weight for a knob that does not exist, or one below 0; no profile where one is needed.
    """
    weights = dict(weights or {})
    if unknown := set(weights) - {FPS, RESOLUTION, GRADE}:
        raise ValueError(f"QoE weights are for {FPS}, {RESOLUTION} and {GRADE}, got {sorted(unknown)}")
    heights = tuple(height for _, height in ladders.sizes)
    rows: tuple[tuple[str, str, tuple[float | str, ...], tuple[float, ...]], ...] = (
        (FPS, "1/s", ladders.fps, ladders.fps),
        (RESOLUTION, "px", heights, tuple(map(float, heights))),
        (GRADE, "", ladders.grades, tuple(GRADES[letter].map50_95 for letter in ladders.grades)),
    )
    stages = stages_of(slos)
    costs = [stage_costs(ladders)[stage.name] for stage in stages]
    knobs = tuple(
        Knob(*row, tuple(of_knobs[i] for of_knobs in costs), weights.get(row[0], 1.0))
        for i, row in enumerate(rows)
    )
    observed = (
        ObservedMetric("delivered_fps", "1/s", 0.0, ladders.fps[-1]),
        ObservedMetric("utilisation", "", 0.0, 1.0),
    )
    worth = joint_worth(ladders, knobs, quality, profile)
    return ElasticitySpec(knobs, tuple(slos), observed, stages, worth, quality)


def joint_worth(
    ladders: Ladders, knobs: Sequence[Knob], quality: Quality, profile: StreamProfile | None
) -> Worth | None:
    """What every setting is worth by a measure; None = the weighted mean over the knobs.

    Raises:
        ValueError: detections are judged, and nobody knows what they are worth.
    """
    match quality:
        case Quality.KNOBS:
            return None
        case Quality.LEVELS:
            return levels_worth(ladders)
        case Quality.FRUGAL:
            return frugal_worth(knobs)
        case _ if profile is None:
            raise ValueError(
                f"{quality.name} needs to know what detections of the scene are worth: say accuracy=traffic "
                "or another one, measure it (python -m experiments.calibrate what=accuracy), or say qoe=knobs"
            )
        case _:
            f1 = profile.table(ladders.grades, [height for _, height in ladders.sizes])
            return accuracy_worth(ladders, f1, profile.ages_s, quality)


def stages_of(slos: Sequence[Slo]) -> tuple[Stage, ...]:
    """All stages where an SLO is on a load; else computing alone, whose pressure the SLOs tell."""
    return STAGES if any(slo.metric in LOADS for slo in slos) else (Stage("compute"),)


def stage_costs(ladders: Ladders) -> Mapping[str, tuple[tuple[float, ...], ...]]:
    """Cost of each level per knob, by stage; the product over the knobs is per stream

    | capture | source pixels/s of the frames that are not skipped: its size is never changed by a knob |
    | link    | pixels/s                                                                                |
    | compute | GFLOP/s                                                                                 |
    """
    width, height = ladders.sizes[-1]
    pixels, same = [float(w * h) for w, h in ladders.sizes], (1.0,) * len(ladders.grades)
    return {
        "capture": (ladders.fps, (float(width * height),) * len(pixels), same),
        "link": (ladders.fps, tuple(pixels), same),
        "compute": (
            ladders.fps,
            tuple(area / MODEL_PICTURE_PX for area in pixels),
            tuple(GRADES[letter].gflops for letter in ladders.grades),
        ),
    }


def accuracy_worth(
    ladders: Ladders, f1: NDArray[np.float64], ages_s: Sequence[float], quality: Quality
) -> Worth:
    """What settings are worth where what is found in the picture counts, see `seen_accuracy`.

    Args:
        ladders: the levels.
        quality: ACCURACY, or F1: then frames/s are worth nothing of their own.
        f1: of what was found against the truth so much later, in [0, 1], shape (n_grades, n_sizes, n_ages).
        ages_s: ascending, the first 0.
    """
    shares = np.array([1.0 if quality is Quality.F1 else seen_accuracy(1.0, fps) for fps in ladders.fps])
    table = shares[:, None, None, None] * f1.swapaxes(0, 1)
    sampling_s = np.broadcast_to(0.5 / np.array(ladders.fps)[:, None, None], table.shape[:-1])
    return Worth.of(tuple(ages_s), table, sampling_s)


def levels_worth(ladders: Ladders) -> Worth:
    """What settings are worth where it counts how high the knobs are set: their mean position."""
    sizes = len(ladders.fps), len(ladders.sizes), len(ladders.grades)
    positions = [np.linspace(0.0, 1.0, n) if n > 1 else np.ones(1) for n in sizes]
    return Worth.ageless(sum(np.ix_(*positions), start=np.zeros(())) / len(sizes))


def frugal_worth(knobs: Sequence[Knob]) -> Worth:
    """What settings are worth where energy counts: 1 - GFLOP/s / the highest setting's.

    A device's power above idle goes by the time that it computes (`envs.hardware.mean_power_w`), and that by
    the work.
    """
    asked = [np.array(knob.shares) for knob in knobs]
    return Worth.ageless(1.0 - math.prod(np.ix_(*asked), start=np.ones(())))


def seen_accuracy(f1: float, fps: float) -> float:
    """QoE by accuracy, F1 · min(1, fps/15)^(1/4): what was found, and what frames/s are worth beside it.

    0 where either is unknown (NaN).
    """
    return 0.0 if math.isnan(f1) or math.isnan(fps) else f1 * min(1.0, fps / FLUENT_FPS) ** 0.25


def ladders_of(status: Status) -> Ladders:
    """The ladders that a running producer reports."""
    return Ladders(status.fps_levels, status.sizes, status.grades)


def worst_weights(status: Status) -> Weights:
    """Where the boxes come from: one word for all workers, the worst that holds for any."""
    found = {worker.weights for worker in status.workers}
    for worst in (Weights.UNTRAINED, Weights.EMULATED, Weights.TRAINED):
        if worst in found:
            return worst
    return Weights.NONE


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

    fps: frames/s per stream; resolution: mean height in px; grade: mean COCO mAP50-95, in percent.
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
