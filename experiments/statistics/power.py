"""How many seeds it takes to tell two agents apart."""

import math

import numpy as np

from experiments.statistics.aggregates import Strata

POWER = 0.8  # chance to find a difference that is there
LEVEL = 0.05  # two-sided: chance to find one that is not
LEAST_SEEDS = 2  # one alone says nothing of the spread


def seeds_needed(differences: Strata) -> float:
    """Return the seeds per cell with which a difference as large as this one is found with a chance of POWER.

    The mean over C cells of n seeds each has the variance v/n, v = Σ σ_c² / C², σ_c² a cell's variance of the
    paired differences. The smallest n >= 2 is taken for which n >= v ((t_{1−LEVEL/2} + t_POWER) / Δ)², the
    quantiles of Student's t with Welch and Satterthwaite's (n − 1)(Σ σ_c²)² / Σ σ_c⁴ degrees of freedom. It
    supposes that the true difference and variances are those that were seen.

    Source: Colas et al. 2018, "How Many Random Seeds? Statistical Power Analysis in Deep Reinforcement
    Learning Experiments", section 4, there for one cell.

    Args:
        differences: per cell, of the same seed; cells with fewer than two are left out.

    Returns:
        A whole number; infinity where there is no difference; NaN where no cell has two seeds.
    """
    known = [values for values in differences if len(values) >= LEAST_SEEDS]
    if not known:
        return math.nan
    difference = float(np.mean([values.mean() for values in known]))
    if math.isclose(difference, 0.0, abs_tol=1e-12):
        return math.inf
    variances = np.array([values.var(ddof=1) for values in known])
    total = float(variances.sum())
    if total == 0.0:
        return LEAST_SEEDS
    freedom = total**2 / float((variances**2).sum())  # per seed beyond the first
    per_seed = total / len(known) ** 2 / difference**2
    n = LEAST_SEEDS
    while n < (needed := math.ceil(per_seed * _quantiles((n - 1) * freedom) ** 2)):
        # what is asked for falls as n grows; normal quantiles, its end, are safe to jump to
        n = max(n + 1, min(needed, math.ceil(per_seed * _quantiles(math.inf) ** 2)))
    return n


def _quantiles(freedom: float) -> float:
    from scipy.stats import t  # takes a second, which a program's many processes need not spend

    return float(t.ppf(1 - LEVEL / 2, freedom) + t.ppf(POWER, freedom))
