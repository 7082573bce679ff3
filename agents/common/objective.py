"""What a setting promises: the reward of envs/reward.py, as a model's probabilities have it.

E R = P(all kept) · worth − (share of SLOs expected broken) · (½ + ½ min(1, worst − 1) + DEEPER ln worst)
E R of a trial = E R + learnt² · max(P(success) · worth + P(failure) · (what is then left) − E R, 0)
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]

DEEPER = (
    0.1  # per e-fold of the worst ratio: where every setting breaks an SLO, the mildest is still to be found
)

FAILED = -0.5  # reward of an interval in which a trial failed; half of the SLOs broken, or all of them mildly


def expected_reward(p_all: Array, p_each: Array, worst: Array, worth: Array) -> Array:
    """Return the expected reward of an interval, without switching, shape (n,).

    Fulfilled, a setting earns its worth; else −(share of SLOs broken) · (½ + ½ · min(1, worst − 1)).

    Args:
        p_all: P(all SLOs fulfilled), shape (n,).
        p_each: P(SLO fulfilled), shape (n, n_slos).
        worst: the worst ratio to be expected, shape (n,).
        worth: of the setting, in [0, 1], shape (n,).
    """
    over = np.maximum(worst, 1.0)
    severity = 0.5 + 0.5 * np.minimum(over - 1.0, 1.0) + DEEPER * np.log(over)
    return p_all * worth - np.mean(1.0 - p_each, axis=1) * severity


def with_trials(
    gains: Array, worth: Array, ln_demand: Array, doubt: Array, noise: Array | float, horizon: int
) -> Array:
    """Return what settings promise if they may be tried, and left where they fail; (n,), >= gains.

    The knowledge gradient (Frazier, Powell & Dayanik 2008) of one interval: afterwards the setting is kept
    for its worth, or left for the best that is known. A failed trial costs the interval, and those in which
    the work that it left over is done.

    Args:
        gains: expected reward without trials, shape (n,).
        worth: of each setting, shape (n,).
        ln_demand: expected, any margin added, shape (n,).
        doubt: its standard deviation for want of knowledge, not for noise, shape (n,).
        noise: standard deviation of a reading about the truth, > 0, one for all or per setting.
        horizon: intervals over which both count.
    """
    learnt = doubt**2 / (doubt**2 + noise**2)  # share of the doubt that one reading takes away
    spread = np.maximum(doubt * np.sqrt(learnt), 1e-6)
    success = ndtr(-ln_demand / spread)
    ln_mean = np.minimum(ln_demand + doubt**2 / 2, 20.0)
    left_over = np.exp(ln_mean) * ndtr(ln_demand / np.maximum(doubt, 1e-6) + doubt) - (1 - success)
    left_over = np.maximum(left_over, 0.0) / np.maximum(1 - success, 1e-6)
    lost = np.minimum((1.0 + left_over) / horizon, 1.0)
    failed = (1 - lost) * gains.max() + lost * np.minimum(gains, FAILED)
    tried = success * worth + (1 - success) * failed
    return gains + learnt**2 * np.maximum(tried - gains, 0.0)
