"""What every figure of a report means, in one or two sentences: the legend of tables and page."""

from experiments.runs.summary import DEPTH_CAP, SETTLED_AFTER
from experiments.statistics.aggregates import REACHED
from experiments.statistics.disturbances import LASTING, REGAINED
from experiments.statistics.pairs import LEVEL, POWER

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
        "2018); ✓ = there are as many."
    ),
}
LEGEND = " ".join(f"{name}: {meaning}" for name, meaning in GLOSSARY.items())
