"""What a reader must know of the evidence before believing its figures."""

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from experiments.program.formatting import counted, listed
from experiments.statistics.scores import Episodes, References

UNTOLD: Mapping[str, str] = MappingProxyType({})
UNKNOWN_BOUND = 0.01  # share of a run's steps; what more lacks, could turn a comparison


def caveats_of(episodes: Episodes, references: References, lacks: Mapping[str, str] = UNTOLD) -> list[str]:
    """Return one plain sentence for each, none if all is well; `lacks` says why a cell has no reference."""
    return [
        *unmeasured(episodes),
        *unscored(episodes, references, lacks),
        *uneven(episodes),
        *lonely(episodes),
    ]


def unmeasured(episodes: Episodes) -> list[str]:
    """Name the runs of which more than UNKNOWN_BOUND is not known, the worst first."""
    shares = episodes["slo_unknown"]
    names = episodes["agent"] + " in " + episodes["cell"] + " under " + episodes["seed"].astype(str)
    worst = sorted(
        ((s, name) for s, name in zip(shares, names, strict=True) if s > UNKNOWN_BOUND), reverse=True
    )
    if not worst:
        return []
    return [
        f"Not all steps could be measured, and fulfilment is of the others: {len(worst)} of "
        f"{counted(len(episodes), 'run')} lack more than {100 * UNKNOWN_BOUND:g} %: "
        f"{listed([f'{name} ({100 * share:.1f} %)' for share, name in worst])}."
    ]


def unscored(episodes: Episodes, references: References, lacks: Mapping[str, str]) -> list[str]:
    """Name the cells that no score is of, and why."""
    cells, by_reason = list(episodes["cell"].unique()), dict[str, list[str]]()
    for cell in cells:
        if cell not in references:
            reason = lacks.get(cell, "random or oracle is missing there")
        elif not references[cell].is_normal:
            reason = "the best known is hardly better than random there"
        else:
            continue
        by_reason.setdefault(reason, []).append(cell)
    found = [f"Not scored, for {reason}: {listed(own)}." for reason, own in by_reason.items()]
    ranked = "There are no scores, so agents are ranked by reward."
    return found if any(cell in references for cell in cells) else [ranked, *found]


def uneven(episodes: Episodes) -> list[str]:
    """Name the agents that lack episodes which others have, and these."""
    places = pd.MultiIndex.from_frame(episodes[["cell", "seed"]]).unique()
    n_seeds = places.to_frame(index=False)["cell"].value_counts()
    short = []
    for agent, own in episodes.groupby("agent", sort=False):
        absent = places.difference(pd.MultiIndex.from_frame(own[["cell", "seed"]])).to_frame(index=False)
        gaps = [
            str(cell) if len(seeds) == n_seeds[cell] else f"{cell} under {', '.join(map(str, seeds))}"
            for cell, seeds in absent.groupby("cell")["seed"]
        ]
        if gaps:
            short.append(f"{agent} lacks {len(absent)} of {len(places)} ({listed(gaps)})")
    if not short:
        return []
    return [
        f"Not all have the same episodes, so that only differences are of the same worlds: {listed(short)}."
    ]


def lonely(episodes: Episodes) -> list[str]:
    """Name the cells that were played under one seed: intervals know nothing of chance there.

    Not drawn worlds, of which one is a draw of many.
    """
    n_seeds = episodes.drop_duplicates(["stratum", "cell", "seed"]).groupby("stratum", sort=False).size()
    single = [str(cell) for cell in n_seeds.index[n_seeds == 1]]
    if not single:
        return []
    where = "every cell" if len(single) == len(n_seeds) else listed(single)
    return [f"Intervals are too narrow, for there is one seed only in {where}."]
