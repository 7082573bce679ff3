"""The report of a comparison: one page for people, tables for papers and programs, figures."""

import io
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console

from experiments.program.console import counted, say
from experiments.program.files import whole, write_whole
from experiments.program.style import STYLE, rendered
from experiments.report import figures as pictures
from experiments.report import tables
from experiments.report.block import Block, Evidence, Frame, blocks_of
from experiments.report.caveats import caveats_of
from experiments.runs.summary import SETTLED_AFTER
from experiments.statistics.disturbances import LASTING, REGAINED
from experiments.statistics.pairs import FEW_SEEDS, LEVEL, POWER, by_cell

PAGE = "report.html"
TEMPLATE = Path(__file__).with_name("report.html.j2")
MEANT = {  # by the words of the glossary
    "settled_after": SETTLED_AFTER,
    "lasting": LASTING,
    "regained": round(100 * REGAINED),
    "level": LEVEL,
    "power": round(100 * POWER),
    "few_seeds": FEW_SEEDS,
}
SLO_TEXT = "Share of the steps that keep each SLO, %: means over episodes, in brackets 95 % intervals."


class Part(NamedTuple):
    """A table of text, or a figure, of the page, under a heading of its own."""

    title: str
    text: str  # how to read it
    table: Frame | None = None
    bold: Frame | None = None  # which cells of the table are
    svg: str = ""  # in base64
    width_px: int = 0  # of the figure, as wide as its PNG is


def write_report(directory: Path, evidence: Evidence, console: Console) -> list[Path]:
    """Write report.html, table.{csv,md,tex}, {pairs,improvements,cells,slos,episodes}.csv and figures.

    The directory is there. The leaderboard and what to mind go to the console too. Equal evidence gives
    equal files, which are returned, the page first.
    """
    blocks, episodes = blocks_of(evidence), evidence.table
    figures = [draw(directory, block) for block in blocks]
    frames = {
        "table": joined({block.name: block.leaderboard for block in blocks}),
        "pairs": joined({block.name: block.pairs for block in blocks}),
        "improvements": joined({block.name: block.improvements for block in blocks}),
        "slos": joined({block.name: block.slos for block in blocks}),
        "cells": by_cell(episodes, evidence.reference, evidence.references),
        "episodes": episodes.drop(columns="episode"),
    }
    notes = [*evidence.notes, *caveats_of(episodes, evidence.references, evidence.lacks)]
    texts = {
        PAGE: html(evidence, blocks, figures, notes),
        "table.md": markdown(evidence, blocks, notes),
        "table.tex": tables.latex(blocks, evidence.title, notes),
        **{f"{name}.csv": frame.to_csv(index=False) for name, frame in frames.items()},
    }
    for name, text in texts.items():
        write_whole(directory / name, text)
    for block in blocks:
        text = tables.written(block.leaderboard, tables.in_short(block.metric))
        console.print(tables.terminal(text, block.name))
    for note in notes:
        say(console, f"Note: {note}", "bold yellow")
    return [*(directory / name for name in texts), *(path for drawn in figures for path in drawn)]


def joined(frames: Mapping[str, Frame]) -> Frame:
    """Join the blocks' frames, with the block's name in front; those without rows are left out."""
    full = {name: frame for name, frame in frames.items() if len(frame)}
    return pd.concat(full, names=["block"]).reset_index("block") if full else pd.DataFrame(columns=["block"])


def cells_text(block: Block) -> str:
    """Name a block's cells."""
    return f"Cells: {', '.join(block.episodes['cell'].unique())}."


def markdown(evidence: Evidence, blocks: Sequence[Block], notes: Sequence[str]) -> str:
    """Return table.md."""
    parts = [f"# {evidence.title}", *notes]
    for block in blocks:
        table = tables.markdown(tables.written(block.leaderboard, tables.COLUMNS))
        parts += [f"## {block.name}", cells_text(block), table]
    return "\n\n".join([*parts, f"What the figures mean is said in {PAGE}."]) + "\n"


# --- the page ---


