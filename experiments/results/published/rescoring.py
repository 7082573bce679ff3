"""From a log's settings and SLO ratios to a trace, with QoE and reward by our definitions."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from envs.reward import qoe, reward
from envs.spec import ElasticitySpec
from pipeline.slos import RATIO_CAP, SloReading

UNKNOWN = ("decision_ms", "learning_ms")  # no log of settings and SLOs tells how long an agent thought


def rescored(
    spec: ElasticitySpec, levels: NDArray[np.int64], ratios: NDArray[np.float64], interval_s: float
) -> pd.DataFrame:
    """Return the trace of a run that only its settings and SLO ratios are known of.

    What was delivered of a setting is not: it is taken as asked for, so that the QoE is the most that it can
    have been. Nor is the setting before the first step: it is taken to have been the same.

    Args:
        spec: names knobs and SLOs, and says what a level is worth and when an SLO is broken.
        levels: in force in each step, one index per knob, shape (n_steps, n_knobs), n_steps >= 1.
        ratios: at the end of each step, metric / threshold per SLO, >= 0, shape (n_steps, n_slos).
        interval_s: length of a step.

    Returns:
        Columns as `experiments.runs.trace.row_of` has them.
    """
    n_changed = np.count_nonzero(np.diff(levels, axis=0, prepend=levels[:1]), axis=1).tolist()
    capped, rows = np.minimum(ratios, RATIO_CAP).tolist(), []
    for step, (setting, found) in enumerate(zip(levels.tolist(), capped, strict=True)):
        readings = {
            slo.metric: SloReading(ratio=ratio, state=slo.classify(ratio), known=True)
            for slo, ratio in zip(spec.slos, found, strict=True)
        }
        quality = qoe(spec, [knob.value[level] for knob, level in zip(spec.knobs, setting, strict=True)])
        rows.append(
            {
                "step": step,
                "ended_s": (step + 1) * interval_s,
                "interval_s": interval_s,
                "qoe": quality,
                "reward": reward(readings.values(), quality, n_changed[step], len(spec.knobs)),
                **dict.fromkeys(UNKNOWN, math.nan),
                **{f"action.{knob.name}": level for knob, level in zip(spec.knobs, setting, strict=True)},
                **{f"ratios.{name}": reading.ratio for name, reading in readings.items()},
                **{f"slos.{name}": int(reading.state) for name, reading in readings.items()},
            }
        )
    return pd.DataFrame(rows)


def rows_of_steps(n_rows: int, n_steps: int) -> NDArray[np.int64]:
    """Return which row of a log, from 0, was the latest one at the end of each step, shape (n_steps,).

    A log whose rows do not keep to our control intervals: they are taken to be spread evenly over the run.
    """
    ends = np.arange(1, n_steps + 1)
    return np.maximum(ends * n_rows // n_steps - 1, 0)
