"""The tables on the console."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from envs.hardware import Hardware
from experiments.calibration.closed_loop import SCORES, labels
from experiments.calibration.errors import METRICS, TARGETS
from experiments.calibration.profile import mean_service_ms
from experiments.calibration.store import Measured

HEADINGS = {
    "delivered_fps": "fps",
    "queue_size": "queue",
    "latency_p95_ms": "p95 ms",
    "memory_usage": "memory",
    "drop_rate": "drops",
    "load": "load",
}


def cells_table(measured: Measured, profile: Hardware) -> Table:
    """Service times and accuracy per grade and frame size."""
    table = Table(title="What was measured", title_justify="left")
    table.add_column("grade")
    table.add_column("px", justify="right")
    for heading in ("mean ms", "p50", "p95", "frames", "fps", "busy", "F1"):
        table.add_column(heading, justify="right")
    for cell in measured.cells.values():
        times_ms = np.concatenate([np.asarray(device.service_ms) for device in cell.devices])
        size = f"{cell.width}x{cell.height}"
        p50, p95 = np.percentile(times_ms, (50, 95))
        f1 = profile.accuracy.get(cell.grade, {}).get(size)
        mean_ms = mean_service_ms(profile, cell.grade, cell.width, cell.height)
        table.add_row(
            cell.grade,
            size,
            *(f"{ms:.1f}" for ms in (mean_ms, p50, p95)),
            str(len(times_ms)),
            f"{cell.fps:.3g}",
            f"{cell.busy:.0%}",
            "" if f1 is None else f"{f1:.2f}",
        )
    return table


def figures_table(measured: Measured, profile: Hardware) -> Table:
    """The profile's other figures."""
    table = Table(title="And of devices and host", title_justify="left", show_header=False)
    table.add_column("figure")
    table.add_column("value", justify="right")
    for number, device in enumerate(profile.devices):
        name = f"device {number}: " if len(profile.devices) > 1 else ""
        rows = [
            ("link, one way", f"{device.link.delay_ms:.3g} ms"),
            ("link", _bandwidth(device.link.mbit_s)),
            ("between two frames of a busy worker", f"{device.handling_ms:.3g} ms"),
        ]
        if measured.start_up is not None:
            rows += [
                ("start of a worker", f"{device.start_ms:.0f} ms"),
                ("load of a grade", f"{device.load_ms:.0f} ms"),
                ("first frame of a new size", f"{device.new_shape_ms:.0f} ms"),
            ]
        _add(table, [(name + label, value) for label, value in rows])
    host = profile.host
    assert measured.saturated is not None, "a complete calibration has it"
    _add(
        table,
        [
            ("producer and collector, one way", f"{host.message_ms:.3g} ms"),
            ("from due to handed out", f"{host.capture_ms:.3g} ms"),
            ("producer's memory when ready", f"{host.baseline_mb:.0f} MB"),
            ("host's memory, used of all", f"{host.used_mb:.0f} of {host.memory_mb:.0f} MB"),
            ("service times with saturated workers", f"{measured.saturated.slower:.2f} ×"),
        ],
    )
    return table


def _add(table: Table, rows: Sequence[tuple[str, str]]) -> None:
    for row in rows:
        table.add_row(*row)


def _bandwidth(mbit_s: float) -> str:
    return f"{mbit_s:,.0f} Mbit/s" if np.isfinite(mbit_s) else "as fast for large frames"


def settings_table(compared: pd.DataFrame, true_world: str, other_world: str) -> Table:
    """One row per held-out setting: per metric what is true, and what the other world has.

    Args:
        compared: as `experiments.calibration.errors.compare` returns it.
    """
    table = Table(title=f"{true_world} | {other_world}; ! misses the target, * load near 1")
    table.add_column("", justify="right")
    for metric in METRICS:
        table.add_column(HEADINGS[metric], justify="right")
    for row in compared.to_dict("records"):
        cells = []
        for metric in METRICS:
            missed = "" if row.get(f"{metric}.is_met", True) else "!"
            true, other = (_figure(row[f"{metric}.{side}"]) for side in ("true", "other"))
            cells.append(f"{true}|{other}{missed}")
        table.add_row(f"{row['setting']}{'*' if row['is_critical'] else ''}", *cells)
    return table


def shares_table(summary: Mapping[str, Any]) -> Table:
    """Share of the settings within the targets, and the typical errors, per pair of worlds."""
    table = Table(title="Held-out settings", title_justify="left")
    table.add_column("world, against which", overflow="fold")
    table.add_column("")
    for heading in ("within target", "median |error|", "of the value"):
        table.add_column(heading, justify="right")
    for one in summary["comparisons"]:
        shares, pair = one["share_within"], f"{one['other']}, {one['true']}"
        table.add_row(pair, "all three", _percent(shares["all"]), style="bold")
        table.add_row("", "all three, load near 1", _percent(shares["critical"]))
        for metric in METRICS:
            error = one["errors"][metric]
            absolute = "" if error["absolute"] is None else f"{error['absolute']:.3g}"
            within = _percent(shares[metric]) if metric in TARGETS else ""
            table.add_row("", HEADINGS[metric], within, absolute, _percent(error["relative"]))
        table.add_section()
    return table


def agents_table(loops: pd.DataFrame, ranks: Mapping[str, Any]) -> Table:
    """Agents' scores in each world, and how alike the worlds rank them."""
    order = labels(loops)
    table = Table(title="SLO fulfilment, QoE, reward; Spearman's rank correlation", title_justify="left")
    table.add_column("scenario, agent")
    for world in order["world"]:
        table.add_column(world, justify="right")
    values = loops.set_index(["scenario", "agent", "world"])
    for scenario in order["scenario"]:
        for agent in order["agent"]:
            cells = [values.loc[(scenario, agent, world), list(SCORES)] for world in order["world"]]
            table.add_row(f"{scenario}, {agent}", *(" ".join(f"{x:.2f}" for x in cell) for cell in cells))
        alike = [ranks[scenario].get(world, {}) for world in order["world"]]
        cells = [" ".join(_number(of_world.get(score)) for score in SCORES) for of_world in alike]
        table.add_row(f"{scenario}, ranks", *cells, style="bold", end_section=True)
    return table


def _figure(value: float) -> str:
    """Short: no more than two decimals, none from 100 on."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}".rstrip("0").rstrip(".")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