def html(
    evidence: Evidence, blocks: Sequence[Block], figures: Sequence[Mapping[Path, Part]], notes: Sequence[str]
) -> str:
    """Return report.html, which needs no network, no script and no other file; all text is escaped."""
    sections = []  # parts that belong together
    if len(blocks) > 1:
        text, best = tables.by_block(blocks)
        how = f"Mean {blocks[0].metric.column} of each agent in each block of cells; the best in bold."
        parts = [Part("Agents by blocks", how, text, best)]
        sections.append({"title": "Blocks", "text": "", "parts": parts})
    for block, drawn in zip(blocks, figures, strict=True):
        parts = parts_of(block, list(drawn.values()), evidence.reference)
        sections.append({"title": block.name, "text": cells_text(block), "parts": parts})
    n_seeds = evidence.table.groupby("cell")["seed"].nunique()
    facts = {
        "Episodes": f"{len(evidence.episodes):,} in {counted(len(n_seeds), 'cell')}",
        "Agents": ", ".join(dict.fromkeys(episode.agent for episode in evidence.episodes)),
        "Seeds per cell": " to ".join(dict.fromkeys(map(str, (n_seeds.min(), n_seeds.max())))),
        "Reference": evidence.reference,
        **evidence.facts,
    }
    values = {"title": evidence.title, "facts": facts, "notes": notes, "sections": sections}
    return rendered(TEMPLATE, **values, **MEANT)


def parts_of(block: Block, figures: Sequence[Part], reference: str) -> list[Part]:
    """Return a block's tables and figures in the order in which they are read."""
    first, further = (
        tables.known(tables.written(block.leaderboard, tables.chosen(*headings)))
        for headings in (tables.FIRST, tables.FURTHER)
    )
    parts = [Part("Leaderboard", "The best on top; in brackets 95 % intervals.", first), figures[0]]
    if len(block.pairs):
        text = f"Differences are {reference} minus the agent of the line, episode by episode."
        pairs = tables.known(tables.written(block.pairs, tables.paired(block.metric)))
        parts.append(Part(f"{reference} against the others", text, pairs))
    parts += [*figures[1:], Part("SLOs one by one", SLO_TEXT, tables.slos(block.slos))]
    return [*parts, Part("Further figures", "", further)]


# --- figures ---


# by file: title, what draws it (None = there is nothing to draw), caption
KINDS: Mapping[str, tuple[str, Callable[[Block], Figure | None], str]] = {
    "score": (
        "Ranking",
        pictures.ranks,
        "Who does best: the mark is the mean, the line its 95 % interval, the tick that of the worst tenth.",
    ),
    "plane": (
        "SLO fulfilment and QoE",
        pictures.plane,
        "What is paid for what: to the right, SLOs are violated more seldom; upwards, quality is better; "
        "nobody beats an agent on the dashed Pareto front in both.",
    ),
    "cells": (
        "Cell by cell",
        pictures.cells,
        "Where who does well: means of each agent in each cell, the best agents to the left.",
    ),
    "price": (
        "Rank over the price of a violation",
        pictures.price,
        "Who is best depends on what a violated step costs: ranks by QoE − price × share of violated steps; "
        "dotted, where another agent takes the lead. An order that looks at SLOs alone is at the far right.",
    ),
    "compliance": (
        "SLOs over time",
        pictures.compliance,
        "When SLOs hold, a row per scenario and a column per agent: share of episodes, with 95 % bands; at a "
        "solid line the world gets worse, at a dashed one better.",
    ),
    "answers": (
        "Recovery and restoration",
        pictures.answers,
        "How fast disturbances are answered: the share that was dealt with by a step (Kaplan and Meier's "
        "estimate); a tick marks where time ran out for some; in brackets, how many there were.",
    ),
}


def draw(directory: Path, block: Block) -> dict[Path, Part]:
    """Write every figure that there is something for, as a PNG; return them in the order to be read in.

    Equal figures give equal bytes.
    """
    drawn = {}
    for name, (title, drawing, caption) in KINDS.items():
        with mpl.rc_context(STYLE):
            if (figure := drawing(block)) is None:
                continue
            path = directory / f"{f'{block.name}-' if block.is_one_of_many else ''}{name}.png"
            with whole(path) as partial:
                figure.savefig(partial, format="png")
            figure.set_layout_engine("none")  # all is in its place now, and finding it takes half of the time
            figure.savefig(svg := io.BytesIO(), format="svg", metadata={"Date": None})
            width_px = round(figure.get_figwidth() * STYLE["figure.dpi"])
            drawn[path] = Part(title, caption, svg=b64encode(svg.getvalue()).decode(), width_px=width_px)
    return drawn
