"""What a reader must mind before believing a report."""

from collections.abc import Mapping

import pandas as pd

from experiments.program.console import counted, listed
from experiments.statistics.episode import Episodes, References
from experiments.statistics.pairs import FEW_SEEDS

UNKNOWN_BOUND = 0.01  # share of a run's steps; what more lacks, could turn a comparison


def caveats_of(episodes: Episodes, references: References, lacks: Mapping[str, str]) -> list[str]:
    """Return one plain sentence for each, none if all is well; `lacks` says why a cell has no reference."""
    scored = unscored(episodes, references, lacks)
    return [*unmeasured(episodes), *scored, *uneven(episodes), *few(episodes)]


def unmeasured(episodes: Episodes) -> list[str]:
    """Name the runs of which more than UNKNOWN_BOUND is not known, the worst first."""
    worst = episodes[episodes["slo_unknown"] > UNKNOWN_BOUND].sort_values("slo_unknown", ascending=False)
    told = [
        f"{run['agent']} in {run['cell']} under {run['seed']} ({100 * run['slo_unknown']:.1f} %)"
        for _, run in worst.iterrows()
    ]
    how_many = f"{len(worst)} of {counted(len(episodes), 'run')} lack more than {100 * UNKNOWN_BOUND:g} %"
    text = f"Not all steps could be measured, and fulfilment is of the others: {how_many}: {listed(told)}."
    return [text] if told else []


def unscored(episodes: Episodes, references: References, lacks: Mapping[str, str]) -> list[str]:
    """Name the cells that no score is of, and why."""
    cells: Episodes = pd.Series(episodes["cell"].unique())
    alike = "the best known is hardly better than random there"
    why = {cell: lacks.get(cell, "random or oracle is missing there") for cell in cells}
    why |= {cell: "" if own.is_normal else alike for cell, own in references.items()}
    by_reason = cells[cells.map(why) != ""].groupby(cells.map(why), sort=False)
    found = [f"Not scored, for {reason}: {listed(list(own))}." for reason, own in by_reason]
    ranked = "There are no scores, so agents are ranked by reward."
    return found if cells.isin(references).any() else [ranked, *found]


def uneven(episodes: Episodes) -> list[str]:
    """Name the agents that lack episodes which others have, and the cells of these."""
    played: Episodes = pd.crosstab([episodes["cell"], episodes["seed"]], episodes["agent"])
    short = []
    for agent in episodes["agent"].unique():
        absent = played.index[played[agent] == 0]
        if len(absent):
            cells = listed(list(absent.unique("cell")))
            short.append(f"{agent} lacks {len(absent)} of {len(played)} (in {cells})")
    same = "Not all have the same episodes, so that only differences are of the same worlds"
    return [f"{same}: {listed(short)}."] if short else []


def few(episodes: Episodes) -> list[str]:
    """Name the cells that were played under one seed, or few: intervals know little of chance there.

    Not drawn worlds, of which one is a draw of many.
    """
    n_seeds = episodes.drop_duplicates(["stratum", "cell", "seed"]).groupby("stratum", sort=False).size()
    single = "Intervals are too narrow, for there is one seed only"
    several = f"Intervals and seeds needed are guesses, for there are fewer than {FEW_SEEDS} seeds or worlds"
    told = {single: n_seeds == 1, several: n_seeds.between(2, FEW_SEEDS - 1)}
    return [
        f"{text} in {'every cell' if found.all() else listed([str(cell) for cell in n_seeds.index[found]])}."
        for text, found in told.items()
        if found.any()
    ]
