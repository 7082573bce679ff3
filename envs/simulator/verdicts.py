"""What is judged by, and what comes of it, as arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.spec import ElasticitySpec
from pipeline.metrics import CATALOGUE, HOPS
from pipeline.slos import Sense

FRAMES = ("offered", "delivered", "dropped", "lost", "late", "in_flight", "requeued")
COUNTS = FRAMES[:5]  # of the interval
METRICS = (*CATALOGUE, *(f"hop_{hop}_ms" for hop in HOPS), *COUNTS)


class Rules(NamedTuple):
    """An ElasticitySpec as arrays.

    Attributes:
        slo_metrics: index into the catalogue, shape (n_slos,).
        warn_at, at_least: per SLO.
        lowest, highest, weights, tops: per knob: value of the lowest and highest level, weight in the QoE,
            index of the highest level.
        accuracies: value of each grade, shape (n_grades,).
        observed: index into METRICS, and lows and highs: per further metric of the observation.
    """

    slo_metrics: NDArray[np.int64]
    warn_at: NDArray[np.float64]
    at_least: NDArray[np.bool_]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    weights: NDArray[np.float64]
    tops: NDArray[np.int64]
    accuracies: NDArray[np.float64]
    observed: NDArray[np.int64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]


class Verdicts(NamedTuple):
    """What environments hand out, of n episodes; see `envs.observe.judge`.

    Attributes:
        metrics: in the order of METRICS, shape (n, n_metrics).
        ratios, states, known: per SLO, shape (n, n_slos).
        qoe, quality, rewards: shape (n,).
        delivered: per knob, shape (n, n_knobs).
        levels: per knob, in force, shape (n, n_knobs).
        frames: of the episode, in the order of FRAMES, shape (n, 7).
        worker_is_live: shape (n, n_workers); and of those that are:
        worker_utilisation, worker_service_ms, worker_processed, worker_in_hand.
        streams, steps, interval_s, is_over: shape (n,).
        observations: shape (n, n_observed).
    """

    metrics: NDArray[np.float64]
    ratios: NDArray[np.float64]
    states: NDArray[np.int64]
    known: NDArray[np.bool_]
    qoe: NDArray[np.float64]
    quality: NDArray[np.float64]
    rewards: NDArray[np.float64]
    delivered: NDArray[np.float64]
    levels: NDArray[np.int64]
    frames: NDArray[np.int64]
    worker_is_live: NDArray[np.bool_]
    worker_utilisation: NDArray[np.float64]
    worker_service_ms: NDArray[np.float64]
    worker_processed: NDArray[np.int64]
    worker_in_hand: NDArray[np.int64]
    streams: NDArray[np.int64]
    steps: NDArray[np.int64]
    interval_s: NDArray[np.float64]
    is_over: NDArray[np.bool_]
    observations: NDArray[np.float32]


def rules_of(spec: ElasticitySpec) -> Rules:
    """Of a `video_spec`."""
    names = list(CATALOGUE)
    return Rules(
        slo_metrics=np.array([names.index(slo.metric) for slo in spec.slos]),
        warn_at=np.array([slo.warn_at for slo in spec.slos]),
        at_least=np.array([slo.sense is Sense.AT_LEAST for slo in spec.slos]),
        lowest=np.array([knob.value[0] for knob in spec.knobs], float),
        highest=np.array([knob.value[-1] for knob in spec.knobs], float),
        weights=np.array([knob.weight for knob in spec.knobs], float),
        tops=np.array(spec.highest),
        accuracies=np.array(spec.knobs[2].value, float),
        observed=np.array([METRICS.index(metric.name) for metric in spec.metrics], np.int64),
        lows=np.array([metric.low for metric in spec.metrics], float),
        highs=np.array([metric.high for metric in spec.metrics], float),
    )


def verdicts_of(spec: ElasticitySpec, n: int, n_workers: int) -> Verdicts:
    """Arrays for n episodes."""
    n_slos, n_knobs = len(spec.slos), len(spec.knobs)
    return Verdicts(
        metrics=np.zeros((n, len(METRICS))),
        ratios=np.zeros((n, n_slos)),
        states=np.zeros((n, n_slos), np.int64),
        known=np.zeros((n, n_slos), np.bool_),
        qoe=np.zeros(n),
        quality=np.zeros(n),
        rewards=np.zeros(n),
        delivered=np.zeros((n, n_knobs)),
        levels=np.zeros((n, n_knobs), np.int64),
        frames=np.zeros((n, len(FRAMES)), np.int64),
        worker_is_live=np.zeros((n, n_workers), np.bool_),
        worker_utilisation=np.zeros((n, n_workers)),
        worker_service_ms=np.zeros((n, n_workers)),
        worker_processed=np.zeros((n, n_workers), np.int64),
        worker_in_hand=np.zeros((n, n_workers), np.int64),
        streams=np.zeros(n, np.int64),
        steps=np.zeros(n, np.int64),
        interval_s=np.zeros(n),
        is_over=np.zeros(n, np.bool_),
        observations=np.zeros((n, len(spec.observation_space.low)), np.float32),
    )
