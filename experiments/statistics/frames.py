"""Rows of a report's CSVs: per block, per cell, per episode."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from experiments.statistics.episode import Episode
from experiments.statistics.leaderboard import Yardsticks, score_of, standings
from experiments.statistics.pairs import comparisons

EVERYWHERE = "all"  # a block's name for all blocks together


def blocks_of(episodes: Sequence[Episode]) -> dict[str, list[Episode]]:
    """Episodes by block, after all of them together if there are several blocks."""
    names = list(dict.fromkeys(episode.block for episode in episodes))
    blocks = {name: [episode for episode in episodes if episode.block == name] for name in names}
    return {EVERYWHERE: list(episodes), **blocks} if len(blocks) > 1 else blocks


def joined(frames: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """All of them, with what each is of in front; those without rows are left out."""
    full = [frame.assign(**{name: key}) for key, frame in frames.items() if len(frame)]
    if not full:
        return pd.DataFrame(columns=[name])
    whole = pd.concat(full, ignore_index=True)
    return whole.loc[:, [name, *(other for other in whole.columns if other != name)]]


def by_cell(episodes: Sequence[Episode], reference: str, yardsticks: Yardsticks) -> pd.DataFrame:
    """Figures per cell and agent, what they are measured by, and the reference's differences there."""
    cells: dict[str, list[Episode]] = {}
    for episode in episodes:
        cells.setdefault(episode.cell, []).append(episode)
    found = {}
    for cell, own in cells.items():
        yardstick = yardsticks.get(cell)
        figures = standings(own, yardsticks).assign(
            random_reward=yardstick.random if yardstick else np.nan,
            oracle_reward=np.mean(list(yardstick.oracle.values())) if yardstick else np.nan,
        )
        pairs = comparisons(own, reference, yardsticks)
        found[cell] = figures.merge(pairs, on="agent", how="left") if len(pairs) else figures
    return joined(found, "cell")


def by_episode(episodes: Sequence[Episode], yardsticks: Yardsticks) -> pd.DataFrame:
    """One row per episode."""
    return pd.DataFrame(
        {
            "block": episode.block,
            "cell": episode.cell,
            "agent": episode.agent,
            "seed": episode.seed,
            "score": score_of(episode, yardsticks),
            **episode.figures,
        }
        for episode in episodes
    )
