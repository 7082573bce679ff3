"""The published predecessor's logs as runs of ours: its settings and SLO values, scored by our definitions.

Source: github.com/JohnnyElaine/bsc_aif_parallel_pipeline, producer/statistics/slo_statistics.py (columns) and
evaluation/run_simulation.py (files). It writes PATH/SIMULATION/AGENT_slo_stats.csv with a heading, and may
number its rows in a first column without a name. It reads its SLOs before it acts: so a row's setting is the
one under which its SLO values came about, as in our own traces. But its rows do not keep to a control
interval: that lasts as long as a pause and the agent's thinking, and some of its agents read twice or more in
one. So a log is spread evenly over our run in the same cell, and each step has the latest row.

| columns                                | meaning                                                    |
|----------------------------------------|------------------------------------------------------------|
| `fps_capacity`, `resolution_capacity`, | level index / (levels - 1) per knob; the last is our grade |
| `inference_quality_capacity`           |                                                            |
| `queue_size`                           | tasks waiting                                              |
| `memory_usage`                         | of the host, share in [0, 1]                               |
| `avg_global_processing_time`           | mean of the last 30 tasks, s                               |
| `queue_size_slo_value`                 | `queue_size` / fps, over the threshold of our `queue_s`    |
| `memory_usage_slo_value`               | `memory_usage` over that of our `host_memory`              |
| `avg_global_processing_time_slo_value` | that time x fps, over that of our `task_time_share`        |
| `avg_worker_processing_time_slo_value` | the slowest worker's: our `task_time_share_max_worker`     |

An SLO is broken where its value is above 1. The raw figures tell by which thresholds the first three were
judged: a log with others than our cell's is refused.
"""

import math
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import OmegaConf

from envs.observe import qoe_by
from envs.reward import reward
from envs.spec import ElasticitySpec
from experiments.config.composing import composed
from experiments.program.errors import ConfigError
from experiments.results.run_row import Row, made_row, stamp
from experiments.runs.provenance import digest
from experiments.runs.record import RunStatus
from experiments.worlds.plan import Plan, plan_run
from pipeline.slos import RATIO_CAP, SloReading

PUBLISHED = "published"  # where ours say a commit
ENDING = "_slo_stats.csv"
AGENTS = {  # its name for an agent: what our tables call it (aif_thesis, heuristic_thesis are our own makes)
    "active_inference_relative_control": "aif_published",
    "active_inference_absolute_control": "aif_absolute_published",
    "heuristic": "heuristic_published",
}
EXPERIMENTS = {  # its name for a simulation: our run in the same cell
    "basic": "thesis_a",
    "variable_computational_demand": "thesis_b",
    "variable_computational_budget": "thesis_c",
}
KNOBS = ["fps_capacity", "resolution_capacity", "inference_quality_capacity"]
RAW = ["queue_size", "memory_usage", "avg_global_processing_time"]
SLOS = [f"{name}_slo_value" for name in (*RAW, "avg_worker_processing_time")]
COLUMNS = [*KNOBS, *RAW, *SLOS]
EXACT = 1e-6  # how far from a level a capacity may be; it was written with all its digits
FEWEST_ROWS, MOST_ROWS = 0.8, 4.0  # of a whole run, per step of ours
ALIKE = 0.01  # how far the threshold that a row tells may be from the cell's, as a share of it

Values = NDArray[np.float64]


def from_published(path: Path) -> list[Row]:
    """Return every run of a log, or of a folder of logs; of one agent and cell, numbered by their paths.

    Inside a `hydra.main` or an initialised Hydra.

    Raises:
        ConfigError: there is none, or it is not what it should be; the sentence names file and line.
    """
    logs = [path] if path.is_file() else sorted(path.rglob(f"*{ENDING}"))
    if not logs:
        raise ConfigError(f"published: expected a log, or a folder with *{ENDING} below it, got {path}")
    counts, rows = Counter[tuple[str, str]](), []
    for log in logs:
        name, simulation = log.name.removesuffix(ENDING), log.resolve().parent.name
        if name not in AGENTS or simulation not in EXPERIMENTS:
            known = f"one of {', '.join(EXPERIMENTS)}, then one of {', '.join(AGENTS)}"
            raise ConfigError(f"{log}: expected SIMULATION/AGENT{ENDING}: {known}")
        run = AGENTS[name], EXPERIMENTS[simulation]
        rows.append(row_of(log, *run, counts[run]))
        counts[run] += 1
    return rows


