"""The figures of a comparison as tables: Markdown to publish, a table for the terminal."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from rich.table import Table

from experiments.summary import SETTLED_AFTER
from experiments.wording import figure

Row = Any  # a row of a frame, by column name


def interval(row: Row, name: str, factor: float = 1.0) -> str:
    """ "0.84 [0.80, 0.88]"; an en dash where nothing is known."""
    if pd.isna(row[name]):
        return "–"
    digits = 1 if factor == 100.0 else 3
    value, low, high = (f"{factor * row[f'{name}{end}']:.{digits}f}" for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def answers(row: Row, name: str) -> str:
    """ "3 (12/15)": median steps, and how many of how many were dealt with."""
    n = int(row[name])
    if n == 0:
        return "–"
    return f"{row[f'{name}_steps_median']:.0f} ({round(n * row[f'{name}_managed'])}/{n})"


def percent(value: float) -> str:
    """ "98.3"."""
    return "–" if pd.isna(value) else f"{100 * value:.1f}"


# heading -> how a cell is written
COLUMNS: dict[str, Callable[[Row], str]] = {
    "agent": lambda row: str(row["agent"]),
    "score": lambda row: interval(row, "score"),
    "all SLOs hold, %": lambda row: interval(row, "fulfilment", 100.0),
    "mean, %": lambda row: percent(row["slo_fulfilment"]),
    f"after {SETTLED_AFTER} steps, %": lambda row: percent(row[f"slo_fulfilment_after_{SETTLED_AFTER}"]),
    "QoE": lambda row: interval(row, "qoe"),
    "reward": lambda row: f"{row['reward_mean']:+.3f}",
    "depth": lambda row: figure(row["slo_depth"], 2),
    "longest": lambda row: f"{row['longest_violation']:.1f}",
    "recovery, steps": lambda row: answers(row, "recoveries"),
    "restoration, steps": lambda row: answers(row, "restorations"),
    "p95, ms": lambda row: figure(row["latency_p95_ms"]),
    "switches /min": lambda row: f"{row['switches_per_min']:.1f}",
    "decision p50 / p99, ms": lambda row: (
        f"{figure(row['decision_ms_p50'], 2)} / {figure(row['decision_ms_p99'], 2)}"
    ),
    "CPU, %": lambda row: figure(100 * row["cpu_share"], 2),
    "to plateau": lambda row: figure(row["steps_to_plateau"], 2),
    "trained steps": lambda row: f"{int(row['trained_steps']):,}" if row["trained_steps"] else "–",
}
SHORT: dict[str, Callable[[Row], str]] = {  # for a terminal of 80 columns
    "agent": lambda row: str(row["agent"]),
    "score": lambda row: interval(row, "score"),
    "SLOs, %": lambda row: percent(row["fulfilment"]),
    "QoE": lambda row: figure(row["qoe"]),
    "recovery": lambda row: answers(row, "recoveries"),
    "restoration": lambda row: answers(row, "restorations"),
}
LEGEND = (
    "Score: 0 = random decisions, 1 = the best that is known with the same luck. Score, SLOs and QoE are "
    "interquartile means over cells and seeds with stratified bootstrap 95 % intervals; all others are "
    "means. Depth: mean of ratio − 1 (at most 9) where an SLO was broken. Longest: violation, steps. "
    "Recovery: median steps from a disturbance, under which holding still would break an SLO, until all SLOs "
    "hold for 5 steps (in brackets: how many were recovered from within their phase). Restoration: likewise "
    "until 90 % of the lost QoE is back after the disturbance has gone. CPU: decision and learning time per "
    "control interval. To plateau: steps to 90 % of an agent's own plateau, measured above random, where "
    "nothing happens."
)


def markdown(frame: pd.DataFrame) -> str:
    """All columns, one line per agent."""
    headings = list(COLUMNS)
    lines = [
        "| " + " | ".join(headings) + " |",
        "|" + "|".join(["---"] + ["--:"] * (len(headings) - 1)) + "|",
    ]
    for _, row in frame.iterrows():
        lines.append("| " + " | ".join(write(row) for write in COLUMNS.values()) + " |")
    return "\n".join(lines)


def plain(frame: pd.DataFrame) -> str:
    """Any frame, numbers with three digits."""
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + "---|" * len(frame.columns)]
    for values in frame.itertuples(index=False):
        cells = (f"{value:.3g}" if isinstance(value, float) else str(value) for value in values)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def terminal(frame: pd.DataFrame, title: str) -> Table:
    """The most important columns."""
    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    table.title_justify, table.title_style = "left", "bold"
    for heading in SHORT:
        table.add_column(heading, no_wrap=True, justify="left" if heading == "agent" else "right")
    for _, row in frame.iterrows():
        table.add_row(*(write(row) for write in SHORT.values()))
    return table
