"""How old what is shown will be, and so what settings are worth: learned from what they earned.

The logarithm of the latency τ(a) of a setting is one more channel, Gaussian over all settings. It is not
observed; what is observed is the worth W(a, age) that was had of it, which is known to fall with age:

    had = W(a, sampling + τ(a)) + noise

by a Kalman filter on W linearised over a standard deviation of ln τ. Where W does not change with age,
nothing is learned, and nothing need be. The expected worth is a Gauss–Hermite mean of three points of ln τ.
"""

import math
from typing import NamedTuple

import numpy as np

from agents.aif.beliefs import Belief, Prior, along, everywhere
from agents.aif.settings import Floats
from envs.spec import ElasticitySpec

LEAST_STEP = 0.1  # of ln τ, over which W is linearised
LONGEST_S = 20.0
OUTLIER = 4.0  # deviations of what was had that count, at most: scenes differ from second to second
POINTS = ((-math.sqrt(3.0), 1 / 6), (0.0, 2 / 3), (math.sqrt(3.0), 1 / 6))  # of a Gauss–Hermite mean


class Age(NamedTuple):
    """The belief about ln τ, of the unknowns as `agents.aif.beliefs` has them: shapes (d,) and (d, d)."""

    mean: Floats
    cov: Floats


def with_age(belief: Belief, age: Age) -> Belief:
    """Return a belief about ln τ alone, on the same settings, for what is done to any channel."""
    return belief._replace(mean=age.mean[None, None], cov=age.cov[None, None])


def expected_worth(spec: ElasticitySpec, prior: Prior, belief: Belief, age: Age) -> Floats:
    """Return what every setting is expected to be worth at the age that it will have, shape (n,).

    Args:
        spec: says what settings are worth, by age.
        prior: of ln τ.
        belief: whose settings have a nugget.
        age: see there.
    """
    worth = spec.worth
    if len(worth.ages_s) == 1:
        return worth.at_once
    mean, variance = (part[0, 0] for part in everywhere(prior, with_age(belief, age)))
    at = [
        weight * worth.when_shown(np.exp(np.minimum(mean + z * np.sqrt(variance), math.log(LONGEST_S))))
        for z, weight in POINTS
    ]
    return np.sum(at, axis=0)


def aged(spec: ElasticitySpec, prior: Prior, belief: Belief, age: Age, row: int, had: float) -> Age:
    """Return the belief after what a setting was worth was seen.

    Args:
        spec, prior, belief, age: as above; the setting has a nugget.
        row: of the setting.
        had: of its worth, in [0, 1].
    """
    cov = age.cov.copy()
    cov[-1, -1] += prior.drift[0] ** 2
    (h,) = along(prior, belief, np.array([row]))
    towards = cov @ h
    mean, step = float(age.mean @ h), max(math.sqrt(float(towards @ h)), LEAST_STEP)
    below, at, above = (_worth_at(spec, row, mean + z * step) for z in (-1, 0, 1))
    slope = (above - below) / (2 * step)
    noise = float(prior.noise[0])
    gain = slope * towards / (slope**2 * float(towards @ h) + noise**2)
    error = min(max(had - at, -OUTLIER * noise), OUTLIER * noise)
    return Age(age.mean + gain * error, cov - slope * np.outer(gain, towards))


def _worth_at(spec: ElasticitySpec, row: int, ln_latency: float) -> float:
    return float(spec.worth.when_shown(math.exp(min(ln_latency, math.log(LONGEST_S))))[row])


def forgotten(prior: Prior, before: Belief, now: Belief, age: Age) -> Age:
    """Return the belief without the nuggets that have made room for others."""
    f = prior.table.shape[1]
    gone = f + np.flatnonzero(before.own != now.own)
    if not gone.size:
        return age
    mean, cov = age.mean.copy(), age.cov.copy()
    mean[gone] = 0.0
    cov[gone] = cov[:, gone] = 0.0
    cov[gone, gone] = prior.own_var[0]
    return Age(mean, cov)


def known_ages(prior: Prior, age: Age) -> Prior:
    """Return the prior of the next episode: θ as it is believed now."""
    f = prior.table.shape[1]
    mean, cov = prior.mean.copy(), prior.cov.copy()
    mean[0, :f], cov[0, :f, :f] = age.mean[:f], age.cov[:f, :f]
    return prior._replace(mean=mean, cov=cov)