def row_of(log: Path, agent: str, experiment: str, seed: int) -> Row:
    """Read one log as a run of an agent in the cell of our experiment. Raises ConfigError."""
    (plan, choices), logged = our_run(experiment), numbers_of(log)
    env = plan.config.env
    if not FEWEST_ROWS <= len(logged) / env.steps <= MOST_ROWS:
        raise ConfigError(f"{log} has {len(logged)} rows: no whole run, which has {env.steps} steps of ours")
    latest = np.maximum(np.arange(1, env.steps + 1) * len(logged) // env.steps - 1, 0)  # at each step's end
    levels, ratios = levels_of(log, plan.spec, logged)[latest], logged[SLOS].to_numpy()[latest]
    trace = rescored(plan.spec, levels, ratios, env.control_interval_s)
    config: Any = OmegaConf.to_container(OmegaConf.structured(plan.config), enum_to_str=True)
    own = {"agent": agent, "seed": seed, "spec_hash": plan.spec.hash, "config_hash": digest(config)}
    return made_row(
        place=f"{log} (run {seed})",
        begun=stamp(log, str(log)),
        facts={**choices, **own, "git_commit": PUBLISHED, "status": RunStatus.FINISHED},
        config={**config, "agent": {}},
        typed=lambda: plan.config,
        trace=lambda: trace,
    )


@cache
def our_run(experiment: str) -> tuple[Plan, dict[str, str]]:
    """Plan our run of an experiment; return also its options."""
    cfg, choices = composed([f"experiment={experiment}"])
    config: Any = OmegaConf.to_object(cfg)
    return plan_run(config), dict(choices)


def numbers_of(log: Path) -> pd.DataFrame:
    """Return COLUMNS of a log, all finite and >= 0. Raises ConfigError."""
    try:
        logged = pd.read_csv(log, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:  # an empty file, or a line with too many values, too
        raise ConfigError(f"{log} cannot be read as CSV: {' '.join(str(error).split())}") from error
    if missing := [name for name in COLUMNS if name not in logged]:
        raise ConfigError(f"{log} line 1: expected the columns {', '.join(COLUMNS)}, no {', '.join(missing)}")
    numbers = logged[COLUMNS].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    for i, j in np.argwhere(~(np.isfinite(numbers) & (numbers >= 0))):
        name = COLUMNS[j]
        raise ConfigError(f"{log} line {i + 2}: {name} must be a number >= 0, got {logged[name].iloc[i]!r}")
    return pd.DataFrame(numbers, columns=COLUMNS)


def levels_of(log: Path, spec: ElasticitySpec, logged: pd.DataFrame) -> NDArray[np.int64]:
    """Return the level index per knob that each row's capacities are of, shape (n_rows, n_knobs).

    Raises:
        ConfigError: they are of other ladders, or SLO values of other thresholds, than our cell's.
    """
    capacities, raw, ratios = (logged[names].to_numpy() for names in (KNOBS, RAW, SLOS[: len(RAW)]))
    positions = capacities * (np.array(spec.n_levels) - 1)
    levels = np.rint(positions).astype(np.int64)
    for i, j in np.argwhere((np.abs(positions - levels) > EXACT) | (levels > np.array(spec.highest))):
        raise ConfigError(
            f"{log} line {i + 2}: {KNOBS[j]} must be level / {spec.n_levels[j] - 1} of a ladder with "
            f"{spec.n_levels[j]} levels, got {capacities[i, j]:g}"
        )
    fps = np.array(spec.knobs[0].value)[levels[:, 0]]
    measured = np.stack([raw[:, 0] / fps, raw[:, 1], raw[:, 2] * fps], axis=1)  # in the units of our metrics
    judged = ratios * [slo.threshold for slo in spec.slos[: len(RAW)]]
    for i, j in np.argwhere(np.abs(measured - judged) > ALIKE * np.maximum(measured, judged)):
        raise ConfigError(
            f"{log} line {i + 2}: {RAW[j]} {raw[i, j]:g} and {SLOS[j]} {ratios[i, j]:g} tell of another "
            f"threshold than that of {spec.slos[j].metric} in our cell, {spec.slos[j].threshold:g}"
        )
    return levels


def rescored(
    spec: ElasticitySpec, levels: NDArray[np.int64], ratios: Values, interval_s: float
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
    rows = []
    for step, setting in enumerate(levels.tolist()):
        readings = {
            slo.metric: SloReading(ratio=ratio, state=slo.classify(ratio), known=True)
            for slo, ratio in zip(spec.slos, np.minimum(ratios[step], RATIO_CAP).tolist(), strict=True)
        }
        delivered = [knob.value[level] for knob, level in zip(spec.knobs, setting, strict=True)]
        by = qoe_by(spec, setting, delivered, math.nan)
        quality = by[spec.quality]
        rows.append(
            {
                "step": step,
                "ended_s": (step + 1) * interval_s,
                "interval_s": interval_s,
                "qoe": quality,
                **{f"qoe_by.{measure}": value for measure, value in by.items()},
                "reward": reward(readings.values(), quality, n_changed[step], len(spec.knobs)),
                **dict.fromkeys(("decision_ms", "learning_ms"), math.nan),  # no log tells them
                **{f"action.{knob.name}": level for knob, level in zip(spec.knobs, setting, strict=True)},
                **{f"ratios.{name}": reading.ratio for name, reading in readings.items()},
                **{f"slos.{name}": int(reading.state) for name, reading in readings.items()},
            }
        )
    return pd.DataFrame(rows)
