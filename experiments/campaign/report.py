"""What an evaluation leaves: tables, figures per cell and per episode, pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from rich.console import Console

from experiments.campaign.entrants import ORACLE, RANDOM
from experiments.campaign.episodes import Task
from experiments.campaign.plan import Campaign
from experiments.comparison import pictures, tables
from experiments.comparison.episode import Episode, episode_of
from experiments.comparison.looks import looks_of
from experiments.comparison.scores import TOLERANCE, Yardstick, rank_correlation
from experiments.comparison.standings import comparisons, score_of, standings

EVERYWHERE = "all"  # a block's name for all blocks together


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was played, and what it is measured by.

    Attributes:
        episodes: of the roster.
        twins: of the roster in the simulator, where the episodes are of the pipeline.
        yardsticks: by cell; a cell without one is not compared.
    """

    episodes: Sequence[Episode]
    twins: Sequence[Episode]
    yardsticks: Mapping[str, Yardstick]

    @property
    def not_normal(self) -> list[str]:
        """Cells in which nothing lies between random and oracle."""
        return [cell for cell, yardstick in self.yardsticks.items() if not yardstick.is_normal]

    @property
    def beyond(self) -> list[Episode]:
        """Simulated episodes that show that the best known is not the best: an agent did better by far."""
        return [
            episode
            for episode in self.twins or self.episodes
            if episode.figures["reward_mean"] > self.yardsticks[episode.cell].oracle[episode.seed] + TOLERANCE
        ]


def read(campaign: Campaign) -> Findings:
    """Every episode that has a file."""
    yardsticks = yardsticks_of(load(campaign.references))

    def comparable(tasks: Sequence[Task]) -> list[Episode]:
        return [episode for episode in load(tasks) if episode.cell in yardsticks]

    return Findings(comparable(campaign.tasks), comparable(campaign.twins), yardsticks)


def load(tasks: Sequence[Task]) -> list[Episode]:
    """What the files have; a task without one is left out."""
    return [
        episode_of(
            pq.read_table(task.path).to_pandas(),
            task.entrant.name,
            task.cell.name,
            task.cell.block,
            task.seed,
            task.cell.turns(task.seed),
        )
        for task in tasks
        if task.path.exists()
    ]


def yardsticks_of(references: Sequence[Episode]) -> dict[str, Yardstick]:
    """Of the cells in which both random and oracle have been played under all their seeds that were to be."""
    rewards: dict[str, dict[str, dict[int, float]]] = {}
    for episode in references:
        by_agent = rewards.setdefault(episode.cell, {})
        by_agent.setdefault(episode.agent, {})[episode.seed] = episode.figures["reward_mean"]
    return {
        cell: Yardstick(float(np.mean(list(by_agent[RANDOM].values()))), by_agent[ORACLE])
        for cell, by_agent in rewards.items()
        if RANDOM in by_agent and ORACLE in by_agent
    }


def blocks_of(episodes: Sequence[Episode]) -> dict[str, list[Episode]]:
    """Episodes by block, after all of them together if there are several blocks."""
    names = list(dict.fromkeys(episode.block for episode in episodes))
    blocks = {name: [episode for episode in episodes if episode.block == name] for name in names}
    return {EVERYWHERE: list(episodes), **blocks} if len(blocks) > 1 else blocks


def write_tables(
    directory: Path, findings: Findings, reference: str, title: str, notes: Sequence[str], console: Console
) -> None:
    """table.md, table.csv, pairs.csv, cells.csv, episodes.csv; and the table in the terminal."""
    ranked, pairs, parts = [], [], [f"# {title}", *notes]
    for block, episodes in blocks_of(findings.episodes).items():
        standing = standings(episodes, findings.yardsticks)
        ranked.append(standing.assign(block=block))
        pairs.append(comparisons(episodes, reference, findings.yardsticks).assign(block=block))
        cells = ", ".join(dict.fromkeys(episode.cell for episode in episodes))
        parts += [f"## {block}", f"Cells: {cells}.", tables.markdown(standing)]
        console.print(tables.terminal(standing, block))
    parts.append(tables.LEGEND)
    (directory / "table.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    with_first("block", pd.concat(ranked)).to_csv(directory / "table.csv", index=False)
    with_first("block", pd.concat(pairs)).to_csv(directory / "pairs.csv", index=False)
    by_cell(findings, reference).to_csv(directory / "cells.csv", index=False)
    flat(findings).to_csv(directory / "episodes.csv", index=False)


def with_first(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """With this column in front."""
    return frame.loc[:, [name, *(other for other in frame.columns if other != name)]]


def by_cell(findings: Findings, reference: str) -> pd.DataFrame:
    """Figures per cell and agent, and the reference's differences there."""
    cells: dict[str, list[Episode]] = {}
    for episode in findings.episodes:
        cells.setdefault(episode.cell, []).append(episode)
    found = []
    for cell, episodes in cells.items():
        yardstick = findings.yardsticks[cell]
        figures = standings(episodes, findings.yardsticks).assign(
            cell=cell, random_reward=yardstick.random, oracle_reward=np.mean(list(yardstick.oracle.values()))
        )
        pairs = comparisons(episodes, reference, findings.yardsticks)
        found.append(figures.merge(pairs, on="agent", how="left") if len(pairs) else figures)
    return with_first("cell", pd.concat(found))


def flat(findings: Findings) -> pd.DataFrame:
    """One row per episode."""
    return pd.DataFrame(
        {
            "block": episode.block,
            "cell": episode.cell,
            "agent": episode.agent,
            "seed": episode.seed,
            "score": score_of(episode, findings.yardsticks),
            **episode.figures,
        }
        for episode in findings.episodes
    )


def draw(
    directory: Path, findings: Findings, roster: Sequence[str], highlight: Sequence[str], title: str
) -> list[Path]:
    """The pictures of every block; returns their paths."""
    looks = looks_of(roster)
    blocks = blocks_of(findings.episodes)
    drawn = []
    for block, episodes in blocks.items():
        prefix = f"{block}-" if len(blocks) > 1 else ""
        heading = f"{title}: {block}" if len(blocks) > 1 else title
        standing = standings(episodes, findings.yardsticks)
        score, plane, profile, time = (
            directory / f"{prefix}{name}.png" for name in ("score", "plane", "profile", "compliance")
        )
        pictures.scores(standing, looks, heading, score)
        pictures.plane(standing, looks, heading, plane)
        pictures.profiles(episodes, findings.yardsticks, looks, highlight, heading, profile)
        drawn += [score, plane, profile]
        if block != EVERYWHERE and pictures.compliance(episodes, looks, highlight, heading, time):
            drawn.append(time)
    return drawn


def ranking(findings: Findings) -> tuple[pd.DataFrame, float]:
    """Scores on the pipeline beside those in the simulator, and Spearman's correlation of their ranks."""
    real, simulated = (
        standings(episodes, findings.yardsticks).set_index("agent")["score"]
        for episodes in (findings.episodes, findings.twins)
    )
    both = pd.DataFrame({"pipeline": real, "simulator": simulated}).dropna()
    ranks = both.rank(ascending=False).add_suffix("_rank")
    frame = both.join(ranks).sort_values("pipeline", ascending=False)
    return frame.reset_index(), rank_correlation(both["pipeline"].to_numpy(), both["simulator"].to_numpy())
