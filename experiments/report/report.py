"""The report of a comparison: one page for people, tables for papers and programs, pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from rich.console import Console

from experiments.program.files import write_whole
from experiments.program.formatting import counted
from experiments.report import tables
from experiments.report.agent_styles import looks_of
from experiments.report.drawings import Drawing, Subject, draw
from experiments.report.glossary import LEGEND
from experiments.report.latex import latex
from experiments.report.page import Part, Section, page, picture
from experiments.statistics.caveats import caveats_of
from experiments.statistics.episode import Episode
from experiments.statistics.frames import EVERYWHERE, blocks_of, by_cell, by_episode, joined
from experiments.statistics.leaderboard import kept_by_slo, standings
from experiments.statistics.pairs import comparisons, improvements
from experiments.statistics.ranking_metric import Measure, measure_of
from experiments.statistics.scores import Yardstick

PAGE = "report.html"
SLO_TEXT = "Share of the steps that keep each SLO, %: means over episodes, in brackets 95 % intervals."
MOST_LINES = 7  # agents in colour where nobody says which


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a report is made of.

    Attributes:
        title: one line.
        episodes: of all agents, at least one; what is compared pair by pair has the same cell and seed.
        yardsticks: by cell; where one is missing there are no scores, and all else is compared all the same.
        reference: the agent whom everyone is compared with.
        highlight: agents drawn in colour where lines would be too many; empty = the best seven.
        notes: what a reader must know first, one plain sentence each.
        facts: what was run, for the head of the report; by what it is.
        extras: further tables, by their titles.
    """

    title: str
    episodes: Sequence[Episode]
    yardsticks: Mapping[str, Yardstick]
    reference: str
    highlight: Sequence[str] = ()
    notes: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    extras: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.episodes:
            raise ValueError("episodes: a report needs at least one, got none")


@dataclass(frozen=True, slots=True)
class Block:
    """Cells that are reported together.

    Attributes:
        name: its own.
        episodes: of it.
        measure: what its agents are ranked by.
        standings, pairs, slos, improvements: what they come to.
        drawings: of them.
    """

    name: str
    episodes: Sequence[Episode]
    measure: Measure
    standings: pd.DataFrame
    pairs: pd.DataFrame
    slos: pd.DataFrame
    improvements: pd.DataFrame
    drawings: Sequence[Drawing]

    @property
    def cells(self) -> str:
        """For people."""
        return f"Cells: {', '.join(dict.fromkeys(episode.cell for episode in self.episodes))}."


def write_report(directory: Path, evidence: Evidence, console: Console) -> list[Path]:
    """Write report.html, table.{csv,md,tex}, {pairs,improvements,cells,slos,episodes}.csv and pictures.

    The standings go to the console as well. Equal evidence gives equal files.

    Args:
        directory: exists.
        evidence: what is reported.
        console: for the tables.

    Returns:
        What was written, the page first.
    """
    by_block = blocks_of(evidence.episodes)
    blocks = [block_of(directory, evidence, name, own, len(by_block) > 1) for name, own in by_block.items()]
    frames = frames_of(evidence, blocks)
    texts = {
        PAGE: html(evidence, blocks, frames["cells"]),
        "table.md": markdown(evidence, blocks),
        "table.tex": latex(
            {block.name: block.standings for block in blocks}, blocks[0].measure, evidence.title
        ),
    }
    for name, text in texts.items():
        write_whole(directory / name, text)
    for name, frame in frames.items():
        write_whole(directory / f"{name}.csv", frame.to_csv(index=False))
    for block in blocks:
        console.print(tables.terminal(block.standings, block.measure, block.name))
    written = [directory / name for name in (*texts, *(f"{name}.csv" for name in frames))]
    return written + [drawing.path for block in blocks for drawing in block.drawings]


def frames_of(evidence: Evidence, blocks: Sequence[Block]) -> dict[str, pd.DataFrame]:
    """What the CSVs have, by their names."""
    by_block = {
        "table": {block.name: block.standings for block in blocks},
        "pairs": {block.name: block.pairs for block in blocks},
        "improvements": {block.name: block.improvements for block in blocks},
        "slos": {block.name: block.slos for block in blocks},
    }
    return {name: joined(frames, "block") for name, frames in by_block.items()} | {
        "cells": by_cell(evidence.episodes, evidence.reference, evidence.yardsticks),
        "episodes": by_episode(evidence.episodes, evidence.yardsticks),
    }


