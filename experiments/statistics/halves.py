"""Whether an order of agents survives worlds that it was not found in: the halves of a comparison."""

from typing import NamedTuple

from experiments.statistics.pairs import DECISIVE, LEVEL, PLACE, improvements
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
    means = [half.pivot(index=PLACE, columns="agent", values=DECISIVE).mean() for half in halves]
    differing = kept = 0
    for half, own, other in zip(halves, means, reversed(means), strict=True):
        pairs = improvements(half, list(own.index)).iloc[::2]
        for row in pairs[pairs["p"] < LEVEL].itertuples():
            differing += 1
            kept += int((own[row.agent] > own[row.other]) == (other[row.agent] > other[row.other]))
    return Agreement(n_cells, differing, kept, float(means[0].corr(means[1], method="spearman")))
