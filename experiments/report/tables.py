"""The figures of a comparison as text: which columns tables have, and how figures are written there."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.markup import escape
from rich.table import Table

from experiments.program.console import figure, plain_table
from experiments.report.block import Block, Frame, RankingMetric
from experiments.runs.summary import SETTLED_AFTER
from experiments.statistics.episode import GOLDEN
from experiments.statistics.pairs import FEW_SEEDS, LEVEL

UNKNOWN = "–"
LEAST_CHANCE = 0.001  # that is written out

Row = Any  # a row of a frame, by column name
Columns = Mapping[str, Callable[[Row], str]]  # heading -> how a cell is written
# of `tables.COLUMNS`, beside the agent and what it is ranked by; more would not fit a page
SHOWN = ("all SLOs hold, %", "QoE", "recovery, steps")
WORST = " (worst tenth)"  # of what agents are ranked by
COMMANDS = ("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater")
ESCAPES = str.maketrans(
    {letter: f"\\{letter}" for letter in "&%$#_{}"}
    | {letter: f"\\{command}{{}}" for letter, command in zip("\\~^<>", COMMANDS, strict=True)}
    | {"–": "--", "−": "$-$"}
)
SIGN = re.compile(r"(?:^|(?<=[\[ ]))-(?=[\d.])")  # before a number, no hyphen of a name
CAPTION = (
    "Means over cells and seeds with 95\\,\\% intervals (stratified bootstrap), and the mean of the worst "
    "tenth; recovery: median control intervals, and how many disturbances were dealt with."
)


def interval(row: Row, name: str, factor: float = 1.0, sign: str = "-") -> str:
    """Write "0.84 [0.80, 0.88]"; an en dash where nothing is known; `sign` "+" = always with one."""
    if pd.isna(row[name]):
        return UNKNOWN
    digits = 1 if factor == 100.0 else 3
    value, low, high = (f"{factor * row[f'{name}{end}']:{sign}.{digits}f}" for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def seeds(row: Row, name: str) -> str:
    """Write "12", "12 ✓" if there are as many, and enough; in words where none would do; "–" if unknown."""
    needed = row[f"{name}_seeds_needed"]
    if pd.isna(needed):
        return UNKNOWN
    if np.isinf(needed):
        return "no difference"
    return f"{needed:,.0f}" + (" ✓" if max(needed, FEW_SEEDS) <= row["seeds"] else "")


def answers(row: Row, name: str) -> str:
    """Write "3 (12/15)": median steps, and how many of how many were dealt with."""
    n = int(row[name])
    if n == 0:
        return UNKNOWN
    return f"{row[f'{name}_steps_median']:g} ({round(n * row[f'{name}_managed'])}/{n})"


def percent(value: float) -> str:
    """Write "98.3"."""
    return UNKNOWN if pd.isna(value) else f"{100 * value:.1f}"


def chance(p: float) -> str:
    """Write "0.012", "< 0.001"; a check mark where it is below the level that is asked for."""
    if pd.isna(p):
        return UNKNOWN
    return (f"{p:.3f}" if p >= LEAST_CHANCE else f"< {LEAST_CHANCE}") + (" ✓" if p < LEVEL else "")


COLUMNS: Columns = {
    "agent": lambda row: str(row["agent"]),
    "score": lambda row: interval(row, "score"),
    "score (IQM)": lambda row: interval(row, "score_iqm"),
    f"score{WORST}": lambda row: interval(row, "score_worst_tenth"),
    "all SLOs hold, %": lambda row: interval(row, "fulfilment", 100.0),
    f"after {SETTLED_AFTER} steps, %": lambda row: percent(row[f"slo_fulfilment_after_{SETTLED_AFTER}"]),
    "QoE": lambda row: interval(row, "qoe"),
    "streaming F1": lambda row: figure(row["qoe_by.f1"]),
    "golden F1": lambda row: figure(row[GOLDEN]),
    "reward": lambda row: interval(row, "reward", sign="+"),
    "reward (IQM)": lambda row: interval(row, "reward_iqm", sign="+"),
    f"reward{WORST}": lambda row: interval(row, "reward_worst_tenth", sign="+"),
    "optimality gap": lambda row: interval(row, "optimality_gap"),
    "not measured, %": lambda row: percent(row["slo_unknown"]) if row["slo_unknown"] > 0 else UNKNOWN,
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
    "trained steps": lambda row: f"{row['trained_steps']:,.0f}" if row["trained_steps"] > 0 else UNKNOWN,
}
# of COLUMNS: what is asked first, and the rest; together they would not fit a page
FIRST = (
    *("agent", "score", "score (IQM)", f"score{WORST}", "all SLOs hold, %", "QoE", "reward"),
    *("recovery, steps", "restoration, steps"),
)
FURTHER = ("agent", *(heading for heading in COLUMNS if heading not in FIRST))


def paired(metric: RankingMetric) -> Columns:
    """Return columns of `pairs.comparisons`; of scores and rewards, those that agents are ranked by."""
    name = metric.figure
    return {
        "agent": lambda row: str(row["agent"]),
        "pairs": lambda row: str(row["pairs"]),
        f"{metric.column} difference": lambda row: interval(row, f"{name}_difference", sign="+"),
        "seeds needed for it": lambda row: seeds(row, name),
        "SLOs difference, % points": lambda row: interval(row, "slo_fulfilment_difference", 100.0, "+"),
        "seeds needed for SLOs": lambda row: seeds(row, "slo_fulfilment"),
        "QoE difference": lambda row: interval(row, "qoe_mean_difference", sign="+"),
        "seeds needed for QoE": lambda row: seeds(row, "qoe_mean"),
        "improvement, %": lambda row: interval(row, "improvement", 100.0),
        "p (Holm)": lambda row: chance(row["p"]),
    }


def written(frame: Frame, columns: Columns) -> Frame:
    """Write a line per row of the frame; the result's columns are the headings."""
    rows = [[write(row) for write in columns.values()] for _, row in frame.iterrows()]
    return pd.DataFrame(rows, columns=list(columns), dtype=str)