def block_of(
    directory: Path, evidence: Evidence, name: str, episodes: Sequence[Episode], is_one_of_many: bool
) -> Block:
    """All figures and pictures of a block."""
    yardsticks = evidence.yardsticks
    standing = standings(episodes, yardsticks)
    agents = [str(agent) for agent in standing["agent"]]
    subject = Subject(
        episodes=episodes,
        measure=measure_of(episodes, yardsticks),
        standings=standing,
        improvements=improvements(episodes, agents),
        yardsticks=yardsticks,
        looks=looks_of([episode.agent for episode in evidence.episodes]),
        highlight=[agent for agent in evidence.highlight if agent in agents] or agents[:MOST_LINES],
        title=f"{evidence.title}: {name}" if is_one_of_many else evidence.title,
        over_time=not (is_one_of_many and name == EVERYWHERE),
    )
    return Block(
        name=name,
        episodes=episodes,
        measure=subject.measure,
        standings=standing,
        pairs=comparisons(
            sorted(episodes, key=lambda episode: agents.index(episode.agent)), evidence.reference, yardsticks
        ),
        slos=kept_by_slo(episodes, agents),
        improvements=subject.improvements,
        drawings=draw(directory, subject, f"{name}-" if is_one_of_many else ""),
    )


def facts_of(evidence: Evidence) -> dict[str, str]:
    """What can be seen of the episodes themselves, and what is told."""
    by_cell: dict[str, set[int]] = {}
    for episode in evidence.episodes:
        by_cell.setdefault(episode.cell, set()).add(episode.seed)
    n_seeds, n_steps = (
        sorted({len(own) for own in found})
        for found in (by_cell.values(), (episode.rewards for episode in evidence.episodes))
    )
    return {
        "Episodes": f"{len(evidence.episodes):,} in {counted(len(by_cell), 'cell')}",
        "Agents": ", ".join(dict.fromkeys(episode.agent for episode in evidence.episodes)),
        "Seeds per cell": span(n_seeds),
        "Steps per episode": span(n_steps),
        "Reference": evidence.reference,
        **evidence.facts,
    }


def span(values: Sequence[int]) -> str:
    """ "5", "5 to 20", of ascending values."""
    return f"{values[0]:,}" if values[0] == values[-1] else f"{values[0]:,} to {values[-1]:,}"


def markdown(evidence: Evidence, blocks: Sequence[Block]) -> str:
    """table.md."""
    parts = [f"# {evidence.title}", *evidence.notes, *caveats_of(evidence.episodes, evidence.yardsticks)]
    for title, frame in evidence.extras.items():
        parts += [f"## {title}", tables.markdown(tables.any_frame(frame))]
    for block in blocks:
        table = tables.written(block.standings, tables.COLUMNS)
        parts += [f"## {block.name}", block.cells, tables.markdown(table)]
    return "\n\n".join([*parts, LEGEND]) + "\n"


def html(evidence: Evidence, blocks: Sequence[Block], cells: pd.DataFrame) -> str:
    """report.html."""
    sections = [section(f"block{i}", block, evidence.reference) for i, block in enumerate(blocks)]
    if evidence.extras:
        extras = [Part(title, "", tables.any_frame(frame)) for title, frame in evidence.extras.items()]
        sections.insert(0, Section("more", "Beside the standings", "", extras))
    each = Part("Every cell", "", tables.written(cells, tables.OF_CELLS).known)
    sections.append(Section("cells", "Cells", "Where which agent does how well.", [each]))
    notes = [*evidence.notes, *caveats_of(evidence.episodes, evidence.yardsticks)]
    return page(evidence.title, facts_of(evidence), notes, sections)


def section(anchor: str, block: Block, reference: str) -> Section:
    """Of a block: tables and pictures in the order in which they are read."""
    first, further = (
        tables.written(block.standings, tables.chosen(*headings)).known
        for headings in (tables.FIRST, tables.FURTHER)
    )
    parts = [Part("Standings", "The best on top; in brackets 95 % intervals.", first)]
    ranking, *others = map(picture, block.drawings)
    parts.append(ranking)
    if len(block.pairs):
        text = f"Differences are {reference} minus the agent of the line, episode by episode."
        pairs = tables.written(block.pairs, tables.paired(block.measure)).known
        parts.append(Part(f"{reference} against the others", text, pairs))
    parts += others
    parts.append(Part("SLOs one by one", SLO_TEXT, tables.slos(block.slos)))
    parts.append(Part("Further figures", "", further))
    return Section(anchor, block.name, block.cells, parts)
