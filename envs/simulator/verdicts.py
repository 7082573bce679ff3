"""What is judged by, and what comes of it, as records: one per spec, one per episode."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.observe import COUNTS, OUTCOMES
from envs.simulator.records import N_FPS, N_GRADES, N_SIZES, N_SLOS, N_WORKERS, NONE
from envs.spec import ElasticitySpec, Quality
from pipeline.catalogue import CATALOGUE
from pipeline.interval import HOPS
from pipeline.slos import Sense

FRAMES = ("offered", *OUTCOMES, "requeued")
QUALITIES = tuple(Quality)
SIMULATED = {name: metric for name, metric in CATALOGUE.items() if metric.is_simulated}
METRICS = (*SIMULATED, *(f"hop_{hop}_ms" for hop in HOPS), *COUNTS)
FLAG = np.int8  # 0 or 1: numba knows no arrays of truths within records
N_KNOBS = 3  # of a video spec
N_LEVELS = max(N_FPS, N_SIZES, N_GRADES)
N_STAGES, N_OBSERVED = 4, 8  # stages, and further metrics in the observation, at most

# An ElasticitySpec
RULES = np.dtype(
    [
        ("n_slos", np.int64),
        ("slo_metrics", np.int64, (N_SLOS,)),  # index into SIMULATED
        ("warn_at", np.float64, (N_SLOS,)),
        ("at_least", FLAG, (N_SLOS,)),
        ("n_stages", np.int64),
        ("stage_metrics", np.int64, (N_STAGES,)),  # index into METRICS, NONE = not measured
        ("judged_by", np.int64),  # index into QUALITIES
        ("lowest", np.float64, (N_KNOBS,)),  # least value of any level, and most
        ("highest", np.float64, (N_KNOBS,)),
        ("weights", np.float64, (N_KNOBS,)),  # in the QoE
        ("tops", np.int64, (N_KNOBS,)),  # index of the highest level
        ("asked", np.float64, (N_KNOBS, N_LEVELS)),  # of the highest work of computing, by level
        ("accuracies", np.float64, (N_GRADES,)),  # value of each grade
        ("n_observed", np.int64),
        ("observed", np.int64, (N_OBSERVED,)),  # index into METRICS
        ("lows", np.float64, (N_OBSERVED,)),
        ("highs", np.float64, (N_OBSERVED,)),
    ],
    align=True,
)
# What an environment hands out of an episode, see `envs.observe.judge`
VERDICT = np.dtype(
    [
        ("step", np.int64),
        ("streams", np.int64),
        ("qoe", np.float64),
        ("qoe_by", np.float64, (len(QUALITIES),)),  # NaN where it is not known
        ("f1", np.float64),  # streaming, as it was known last
        ("reward", np.float64),
        ("interval_s", np.float64),
        ("is_over", np.bool_),
        ("out_of_room", np.bool_),
        ("metrics", np.float64, (len(METRICS),)),  # in the order of METRICS
        ("ratios", np.float64, (N_SLOS,)),
        ("states", np.int64, (N_SLOS,)),
        ("known", FLAG, (N_SLOS,)),
        ("thresholds", np.float64, (N_SLOS,)),
        ("delivered", np.float64, (N_KNOBS,)),
        ("levels", np.int64, (N_KNOBS,)),  # in force
        ("frames", np.int64, (len(FRAMES),)),  # of the episode, in the order of FRAMES
        ("n_workers", np.int64),  # ever started
        ("is_live", FLAG, (N_WORKERS,)),  # and of those that are:
        ("utilisation", np.float64, (N_WORKERS,)),
        ("service_ms", np.float64, (N_WORKERS,)),
        ("processed", np.int64, (N_WORKERS,)),
        ("in_hand", np.int64, (N_WORKERS,)),
        ("expected_service_ms", np.float64, (N_WORKERS,)),
        ("expected_transfer_ms", np.float64, (N_WORKERS,)),
        ("observation", np.float32, (N_KNOBS + 2 * (N_SLOS + N_STAGES) + N_OBSERVED,)),
    ],
    align=True,
)


def rules_of(spec: ElasticitySpec) -> NDArray[Any]:
    """Of a `video_spec`: a RULES record, shape (1,).

    Raises:
        ValueError: more stages or further metrics than there is room for, or one that is not measured here.
    """
    n_stages, m = len(spec.stages), len(spec.metrics)
    if n_stages > N_STAGES or m > N_OBSERVED:
        raise ValueError(
            f"the simulator has room for {N_STAGES} stages and {N_OBSERVED} further metrics, got {n_stages} "
            f"and {m}"
        )
    if unknown := [slo.metric for slo in spec.slos if slo.metric not in SIMULATED]:
        raise ValueError(f"the simulator does not know {', '.join(unknown)}")
    catalogue, s = list(SIMULATED), len(spec.slos)
    rules = np.zeros(1, RULES)
    r = rules[0]
    r["n_slos"], r["n_observed"] = s, m
    r["slo_metrics"][:s] = [catalogue.index(slo.metric) for slo in spec.slos]
    r["warn_at"][:s] = [slo.warn_at for slo in spec.slos]
    r["at_least"][:s] = [slo.sense is Sense.AT_LEAST for slo in spec.slos]
    r["n_stages"] = n_stages
    r["stage_metrics"][:n_stages] = [
        METRICS.index(stage.metric) if stage.metric else NONE for stage in spec.stages
    ]
    r["judged_by"] = QUALITIES.index(spec.quality)
    r["lowest"] = [min(knob.value) for knob in spec.knobs]
    r["highest"] = [max(knob.value) for knob in spec.knobs]
    r["weights"] = [knob.weight for knob in spec.knobs]
    r["tops"] = spec.highest
    for own, knob in zip(r["asked"], spec.knobs, strict=True):
        own[: knob.n_levels] = knob.shares
    r["accuracies"][: spec.knobs[2].n_levels] = spec.knobs[2].value
    r["observed"][:m] = [METRICS.index(metric.name) for metric in spec.metrics]
    r["lows"][:m] = [metric.low for metric in spec.metrics]
    r["highs"][:m] = [metric.high for metric in spec.metrics]
    return rules
