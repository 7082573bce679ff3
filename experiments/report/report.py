"""The report of a comparison: one page for people, tables for papers and programs, figures."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from rich.console import Console

from experiments.program.console import say
from experiments.program.files import write_whole
from experiments.program.formatting import counted
from experiments.program.page import rendered
from experiments.report import tables
from experiments.report.block import Block, Evidence, Frame, blocks_of
from experiments.report.figures import Drawn, draw
from experiments.report.glossary import GLOSSARY, LEGEND, caveats_of
from experiments.report.tables import latex, latex_by_block
from experiments.statistics.pairs import by_cell

PAGE = "report.html"
TEMPLATE = Path(__file__).with_name("report.html.j2")
SLO_TEXT = "Share of the steps that keep each SLO, %: means over episodes, in brackets 95 % intervals."


class Part(NamedTuple):
    """A table or a figure of the page, under a heading of its own; `text` says how to read it.

    The table is of text, some of it in bold; the figure is an SVG in base64, shown as wide as its PNG is.
    """

    title: str
    text: str
    table: Frame | None = None
    bold: Frame | None = None
    svg: str = ""
    width_px: int = 0


class Section(NamedTuple):
    """Parts that belong together."""

    title: str
    text: str
    parts: Sequence[Part]


def write_report(directory: Path, evidence: Evidence, console: Console) -> list[Path]:
    """Write report.html, table.{csv,md,tex}, {pairs,improvements,cells,slos,episodes}.csv and figures.

    The directory is there. The leaderboard and what to mind go to the console too. Equal evidence gives
    equal files.

    Returns:
        What was written, the page first.
    """
    blocks = blocks_of(evidence)
    figures = [draw(directory, block) for block in blocks]
    episodes = evidence.table
    frames = {
        "table": joined((block.name, block.leaderboard) for block in blocks),
        "pairs": joined((block.name, block.pairs) for block in blocks),
        "improvements": joined((block.name, block.improvements) for block in blocks),
        "slos": joined((block.name, block.slos) for block in blocks),
        "cells": by_cell(episodes, evidence.reference, evidence.references),
        "episodes": episodes.drop(columns="episode"),
    }
    notes = [*evidence.notes, *caveats_of(episodes, evidence.references, evidence.lacks)]
    texts = {
        PAGE: html(evidence, blocks, figures, frames["cells"], notes),
        "table.md": markdown(evidence, blocks, notes),
        "table.tex": latex(blocks, evidence.title, notes)
        + (latex_by_block(blocks, evidence.title) if len(blocks) > 1 else ""),
        **{f"{name}.csv": frame.to_csv(index=False) for name, frame in frames.items()},
    }
    for name, text in texts.items():
        write_whole(directory / name, text)
    for block in blocks:
        console.print(tables.terminal(block.leaderboard, block.metric, block.name))
    if len(blocks) > 1:
        console.print(tables.terminal_by_block(blocks))
    for note in notes:
        say(console, f"Note: {note}", "bold yellow")
    return [*(directory / name for name in texts), *(drawn.path for own in figures for drawn in own)]


def joined(frames: Iterable[tuple[str, Frame]]) -> Frame:
    """Join the blocks' frames, with the block's name in front; those without rows are left out."""
    full = [frame.assign(block=name) for name, frame in frames if len(frame)]
    whole = pd.concat(full, ignore_index=True) if full else pd.DataFrame(columns=["block"])
    return whole.loc[:, ["block", *whole.columns.drop("block")]]


def cells_text(block: Block) -> str:
    """Name a block's cells."""
    return f"Cells: {', '.join(block.episodes['cell'].unique())}."


def markdown(evidence: Evidence, blocks: Sequence[Block], notes: Sequence[str]) -> str:
    """Return table.md."""
    parts = [f"# {evidence.title}", *notes]
    for title, frame in evidence.extras.items():
        parts += [f"## {title}", tables.markdown(tables.any_frame(frame))]
    for block in blocks:
        table = tables.markdown(tables.written(block.leaderboard, tables.COLUMNS))
        parts += [f"## {block.name}", cells_text(block), table]
    return "\n\n".join([*parts, LEGEND]) + "\n"


def html(
    evidence: Evidence,
    blocks: Sequence[Block],
    figures: Sequence[Sequence[Drawn]],
    cells: Frame,
    notes: Sequence[str],
) -> str:
    """Return report.html, which needs no network, no script and no other file; all text is escaped."""
    extras = [Part(title, "", tables.any_frame(frame)) for title, frame in evidence.extras.items()]
    each = Part("Every cell", "", tables.known(tables.written(cells, tables.OF_CELLS)))
    sections = [
        *([Section("Beside the leaderboard", "", extras)] if extras else []),
        *([Section("Blocks", "", [of_blocks(blocks)])] if len(blocks) > 1 else []),
        *(section(block, drawn, evidence.reference) for block, drawn in zip(blocks, figures, strict=True)),
        Section("Cells", "Where which agent does how well.", [each]),
    ]
    facts = facts_of(evidence)
    return rendered(
        TEMPLATE, title=evidence.title, facts=facts, notes=notes, sections=sections, glossary=GLOSSARY
    )


def of_blocks(blocks: Sequence[Block]) -> Part:
    """Return the table of agents and blocks."""
    text, best = tables.by_block(blocks)
    how = f"Mean {blocks[0].metric.column} of each agent in each block of cells; the best in bold."
    return Part("Agents by blocks", how, text, best)


def section(block: Block, drawn: Sequence[Drawn], reference: str) -> Section:
    """Return a block's tables and figures in the order in which they are read."""
    first, further = (
        tables.known(tables.written(block.leaderboard, tables.chosen(*headings)))
        for headings in (tables.FIRST, tables.FURTHER)
    )
    ranking, *others = [
        Part(one.title, one.caption, svg=b64encode(one.svg).decode(), width_px=one.width_px) for one in drawn
    ]
    parts = [Part("Leaderboard", "The best on top; in brackets 95 % intervals.", first), ranking]
    if len(block.pairs):
        text = f"Differences are {reference} minus the agent of the line, episode by episode."
        pairs = tables.known(tables.written(block.pairs, tables.paired(block.metric)))
        parts.append(Part(f"{reference} against the others", text, pairs))
    parts += [*others, Part("SLOs one by one", SLO_TEXT, tables.slos(block.slos))]
    return Section(block.name, cells_text(block), [*parts, Part("Further figures", "", further)])


def facts_of(evidence: Evidence) -> dict[str, str]:
    """Return what can be seen of the episodes themselves, and what is told."""
    episodes = evidence.table
    n_seeds = episodes.groupby("cell")["seed"].nunique()
    return {
        "Episodes": f"{len(episodes):,} in {counted(len(n_seeds), 'cell')}",
        "Agents": ", ".join(episodes["agent"].unique()),
        "Seeds per cell": span(n_seeds),
        "Steps per episode": span(episodes["steps"]),
        "Reference": evidence.reference,
        **evidence.facts,
    }


def span(values: Any) -> str:
    """Write "5", or "5 to 20"."""
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
