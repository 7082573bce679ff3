"""Where one agent stands among others that were played in the same worlds."""

import numpy as np
import pandas as pd

from experiments.statistics.aggregates import estimate, mean, worst_tenth
from experiments.statistics.leaderboard import NOTHING, SEED, named, strata_of
from experiments.statistics.pairs import comparisons
from experiments.statistics.scores import Episodes

N_WORST = 5  # worlds


def standing(episodes: Episodes, name: str) -> pd.DataFrame:
    """Return a row per agent, the best mean score first.

    Columns: agent, episodes, score with its interval, score_worst_tenth, fulfilment, qoe; difference of the
    scores of `name` and the agent, episode by episode, with its interval, and `p` corrected for the number of
    agents (Holm).

    Args:
        episodes: a row per agent and world: agent, stratum, cell, seed, and the figures of `pairs.COMPARED`.
        name: of the agent that is placed.
    """
    rows = []
    for agent, own in episodes.groupby("agent", sort=False):
        strata, rng = list(strata_of(own, "score").values()), np.random.default_rng(SEED)
        row = {"agent": agent, "episodes": len(own)}
        row |= named("score", estimate(strata, mean, rng) if strata else NOTHING)
        row["score_worst_tenth"] = float(worst_tenth(np.concatenate(strata))) if strata else np.nan
        rows.append(row | {"fulfilment": own["slo_fulfilment"].mean(), "qoe": own["qoe_mean"].mean()})
    pairs = comparisons(episodes, name)
    columns = {f"score_difference{end}": f"difference{end}" for end in ("", "_low", "_high")}
    differences = pairs.rename(columns=columns)[["agent", *columns.values(), "p"]]
    frame = pd.DataFrame(rows).merge(differences, on="agent", how="left")
    return frame.sort_values("score", ascending=False, ignore_index=True)


def beaten_worst(episodes: Episodes, name: str) -> pd.DataFrame:
    """Return the worlds in which an agent scored least.

    Columns: cell, stratum, score, slo_fulfilment; best, who scored most there, and best_score. Arguments as
    of `standing`.
    """
    own = episodes[episodes["agent"] == name].nsmallest(N_WORST, "score")
    there = episodes[episodes["cell"].isin(own["cell"])]
    best = there.loc[there.groupby("cell")["score"].idxmax(), ["cell", "agent", "score"]]
    best = best.rename(columns={"agent": "best", "score": "best_score"})
    return own[["cell", "stratum", "score", "slo_fulfilment"]].merge(best, on="cell", how="left")
