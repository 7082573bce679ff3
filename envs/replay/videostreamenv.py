"""The data set of VideoStreamEnv as a replay world: a real phone that shows up to twenty streams at once.

Source: Lapkovskis et al. 2025, "Benchmarking Dynamic SLO Compliance in Distributed Computing Continuum
Systems", arXiv 2503.03274; data in github.com/AlfredsLapkovskis/VideoStreamEnv (MIT).
"""

import gzip
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.replay.env import STREAMS, Replay
from envs.replay.table import Table
from envs.scenario import Scenario
from envs.spec import ElasticitySpec, Knob, ObservedMetric
from pipeline.slos import Sense, Slo

RESOLUTION, FPS = "resolution", "fps"
KNOBS: Mapping[str, tuple[str, str]] = {  # knob -> its column and unit, in the authors' order
    RESOLUTION: ("p_resolution", "px"),
    STREAMS: ("p_n_streams", ""),
    FPS: ("p_fps", "1/s"),
}
NETWORK, ACTUAL_FPS, SCALE = "network_bytes_per_s", "delivered_fps", "render_scale_factor"
MEASURED: Mapping[str, str] = {  # metric -> its column
    "client_cpu": "cpu_usage",  # of one core, may exceed 1
    "client_memory": "memory_usage",  # share
    NETWORK: "network_usage",
    ACTUAL_FPS: "avg_actual_fps",  # mean of the streams
    SCALE: "avg_render_scale_factor",  # pixels of the screen per pixel of the stream: larger is coarser
    "thermal_state": "thermal_state",  # as iOS has it: 0 nominal, 1 fair, 2 serious, 3 critical
}
SHARPNESS = "sharpness"  # 1 / render scale factor: pixels of the stream per pixel of the screen

# The authors' (experiments/exp1.json of their repository). Three are lower bounds: they break when too
# little is asked. Theirs on the render scale factor, at most 1.6, is written as what it is, a floor of
# 1/1.6 on its inverse: the ratio is the same number, and the sense says that more quality mends it.
SLOS = (
    Slo(NETWORK, 10_485_760.0),
    Slo(ACTUAL_FPS, 15.0, sense=Sense.AT_LEAST),
    Slo(STREAMS, 5.0, sense=Sense.AT_LEAST),
    Slo(SHARPNESS, 1 / 1.6, sense=Sense.AT_LEAST),
    Slo("thermal_state", 1.0, memory=True),  # never anything but 0 in the data
)
OBSERVED = (ObservedMetric("client_cpu", "", 0.0, 1.25), ObservedMetric("client_memory", "", 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class DataSet:
    """What was published, ready to be replayed.

    Attributes:
        spec: knobs resolution, streams and fps, with the levels that were measured.
        table: rows of each setting by network usage.
    """

    spec: ElasticitySpec
    table: Table

    def world(
        self,
        steps: int,
        control_interval_s: float = 1.0,
        scenario: Scenario | None = None,
        initial_levels: Sequence[int] | None = None,
    ) -> Replay:
        """The environment; arguments as of `Replay`."""
        delivered_by = {FPS: ACTUAL_FPS}
        return Replay(
            self.spec, self.table, steps, delivered_by, control_interval_s, scenario, initial_levels
        )


def read_data_set(path: Path) -> DataSet:
    """Read metrics.csv, gzipped or not.

    Args:
        path: of the file as published; every combination of the levels that occur must have a row.

    Raises:
        ValueError: it is missing, is not that file, or is damaged.
    """
    columns = _columns(path)
    ladders = {knob: np.unique(columns[column]) for knob, (column, _) in KNOBS.items()}
    if not all(np.isfinite(ladder).all() and ladder[0] > 0 for ladder in ladders.values()):
        raise ValueError(f"data set {path}: settings must be finite and > 0 in every row")
    if (columns[MEASURED[SCALE]] <= 0).any():
        raise ValueError(f"data set {path}: {MEASURED[SCALE]} must be > 0 in every row")
    levels = np.stack(
        [np.searchsorted(ladders[knob], columns[column]) for knob, (column, _) in KNOBS.items()], axis=1
    )
    metrics = {name: columns[column] for name, column in MEASURED.items()}
    metrics |= {STREAMS: columns[KNOBS[STREAMS][0]], SHARPNESS: 1.0 / metrics[SCALE]}
    values = np.stack(list(metrics.values()), axis=1)
    try:
        n_levels = [len(ladder) for ladder in ladders.values()]
        table = Table.of(levels, values, list(metrics), n_levels, heaviest_by=NETWORK)
    except ValueError as error:
        raise ValueError(f"data set {path}: {error}") from None
    costs = network_costs(table)
    knobs = tuple(
        Knob(name, unit, tuple(ladder), tuple(ladder), (cost,))
        for (name, (_, unit)), ladder, cost in zip(
            KNOBS.items(), map(np.ndarray.tolist, ladders.values()), costs, strict=True
        )
    )
    return DataSet(ElasticitySpec(knobs, SLOS, OBSERVED), table)


def network_costs(table: Table) -> tuple[tuple[float, ...], ...]:
    """Relative cost of each level per knob: the traffic that was measured, 1 for the lowest level.

    The product of three costs is the least-squares fit to the logarithm of every setting's median network
    usage: in a full grid, the mean over the other knobs. Medians, for the published outliers reach hundreds
    of times the usual. Network, for it is the SLO that a higher level breaks. Three significant digits.
    """
    column = table.metrics.index(NETWORK)
    medians = [math.log(np.nanmedian(rows[:, column])) for rows in table.rows]
    grid = np.reshape(medians, table.n_levels)
    costs = []
    for knob in range(grid.ndim):
        effect = grid.mean(axis=tuple(axis for axis in range(grid.ndim) if axis != knob))
        costs.append(tuple(float(f"{math.exp(gain):.3g}") for gain in effect - effect[0]))
    return tuple(costs)


def _columns(path: Path) -> dict[str, NDArray[np.float64]]:
    """Every column that is needed, by its name in the file."""
    if not path.is_file():
        raise ValueError(
            f"no data set at {path}: expected metrics.csv or metrics.csv.gz of "
            "github.com/AlfredsLapkovskis/VideoStreamEnv (say env.path=...)"
        )
    needed = [*MEASURED.values(), *(column for column, _ in KNOBS.values())]
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            header = file.readline().strip().split(",")
            if missing := sorted(set(needed) - set(header)):
                raise ValueError(f"expected a column {', '.join(missing)}, got {', '.join(header)[:200]}")
            rows = file.readlines()
            if not rows:
                raise ValueError("expected at least one row, got none")
            cells = np.loadtxt(rows, delimiter=",", ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"data set {path}: {error}") from error
    if cells.shape[1] != len(header):
        raise ValueError(f"data set {path}: expected {len(header)} columns, got {cells.shape[1]}")
    if np.isinf(cells).any():
        raise ValueError(f"data set {path}: expected finite numbers, got an infinite one")
    return {name: cells[:, header.index(name)] for name in needed}
