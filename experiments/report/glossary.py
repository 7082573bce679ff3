"""What a reader must know: what every figure of a report means, and what to mind before believing it."""

from collections.abc import Mapping

import pandas as pd

from experiments.program.formatting import counted, listed
from experiments.runs.summary import DEPTH_CAP, SETTLED_AFTER
from experiments.statistics.aggregates import REACHED
from experiments.statistics.disturbances import LASTING, REGAINED
from experiments.statistics.episode import Episodes, References
from experiments.statistics.pairs import FEW_SEEDS, LEVEL, POWER

GLOSSARY = {
    "Score": (
        "(R − R_random) / (R_oracle − R_random), R the mean reward per step: 0 = random decisions, 1 = the "
        "best that is known under the same seed; not clipped."
    ),
    "Interval": (
        "in brackets, 95 %: stratified bootstrap percentiles, seeds resampled within their cells (Agarwal et "
        "al. 2021). All figures are means over cells and seeds but those that say IQM, "
        "interquartile mean: without the lowest and the highest quarter, so that rare failures do not show."
    ),
    "Worst tenth": (
        "mean over the tenth of the episodes that went worst (conditional value at risk): rare failures."
    ),
    "All SLOs hold": (
        "share of the steps in which every SLO holds, of those in which that is known; also without the "
        f"first {SETTLED_AFTER} steps. Not measured: none is broken, not all are known."
    ),
    "QoE": "quality that is delivered, 0 to 1, whether or not SLOs hold.",
    "Optimality gap": (
        "mean of max(0, 1 − score): being better than the oracle in one episode does not make up for another."
    ),
    "Price of a violation": (
        "λ in QoE − λ × share of violated steps: what one holds a violated step to cost decides who is best."
    ),
    "Pareto front": "agents that nobody beats in both SLO fulfilment and QoE.",
    "Depth": f"mean of ratio − 1 (at most {DEPTH_CAP:g}) where an SLO was broken.",
    "Longest": "violation, steps, mean over episodes.",
    "Recovery": (
        "median steps from a disturbance until all SLOs hold for "
        f"{LASTING} steps (in brackets: how many were recovered from within their phase). Counted are those "
        "under which the oracle's setting before it would break an SLO: the same for all agents."
    ),
    "Restoration": (
        f"likewise until {100 * REGAINED:.0f} % of the lost QoE is back after the disturbance has gone."
    ),
    "p95": "95th percentile of the latency, frames' mean over intervals.",
    "CPU": "decision and learning time per control interval.",
    "To plateau": (
        f"steps to {100 * REACHED:.0f} % of an agent's own plateau, measured above random, where nothing "
        "happens. Trained steps: made before the episode, in training."
    ),
    "Difference": (
        "reference minus other, mean over the episodes that both have, of the same cell and seed."
    ),
    "Probability of improvement": (
        "chance that one earns more reward than the other in a cell drawn at random, seeds drawn on their "
        "own; 50 % = alike (Mann and Whitney's U)."
    ),
    "p": (
        "chance of a mean difference in reward as large as this one where there is none (paired t test, "
        f"stratified by cell), corrected for the number of comparisons (Holm 1979); ✓ = below {LEVEL:g}."
    ),
    "Seeds needed": (
        f"per cell, to find a difference as large as the one seen with a chance of {100 * POWER:.0f} % at a "
        f"two-sided level of {100 * LEVEL:.0f} %, from the spread of the paired differences (Colas et al. "
        f"2018); ✓ = there are as many, and no fewer than {FEW_SEEDS}."
    ),
}
LEGEND = " ".join(f"{name}: {meaning}" for name, meaning in GLOSSARY.items())
UNKNOWN_BOUND = 0.01  # share of a run's steps; what more lacks, could turn a comparison


# --- what to mind ---


def caveats_of(episodes: Episodes, references: References, lacks: Mapping[str, str]) -> list[str]:
    """Return one plain sentence for each, none if all is well; `lacks` says why a cell has no reference."""
    scored = unscored(episodes, references, lacks)
    return [*unmeasured(episodes), *scored, *uneven(episodes), *few(episodes)]


def unmeasured(episodes: Episodes) -> list[str]:
    """Name the runs of which more than UNKNOWN_BOUND is not known, the worst first."""
    worst = episodes[episodes["slo_unknown"] > UNKNOWN_BOUND].sort_values("slo_unknown", ascending=False)
    if worst.empty:
        return []
    told = [
        f"{run['agent']} in {run['cell']} under {run['seed']} ({100 * run['slo_unknown']:.1f} %)"
        for _, run in worst.iterrows()
    ]
    return [
        f"Not all steps could be measured, and fulfilment is of the others: {len(worst)} of "
        f"{counted(len(episodes), 'run')} lack more than {100 * UNKNOWN_BOUND:g} %: {listed(told)}."
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
    same = "Not all have the same episodes, so that only differences are of the same worlds"
    return [f"{same}: {listed(short)}."] if short else []


def few(episodes: Episodes) -> list[str]:
    """Name the cells that were played under one seed, or few: intervals know little of chance there.

    Not drawn worlds, of which one is a draw of many.
    """
    n_seeds = episodes.drop_duplicates(["stratum", "cell", "seed"]).groupby("stratum", sort=False).size()
    told = {
        "Intervals are too narrow, for there is one seed only": n_seeds == 1,
        f"Intervals and seeds needed are guesses, for there are fewer than {FEW_SEEDS} seeds or worlds": (
            (n_seeds > 1) & (n_seeds < FEW_SEEDS)
        ),
    }
    return [
        f"{text} in {'every cell' if found.all() else listed([str(cell) for cell in n_seeds.index[found]])}."
        for text, found in told.items()
        if found.any()
    ]
