"""What ratios do from one interval to the next: how they settle, how they tremble, how backlogs drain.

A ratio r that carries the past settles to its resting value r* as r' = ρ r + (1 − ρ) r*, so that

    r* = r + ρ/(1 − ρ) (r − r⁻)

ρ is learned while a setting is held, from each change and the one before, by a regression with the prior
N(RHO, RHO_SD²). One that goes on rising hardly settles at all (RHO_RISING): it is a queue that grows.
"""

from typing import NamedTuple

import numpy as np

from agents.aif.beliefs import Prior
from agents.aif.channels import CLIP, Bools, Channels, Readings
from agents.aif.settings import Floats
from agents.common.demand import SOFT
from envs.spec import RATIO_CAP

RHO, RHO_SD, RHO_RISING, MOST_RHO = 0.5, 0.25, 0.85, 0.95
RHO_MEMORY = 0.8  # of what a change told of ρ, so much counts an interval later
FALLING = 0.02  # a ratio that falls by less stands still
UNSURE_FIRST = 0.25  # variance of a resting value of which one reading alone is known
UNSURE_LEAST = 0.1  # share of the way to its resting value squared, that stays as a variance, at the least
WORSE = 0.54  # y of a ratio of 1.8: what is broken and does not fall rests there or above
NOISE_MEMORY, NOISE_PRIOR = (
    0.05,
    2.0,
)  # least weight of the newest difference; differences the first noise counts as
LESSER = 0.68  # of a variance, that the lesser of two such estimates comes to: by 4 million draws
OUTLIER, LEAST_OUTLIER = 3.0, 0.15  # a larger difference counts as so many deviations, at least as so much
N_CALM = 5  # differences from which on a noise is taken for known
DRAINS = 1.0  # of a backlog, in an interval in which nothing was asked for, as a share of the threshold
DRAINS_LEAST, DRAINS_MEMORY, LEAST_SPARE = 0.02, 0.5, 0.03


class Trend(NamedTuple):
    """What was seen last, and what was learned of how it moves; shape (c,) each.

    Attributes:
        y, ratio, broken: see `Readings`; y is NaN where nothing was seen yet.
        change, step: of ratio and y in the last interval, NaN where unknown.
        noise: standard deviation of y about what it rests at.
        tremble, n_calm: of ln ratio from one interval to the next, and of how many differences.
        together, squared: sums of products of successive changes, and of squares of the former, in units of
            their variance.
        drains: how much of a backlog goes per interval with nothing asked for, as a share of the threshold.
    """

    y: Floats
    ratio: Floats
    broken: Bools
    change: Floats
    step: Floats
    noise: Floats
    tremble: Floats
    n_calm: Floats
    together: Floats
    squared: Floats
    drains: Floats

    @property
    def shared_noise(self) -> float:
        """Return what all ratios tremble by alike, which is the telemetry's noise and breaks no SLO."""
        is_known = self.n_calm >= N_CALM
        return float(self.tremble[is_known].min()) if is_known.any() else 0.0

    def risk(self, prior: Prior) -> Floats:
        """Return the standard deviation of what a ratio really is about what it rests at, shape (c,)."""
        return np.sqrt(np.maximum(self.noise**2 - self.shared_noise**2, prior.least_noise**2))


class Resting(NamedTuple):
    """What readings tell of resting values, shape (c,) each: the value, its variance, and see `Readings`."""

    y: Floats
    variance: Floats
    side: Floats


def beginning_trend(prior: Prior) -> Trend:
    """Return the trend when nothing was seen yet."""
    n = len(prior.noise)
    zeros, unknown = np.zeros(n), np.full(n, np.nan)
    return Trend(
        y=unknown,
        ratio=zeros,
        broken=np.zeros(n, np.bool_),
        change=unknown,
        step=unknown,
        noise=prior.noise,
        tremble=prior.noise,
        n_calm=zeros,
        together=zeros,
        squared=zeros,
        drains=np.full(n, DRAINS),
    )


def change_of(channels: Channels, trend: Trend, seen: Readings) -> Floats:
    """Return by how much ratios with memory have changed since they were seen last; 0 where unknown."""
    return np.where(channels.has_memory & seen.known & ~np.isnan(trend.y), seen.ratio - trend.ratio, 0.0)


