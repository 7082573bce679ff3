"""Which readings are of which setting's making: what every delay's filter takes them for.

A reading is of the setting that was in force as many intervals ago as telemetry is late. It tells nothing of
what that setting rests at while

- a ratio with memory was broken before the setting came into force, and falls, or has had no time to;
- a load is above 1: then whatever else breaks is explained by that.

Nor does a load, after trouble, that is likelier to be of what was begun under one of the settings before.

A broken ratio that does not fall is the setting's own: it rests at WORSE or above.
"""

from typing import NamedTuple

import numpy as np

from agents.aif.beliefs import ANYWHERE, N_BEFORE, Belief, Ints, Prior, along
from agents.aif.channels import Bools, Channels, Readings
from agents.aif.settings import Floats
from agents.aif.trends import FALLING, WORSE, Resting, Trend, change_of, resting
from agents.common.demand import SOFT

RECOVERY = 2  # intervals for which a backlog may be the past's though it does not fall
WORSE_SD = 0.25
P_BEFORE = 0.3  # that a load after trouble is still of a setting before
UNSETTLED_SD = 0.15  # of a setting's first load: what was begun before is in it
TROUBLED_SD = 0.35  # likewise, where an SLO was broken: more of what was begun before is
SIDE, SIDE_SD = 0.05, 0.1  # an inferred load is this far beyond 1, or short of it, at the least
FILLS = 10.0  # intervals within which a queue that grows would be full: then it is no jitter
JITTER = 1.5  # standard deviations
LOW = 0.3  # a ratio below, that does not grow, leaves capacity to spare


class Attribution(NamedTuple):
    """Which setting a reading is of, by the delay.

    Attributes:
        row, n_held, past: see `Belief`.
        is_settled: whether it is the same setting as of the reading before, shape (l,).
    """

    row: Ints
    n_held: Ints
    past: Bools
    is_settled: Bools


class Evidence(NamedTuple):
    """What a reading of every channel is taken for, by the delay; shape (l, c) each.

    Attributes:
        y, variance: of a reading of g, and of its noise.
        side: 1 where g is at least that, −1 where it is at most that, else 0.
        counts: whether it is one.
    """

    y: Floats
    variance: Floats
    side: Floats
    counts: Bools


def attributed(belief: Belief, trend: Trend, seen: Readings) -> Attribution:
    """Return which setting readings are of; `belief` has the newest of its rows."""
    row = belief.rows[-1 - belief.delays]
    is_settled = row == belief.row
    past = np.where(is_settled[:, None], belief.past, trend.broken) & (seen.broken | ~seen.known)
    return Attribution(row, np.where(is_settled, belief.n_held + 1, 0), past, is_settled)


def evidence(
    channels: Channels, prior: Prior, belief: Belief, trend: Trend, seen: Readings, to: Attribution
) -> Evidence:
    """Return what readings are taken for.

    Args:
        channels, prior, belief, seen: belief with room for the setting in force.
        trend: with `settling`.
        to: see `attributed`.
    """
    at = belief.likeliest
    rest, change = resting(channels, trend, seen, int(to.n_held[at])), change_of(channels, trend, seen)
    falls, memory, held = change < -FALLING, channels.has_memory, to.n_held[:, None]
    shape, is_troubled = to.past.shape, trend.broken.any()
    y, side = np.broadcast_to(rest.y, shape), np.broadcast_to(rest.side, shape)
    is_first = ~to.is_settled[:, None] & ~memory
    unsettled = TROUBLED_SD if is_troubled else UNSETTLED_SD
    variance = np.where(is_first, np.maximum(rest.variance, unsettled**2), rest.variance)
    is_old = of_before(channels, prior, belief, rest, to) if is_troubled else np.zeros(shape, np.bool_)
    is_past = memory & to.past & seen.broken & ((held < RECOVERY) | falls)
    explained = ~channels.is_load & seen.broken & is_overloaded(channels, prior, belief, seen, to)
    counts = seen.known & ~is_past & ~explained & ~is_old
    own = memory & seen.broken & ~falls & (held >= 1) & counts
    found = Evidence(
        y=np.where(own, np.maximum(y, WORSE), y),
        variance=np.where(own, WORSE_SD**2, variance),
        side=np.where(own, 1.0, side),
        counts=counts,
    )
    return with_inferred_load(channels, trend, seen, change, held, found) if channels.is_inferred else found


def of_before(channels: Channels, prior: Prior, belief: Belief, rest: Resting, to: Attribution) -> Bools:
    """Return which loads are likelier to be of one of the settings before than of the present one, (l, c).

    Both as the filters have them; that the present one's capacity has jumped is a part of the latter.
    """
    back = belief.rows[-1 - belief.delays[:, None] - np.arange(N_BEFORE + 1)]  # the first is the present one
    h = along(prior, belief, back.ravel()).reshape(*back.shape, -1)
    variance = np.einsum("lbd,lcde,lbe->lcb", h, belief.cov, h) + rest.variance[:, None]
    error = rest.y[:, None] - np.einsum("lcd,lbd->lcb", belief.mean, h)
    p = np.exp(-0.5 * error**2 / variance) / np.sqrt(variance)
    wide = variance[..., 0] + ANYWHERE**2
    jumped = np.exp(-0.5 * error[..., 0] ** 2 / wide) / np.sqrt(wide)
    now = (1 - prior.jump) * p[..., 0] + prior.jump * jumped
    is_other = (back[:, 1:] != back[:, :1])[:, None]
    before = np.where(is_other, p[..., 1:], 0.0).max(-1)
    is_recent = (to.n_held < N_BEFORE)[:, None]
    return channels.is_load & is_recent & (P_BEFORE * before > (1 - P_BEFORE) * now)


def is_overloaded(channels: Channels, prior: Prior, belief: Belief, seen: Readings, to: Attribution) -> bool:
    """Tell whether any load is above 1: as measured, or else as believed of the setting in force then."""
    known = seen.known[channels.is_load]
    if known.any():
        return bool((seen.y[channels.is_load][known] > 0).any())
    return load_of(channels, prior, belief, to) > 1


def load_of(channels: Channels, prior: Prior, belief: Belief, to: Attribution) -> float:
    """Return the largest load that is believed of the setting in force then."""
    at = belief.likeliest
    (h,) = along(prior, belief, to.row[at : at + 1])
    return float(np.exp((belief.mean[at, channels.is_load] @ h).max()))


def with_inferred_load(
    channels: Channels, trend: Trend, seen: Readings, change: Floats, held: Ints, found: Evidence
) -> Evidence:
    """Return the same with a load where none is measured: too high where a backlog grows, or does not go."""
    heard = channels.has_memory & seen.known & ~np.isnan(trend.y)
    jitter = np.maximum(JITTER * trend.noise * (seen.ratio + SOFT), FALLING)
    grows = change > np.maximum(jitter, (1 - seen.ratio) / FILLS)
    is_calm = (change < -jitter) | ((seen.ratio < LOW) & (change <= jitter))
    is_over = bool((heard & (grows | (seen.broken & (change >= -FALLING)))).any())
    is_under = bool(heard.any() and (is_calm | ~heard).all())
    side = 1.0 if is_over else -1.0
    y, variance, sides = found.y.copy(), found.variance.copy(), found.side.copy()
    counts = found.counts.copy()
    y[:, 0], variance[:, 0], sides[:, 0] = side * SIDE, SIDE_SD**2, side
    counts[:, 0] = (is_over or is_under) & (held[:, 0] >= 1)
    return Evidence(y, variance, sides, counts)