def chosen(*headings: str) -> Columns:
    """Return some of COLUMNS."""
    return {heading: COLUMNS[heading] for heading in headings}


def known(text: Frame) -> Frame:
    """Leave out the columns in which nothing is known of anyone."""
    return text.loc[:, (text != UNKNOWN).any()]


def markdown(text: Frame) -> str:
    """Write the first column to the left, all others to the right."""
    lines = [text.columns, ["---"] + ["--:"] * (text.shape[1] - 1), *text.to_numpy()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def slos(frame: Frame) -> Frame:
    """Write a line per agent and a column per SLO, of `fulfilment_by_slo`."""
    text = frame.assign(text=[interval(row, "fulfilment", 100.0) for _, row in frame.iterrows()])
    wide = text.pivot(index="agent", columns="slo", values="text").fillna(UNKNOWN)
    return wide.loc[frame["agent"].unique(), frame["slo"].unique()].reset_index().rename_axis(columns=None)


def by_block(blocks: Sequence[Block]) -> tuple[Frame, Frame]:
    """Write what agents are ranked by, a line per agent and a column per block; mark each column's best.

    Both have the same shape, agents in the first column; `blocks` are those of one report, at least one.
    """
    column, agents = blocks[0].metric.column, blocks[0].agents
    values = pd.DataFrame(
        {block.name: block.leaderboard.set_index("agent")[column] for block in blocks}, index=agents
    )
    text = values.map(figure).rename_axis("agent").reset_index()
    best = (values == values.max()).reset_index(drop=True)
    best.insert(0, "agent", False)
    return text, best


def in_short(metric: RankingMetric) -> Columns:
    """Return the columns that a terminal has room for, those first that are asked for most."""
    return {
        **chosen("agent", metric.column),
        "worst 10th": lambda row: figure(row[f"{metric.column}_worst_tenth"]),
        "SLOs, %": lambda row: percent(row["fulfilment"]),
        "QoE": lambda row: figure(row["qoe"]),
        "recovery": COLUMNS["recovery, steps"],
        "restoration": COLUMNS["restoration, steps"],
    }


def terminal(text: Frame, title: str) -> Table:
    """Return text as a table for a terminal, in which its brackets mean nothing."""
    return plain_table(list(text.columns), text.map(escape).to_numpy().tolist(), title, gap=1)


# --- for a paper ---


def latex(blocks: Sequence[Block], title: str, notes: Sequence[str] = ()) -> str:
    """Return a `table` of the agents in each block, and that of `by_block` if there are several.

    Title and notes are plain text around it.
    """
    column = blocks[0].metric.column
    headings = chosen("agent", column, f"{column}{WORST}", *SHOWN)
    frames = {block.name: written(block.leaderboard, headings) for block in blocks}
    agents = (
        pd.concat(frames, names=["block"]).reset_index("block") if len(blocks) > 1 else frames.popitem()[1]
    )
    tables = [latex_table(agents.map(figure_text), f"{escaped(title)}. {CAPTION}", "tab:agents", notes)]
    if len(blocks) > 1:
        text, best = by_block(blocks)
        cells = text.map(figure_text)
        caption = f"{escaped(title)}. Mean {column} by block, the best in bold."
        tables.append(latex_table(cells.where(~best, r"\textbf{" + cells + "}"), caption, "tab:blocks"))
    return "\n".join([r"% needs \usepackage{booktabs}", *tables])


def latex_table(cells: Frame, caption: str, label: str, notes: Sequence[str] = ()) -> str:
    """Return a `table` of cells, caption and label in LaTeX, and of plain headings and notes."""
    table = (
        cells.style.hide(axis="index")
        .format_index(escaped, axis="columns")
        .to_latex(
            column_format="".join("l" if name in ("block", "agent") else "r" for name in cells),
            hrules=True,
            caption=caption,
            label=label,
            position_float="centering",
        )
    )
    below = "".join(rf"\par\raggedright\footnotesize {escaped(note)}" + "\n" for note in notes)
    return table.replace(r"\end{table}", below + r"\end{table}")


def figure_text(text: str) -> str:
    """Escape a figure's text, its interval smaller than itself, a minus as long as a plus."""
    value, bracket, interval = SIGN.sub("$-$", escaped(text)).partition(" [")
    return value + rf" {{\scriptsize [{interval}}}" if bracket else value


def escaped(text: str) -> str:
    """Return text that LaTeX shows as it is."""
    return text.translate(ESCAPES)