def settling(channels: Channels, trend: Trend, seen: Readings, is_settled: bool) -> Trend:
    """Return the trend with what this change tells of ρ; nothing is kept of it under another setting."""
    change = change_of(channels, trend, seen)
    counts = channels.has_memory & seen.known & is_settled & ~np.isnan(trend.change)
    before = np.where(counts, trend.change, 0.0)
    variance = 2 * (np.maximum(trend.noise, FALLING) * (seen.ratio + SOFT)) ** 2
    kept = RHO_MEMORY * is_settled
    return trend._replace(
        together=kept * trend.together + change * before / variance,
        squared=kept * trend.squared + before**2 / variance,
    )


def resting(channels: Channels, trend: Trend, seen: Readings, n_held: int) -> Resting:
    """Return what readings tell of resting values.

    Args:
        channels, trend, seen: the trend with `settling`.
        n_held: intervals for which the setting in force had been held, but for the first.
    """
    change, is_first = change_of(channels, trend, seen), np.isnan(trend.y)
    mean = np.where((change > 0) & (n_held >= 2), RHO_RISING, RHO)
    rho = (mean / RHO_SD**2 + trend.together) / (1 / RHO_SD**2 + trend.squared)
    further = np.clip(rho, 0.0, MOST_RHO)
    further = further / (1 - further)
    rests = np.maximum(seen.ratio + further * change, 0.0)
    y = np.clip(np.log((rests + SOFT) / (1 + SOFT)), CLIP[0], np.maximum(WORSE, seen.y))
    is_moving = channels.has_memory & (seen.side <= 0) & (change != 0)
    unsure = np.maximum(1 / (1 + trend.squared * RHO_SD**2), UNSURE_LEAST)
    spread = unsure * (y - seen.y) ** 2 / 2 + 2 * (further * trend.noise) ** 2
    return Resting(
        y=np.where(is_moving, y, seen.y),
        variance=trend.noise**2
        + np.where(is_moving, spread, 0.0)
        + UNSURE_FIRST * (is_first & channels.has_memory),
        side=np.where(is_moving, y >= WORSE, seen.side).astype(float),
    )


def noticed(
    channels: Channels, prior: Prior, trend: Trend, seen: Readings, is_settled: bool, load: float
) -> Trend:
    """Return the trend after readings.

    Args:
        channels, prior, trend, seen: the trend with `settling`.
        is_settled: whether they are of the same setting as those before.
        load: that is believed of it.
    """
    was_seen = seen.known & ~np.isnan(trend.y)
    change, step = change_of(channels, trend, seen), np.where(was_seen, seen.y - trend.y, np.nan)
    trend = _noise(channels, prior, trend, seen, step, is_settled)
    is_whole = was_seen & (np.maximum(seen.ratio, trend.ratio) < RATIO_CAP)
    drained = channels.has_memory & seen.broken & trend.broken & is_whole & is_settled & (load < 1)
    newest = np.maximum(-change, DRAINS_LEAST) / max(1 - load, LEAST_SPARE)
    return trend._replace(
        y=np.where(seen.known, seen.y, trend.y),
        ratio=np.where(seen.known, seen.ratio, trend.ratio),
        broken=np.where(seen.known, seen.broken, trend.broken),
        change=np.where(was_seen, change, np.nan),
        step=step,
        drains=np.where(drained, DRAINS_MEMORY * trend.drains + (1 - DRAINS_MEMORY) * newest, trend.drains),
    )


def _noise(
    channels: Channels, prior: Prior, trend: Trend, seen: Readings, step: Floats, is_settled: bool
) -> Trend:
    """Return the trend with what a difference tells of noise; one that goes on is a trend, and no noise."""
    counts = ~np.isnan(step + trend.step) & is_settled & ~seen.broken & ~trend.broken & (seen.side == 0)
    weight = np.maximum(NOISE_MEMORY, 1 / (trend.n_calm + NOISE_PRIOR))
    apart = np.minimum(step**2 / 2, (step - trend.step) ** 2 / 6) / LESSER
    apart = np.minimum(apart, np.maximum(OUTLIER * trend.noise, LEAST_OUTLIER) ** 2)
    noise = np.where(counts, trend.noise**2 + weight * (apart - trend.noise**2), trend.noise**2)
    share = np.where(channels.has_memory, seen.ratio / (seen.ratio + SOFT), 1.0)  # of d ln r in d y
    tells = counts & (share > 0.6)
    tremble = np.where(
        tells, trend.tremble**2 + weight * (apart / share.clip(0.6) ** 2 - trend.tremble**2), trend.tremble**2
    )
    return trend._replace(
        noise=np.maximum(np.sqrt(noise), prior.least_noise),
        tremble=np.sqrt(tremble),
        n_calm=trend.n_calm + counts,
    )
