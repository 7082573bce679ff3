"""Whether an order of agents survives worlds that it was not found in: the halves of a comparison."""

from itertools import combinations
from typing import NamedTuple

import numpy as np

from experiments.statistics.pairs import DECISIVE, LEVEL, PLACE, differences_of, holm, p_value
from experiments.statistics.scores import Episodes

LEAST_CELLS = 20  # in each half, for it to say anything


class Agreement(NamedTuple):
    """How far two halves of the worlds order agents alike.

    Attributes:
        cells: in the smaller half.
        differing: pairs of agents that differ in one half beyond chance (Holm), both halves counted.
        kept: those of them whose difference has the same sign in the other half.
        spearman: rank correlation of the agents' mean rewards.
    """

    cells: int
    differing: int
    kept: int
    spearman: float


def agreement(episodes: Episodes) -> Agreement | None:
    """Compare every second cell of each stratum with the others; None if there are too few.

    Args:
        episodes: of all agents, as of `episode_table`.
    """
    cells = episodes[["stratum", "cell"]].drop_duplicates().sort_values(["stratum", "cell"])
    chosen = cells[cells.groupby("stratum").cumcount() % 2 == 0]["cell"]
    halves = [episodes[episodes["cell"].isin(chosen) == is_first] for is_first in (True, False)]
    n_cells = min(half["cell"].nunique() for half in halves)
    if n_cells < LEAST_CELLS:
        return None
    tables = [half.pivot(index=PLACE, columns="agent", values=DECISIVE) for half in halves]
    means = [wide.mean() for wide in tables]
    differing = kept = 0
    for wide, own, other in zip(tables, means, reversed(means), strict=True):
        places = wide.index.get_level_values("stratum").to_numpy(dtype=object)
        pairs = list(combinations(own.index, 2))
        chances = [
            p_value(differences_of(places, wide[list(pair)].to_numpy(dtype=float).T)) for pair in pairs
        ]
        for (x, y), p in zip(pairs, holm(np.array(chances)), strict=True):
            if p < LEVEL:
                differing += 1
                kept += int((own[x] > own[y]) == (other[x] > other[y]))
    return Agreement(n_cells, differing, kept, float(means[0].corr(means[1], method="spearman")))
