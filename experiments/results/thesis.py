"""The published predecessor's logs: a CSV of ten columns per run, one row per reading of its SLOs.

Source: github.com/JohnnyElaine/bsc_aif_parallel_pipeline, producer/statistics/slo_statistics.py (columns) and
evaluation/run_simulation.py (files). It writes PATH/SIMULATION/AGENT_slo_stats.csv with a heading, and the
number of each row, from 0, in a first column without a name. It reads its SLOs before it acts: so a row's
setting is the one under which its SLO values came about, as in our own traces. But its rows do not keep to a
control interval: that lasts as long as a pause and the agent's thinking, and some of its agents read twice or
more in one. So a log is spread evenly over our run in the same cell, and each step has the latest row.

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

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from envs.spec import ElasticitySpec
from experiments.program.errors import ConfigError
from experiments.results.published import our_run, published_row, rescored
from experiments.results.run_row import Row

ENDING = "_slo_stats.csv"
KNOBS = {"fps_capacity": "fps", "resolution_capacity": "resolution", "inference_quality_capacity": "grade"}
RAW = ("queue_size", "memory_usage", "avg_global_processing_time")
SLOS = {
    "queue_size_slo_value": "queue_s",
    "memory_usage_slo_value": "host_memory",
    "avg_global_processing_time_slo_value": "task_time_share",
    "avg_worker_processing_time_slo_value": "task_time_share_max_worker",
}
COLUMNS = (*KNOBS, *RAW, *SLOS)
EXACT = 1e-6  # how far from a level a capacity may be; it was written with all its digits
FEWEST_ROWS, MOST_ROWS = 0.8, 4.0  # of a whole run, per step of ours
ALIKE = 0.01  # how far the threshold that a row tells may be from the cell's, as a share of it

Values = NDArray[np.float64]


class ThesisCsv:
    """Imports these logs.

    Args:
        agents: what its agents are called in our tables, by its own names for them.
        cells: overrides of conf/config.yaml for our run in the same cell, by its name for the simulation.
    """

    def __init__(self, agents: Mapping[str, str], cells: Mapping[str, Sequence[str]]) -> None:
        self._agents = {f"{name}{ENDING}": called for name, called in agents.items()}
        self._cells = {name: tuple(overrides) for name, overrides in cells.items()}

    def read(self, path: Path) -> list[Row]:
        """Return every run of a log, or of a folder of logs; of one agent and cell, numbered by their paths.

        Inside a `hydra.main` or an initialised Hydra.

        Raises:
            ConfigError: there is none, or it is not what it should be; the sentence names file and line.
        """
        counts: Counter[tuple[str, tuple[str, ...]]] = Counter()
        found = []
        for log in logs_in(path):
            agent = looked_up(self._agents, log.name, f"{log}: expected a file", "agents in published.agents")
            folder, expected = log.resolve().parent.name, f"{log}: expected it in a folder"
            cell = looked_up(self._cells, folder, expected, "simulations in published.cells")
            found.append(row_of(log, agent, cell, counts[agent, cell]))
            counts[agent, cell] += 1
        return found


def looked_up(known: Mapping[str, Any], name: str, expected: str, others: str) -> Any:
    """Return what a name stands for. Raises ConfigError, which says what was expected and where to add it."""
    if name not in known:
        raise ConfigError(f"{expected} named {', '.join(known)}; name other {others}")
    return known[name]


def logs_in(path: Path) -> list[Path]:
    """Return a file, or all logs anywhere below a folder, by their paths. Raises ConfigError."""
    if path.is_file():
        return [path]
    found = sorted(path.rglob(f"*{ENDING}"))
    if not found:
        raise ConfigError(f"published.path: expected a file, or a folder with *{ENDING} below it, got {path}")
    return found


def row_of(log: Path, agent: str, cell: tuple[str, ...], seed: int) -> Row:
    """Read one log as a run of an agent in a cell. Raises ConfigError."""
    rows, (plan, _) = numbers_of(log), our_run(cell)
    spec, env = plan.spec, plan.config.env
    check_spec(spec, cell)
    if not FEWEST_ROWS <= len(rows) / env.steps <= MOST_ROWS:
        raise ConfigError(
            f"{log} has {len(rows)} rows, which cannot be a whole run of {env.steps} steps: "
            "say in published.cells how long it was, as in env.steps=900"
        )
    capacities, raw, ratios = np.split(rows, [len(KNOBS), len(KNOBS) + len(RAW)], axis=1)
    levels = levels_of(log, spec, capacities)
    check_thresholds(log, spec, levels, raw, ratios)
    latest = np.maximum(np.arange(1, env.steps + 1) * len(rows) // env.steps - 1, 0)  # at each step's end
    trace = rescored(spec, levels[latest], ratios[latest], env.control_interval_s)
    return published_row(agent, cell, seed, trace, log)


def numbers_of(log: Path) -> Values:
    """Return the numbers of a log, shape (n_rows, 10), all finite and >= 0. Raises ConfigError."""
    try:
        cells = pd.read_csv(log, header=None, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        cells = pd.DataFrame([[""]])
    except (OSError, ValueError) as error:  # a line with too many values, too
        raise ConfigError(f"{log} cannot be read as CSV: {' '.join(str(error).split())}") from error
    heading, rows = list(cells.iloc[0]), cells.iloc[1:, -len(COLUMNS) :]
    if heading not in ([*COLUMNS], ["", *COLUMNS]):
        expected, got = ", ".join(COLUMNS), ", ".join(map(str, heading))
        raise ConfigError(f"{log} line 1: expected the columns {expected}, got {got}")
    if rows.empty:
        raise ConfigError(f"{log} has a heading and no rows")
    if len(heading) > len(COLUMNS):
        for i, number in enumerate(cells[0][1:]):
            if number != str(i):
                raise ConfigError(f"{log} line {i + 2}: expected row number {i}, got {number!r}")
    values = rows.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    for i, j in np.argwhere(~(np.isfinite(values) & (values >= 0))):
        got = rows.iloc[i, j]
        raise ConfigError(f"{log} line {i + 2}: {COLUMNS[j]} must be a number >= 0, got {got!r}")
    return values


def check_spec(spec: ElasticitySpec, cell: Sequence[str]) -> None:
    """Raise ConfigError unless the cell has the knobs and the SLOs that the columns are of."""
    knobs, slos = [knob.name for knob in spec.knobs], [slo.metric for slo in spec.slos]
    if knobs != [*KNOBS.values()] or slos != [*SLOS.values()]:
        raise ConfigError(
            f"published: {' '.join(cell)} must have the SLOs {', '.join(SLOS.values())}, in this order, "
            f"got {', '.join(slos)}: say slo=thesis too"
        )


def levels_of(log: Path, spec: ElasticitySpec, capacities: Values) -> NDArray[np.int64]:
    """Return the level index per knob that each row's capacities are of, same shape. Raises ConfigError."""
    positions = capacities * (np.array(spec.n_levels) - 1)
    levels = np.rint(positions).astype(np.int64)
    wrong = np.argwhere((np.abs(positions - levels) > EXACT) | (levels > np.array(spec.highest)))
    if len(wrong):
        row, i = wrong[0]
        raise ConfigError(
            f"{log} line {row + 2}: {[*KNOBS][i]} must be level / {spec.n_levels[i] - 1} of a ladder with "
            f"{spec.n_levels[i]} levels, got {capacities[row, i]:g}"
        )
    return levels


def check_thresholds(
    log: Path, spec: ElasticitySpec, levels: NDArray[np.int64], raw: Values, ratios: Values
) -> None:
    """Raise ConfigError where a raw figure and its SLO value tell of another threshold than the cell's."""
    fps = np.array(spec.knobs[0].value)[levels[:, 0]]
    measured = np.stack([raw[:, 0] / fps, raw[:, 1], raw[:, 2] * fps], axis=1)  # in the units of our metrics
    thresholds = np.array([slo.threshold for slo in spec.slos[: len(RAW)]])
    judged = ratios[:, : len(RAW)] * thresholds
    wrong = np.argwhere(np.abs(measured - judged) > ALIKE * np.maximum(measured, judged))
    if len(wrong):
        row, i = wrong[0]
        told = f"{measured[row, i] / ratios[row, i]:.3g}" if ratios[row, i] else "another"
        raise ConfigError(
            f"{log} line {row + 2}: {RAW[i]} {raw[row, i]:g} and {[*SLOS][i]} {ratios[row, i]:g} tell of the "
            f"threshold {told}, but {spec.slos[i].metric} has {thresholds[i]:g} in our cell"
        )
