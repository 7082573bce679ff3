"""What policies promise and what they would tell: the expected free energy G of each policy π.

A policy sets a joint setting a, sees what comes of it, and goes on by what it has seen: policies are
conditional on their outcomes, as in sophisticated inference (Friston, Da Costa, Hafner, Hesp and Parr 2021,
"Sophisticated inference", Neural Computation 33). Q is what is believed, g the resting values, w(a) what a is
worth, p_c = Φ(−g_c(a)/σ_c) the probability that channel c holds, given g, p_s that of an SLO, of which there
are n, and ln C the preference, which is the reward by definition (envs.reward):

    f(a; g) = E ln C(o | a, g) = min_c p_c · w(a) − severity · Σ_s (1 − p_s)/n
    −G(a) = E_Q f                                                      pragmatic value
          + max(0, E_Q max(f, V) − c E_Q max(V − f, 0) − E_Q f)        epistemic value
          − (V + pain) · max(0, intervals until a backlog is gone − 1) waits
    V = max_a E_Q f,    c = (drain + E L)/patience,    Q(π) ∝ exp γ (−G(π) − switching · [a ≠ now])

Whoever tries a keeps it if it holds, and else leaves it for the best there is: what that tells is worth the
chance that a turns out to be better, less the intervals that a failed trial costs, L of them until it is seen
and `drain` until what it left over is gone, of the `patience` in which the better setting earns. That is an
expected information gain weighed by what it is worth: 0 where f is known. Its E_Q is over joint draws; SLOs
that are no load break together, and share one.

While an SLO is broken by a backlog, no setting earns its worth, and what drains it soonest is best.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from agents.aif.beliefs import Belief, Ints, Prior, along, everywhere
from agents.aif.channels import Bools, Channels
from agents.aif.settings import Floats
from agents.aif.trends import LEAST_SPARE, Trend
from agents.common.objective import DEEPER

N_DRAWS = 24
ROUNDING = 1e-9  # variance that keeps a covariance's root from failing
LONGEST = 40.0  # intervals for which a backlog is foreseen to last, at most


class Draws(NamedTuple):
    """Standard normal deviates, the same for all SLOs that are no load; half of them are the others' mirror.

    Attributes:
        unknowns: of the unknowns, shape (N_DRAWS, c, d).
        own: of nuggets, shape (N_DRAWS, c, n).
    """

    unknowns: Floats
    own: Floats


class Figures(NamedTuple):
    """The figures of conf/agent/aif.yaml that policies are compared by.

    Attributes:
        risk: standard deviations of a ratio's own fluctuation that count, as a factor, >= 0.
        patience: intervals within which a trial must pay; 0 = none is made.
        drain: intervals until what a failed trial leaves over is gone, >= 0.
        switching_cost: of leaving the setting in force, in units of reward, >= 0.
        drains: whether backlogs of the past are drained first.
        gamma: precision of the choice among policies, > 0.
    """

    risk: float
    patience: float
    drain: float
    switching_cost: float
    drains: bool
    gamma: float


class Plan(NamedTuple):
    """Policies compared, a row per setting, in units of reward.

    Attributes:
        pragmatic: E f, shape (n,).
        epistemic: what a trial would tell, likewise.
        waits: what is lost until a backlog is gone, likewise.
        value: −G and the habit of staying, likewise.
        probabilities: Q(π), likewise.
        p_fulfilled: of every SLO, shape (s, n).
        load: largest of all stages, and its stage, shape (n,) each.
    """

    pragmatic: Floats
    epistemic: Floats
    waits: Floats
    value: Floats
    probabilities: Floats
    p_fulfilled: Floats
    load: Floats
    stage: Ints


class Outlook(NamedTuple):
    """What is believed when policies are compared.

    Attributes:
        belief, trend: see there.
        worth: expected of every setting, shape (n,).
        row: of the setting in force.
        may_try: whether trials are not barred.
    """

    belief: Belief
    trend: Trend
    worth: Floats
    row: int
    may_try: bool


def draws_of(channels: Channels, prior: Prior, rng: np.random.Generator) -> Draws:
    """Return deviates from a generator."""

    def mirrored(n: int) -> Floats:
        half = rng.standard_normal((N_DRAWS // 2, channels.n, n))
        half[:, ~channels.is_load] = half[:, -1:]
        return np.concatenate([half, -half])

    return Draws(mirrored(prior.mean.shape[1]), mirrored(len(prior.table)))


def preferred(channels: Channels, g: Floats, sd: Floats, worth: Floats) -> tuple[Floats, Floats]:
    """Return f, (..., n), and P(channel holds), (..., c, n).

    Args:
        channels: see there.
        g: resting values, (..., c, n).
        sd: standard deviation of what is seen of them, broadcast to that.
        worth: of every setting, shape (n,).
    """
    holds = ndtr(-g / sd)
    ln_worst = np.maximum(g[..., channels.is_load, :].max(-2), 0.0)
    severity = 0.5 + 0.5 * np.minimum(np.expm1(np.minimum(ln_worst, 1.0)), 1.0) + DEEPER * ln_worst
    broken = 1 - channels.by_slo(holds).mean(-2)
    return holds.min(-2) * worth - broken * severity, holds


def compare(channels: Channels, prior: Prior, draws: Draws, figures: Figures, outlook: Outlook) -> Plan:
    """Return every policy's value."""
    belief, trend, worth = outlook.belief, outlook.trend, outlook.worth
    mean, variance = everywhere(prior, belief)
    p_delays, noise = belief.p_delays, figures.risk * trend.risk(prior)[:, None]
    by_delay, holds = preferred(channels, mean, np.sqrt(variance + noise**2), worth)
    pragmatic = p_delays @ by_delay
    is_stuck = trend.broken & channels.has_memory
    epistemic, waits = np.zeros_like(pragmatic), np.zeros_like(pragmatic)
    if figures.patience > 0 and outlook.may_try and not trend.broken.any():
        epistemic = trials(channels, prior, draws, figures, outlook, mean, pragmatic)
    if figures.drains and is_stuck.any():
        waits = waiting(channels, belief, trend, is_stuck, mean[belief.likeliest], pragmatic.max())
    value = pragmatic + epistemic - waits
    value -= figures.switching_cost * (np.arange(value.size) != outlook.row)
    odds = np.exp(figures.gamma * (value - value.max()))
    loads = mean[belief.likeliest, channels.is_load]
    return Plan(
        pragmatic=pragmatic,
        epistemic=epistemic,
        waits=waits,
        value=value,
        probabilities=odds / odds.sum(),
        p_fulfilled=np.tensordot(p_delays, channels.by_slo(holds), 1),
        load=np.exp(loads.max(0)),
        stage=loads.argmax(0),
    )


def trials(
    channels: Channels,
    prior: Prior,
    draws: Draws,
    figures: Figures,
    outlook: Outlook,
    mean: Floats,
    pragmatic: Floats,
) -> Floats:
    """Return what trying each setting would tell, in units of reward, shape (n,).

    Delays share the draws out by their probability.

    Args:
        channels, prior, draws, figures, outlook: see there.
        mean: of g, shape (l, c, n).
        pragmatic: E f, shape (n,).
    """
    belief, best, found = outlook.belief, pragmatic.max(), np.zeros_like(pragmatic)
    rows = np.flatnonzero(outlook.worth > best)  # no other could be better
    if not rows.size:
        return found
    h, noise = along(prior, belief, rows), figures.risk * outlook.trend.risk(prior)[:, None]
    own_sd = np.sqrt(prior.own_var)[:, None] * ~np.isin(rows, belief.own)
    share = np.cumsum(belief.p_delays)
    of_draw = np.searchsorted(share / share[-1], (np.arange(N_DRAWS) + 0.5) / N_DRAWS)
    f = np.empty((N_DRAWS, rows.size))
    for delay in np.unique(of_draw):
        mine = of_draw == delay
        root = np.linalg.cholesky(belief.cov[delay] + ROUNDING * np.eye(h.shape[1]))
        drawn = np.einsum("cij,kcj->kci", root, draws.unknowns[mine]) @ h.T
        g = mean[delay][:, rows] + drawn + own_sd * draws.own[mine][..., rows]
        f[mine], _ = preferred(channels, g, noise, outlook.worth[rows])
    cost = (figures.drain + belief.p_delays @ belief.delays) / figures.patience
    tried = np.maximum(f, best).mean(0) - cost * np.maximum(best - f, 0.0).mean(0)
    found[rows] = np.maximum(tried - pragmatic[rows], 0.0)
    return found


def waiting(
    channels: Channels, belief: Belief, trend: Trend, is_stuck: Bools, mean: Floats, best: float
) -> Floats:
    """Return what is lost at each setting until backlogs of the past are gone, in units of reward, (n,).

    Args:
        channels, belief, trend: see there.
        is_stuck: channels broken by a backlog, shape (c,).
        mean: of g, shape (c, n).
        best: what is to be had of the best setting.
    """
    spare = np.maximum(1 - np.exp(np.minimum(mean[channels.is_load].max(0), 0.0)), LEAST_SPARE)
    delay = belief.delays[belief.likeliest]
    meanwhile = spare[belief.rows[belief.rows.size - delay :]].sum()  # that is not seen yet
    ratios, drains = trend.ratio[is_stuck], trend.drains[is_stuck]
    left = np.maximum(ratios - 1 - drains * meanwhile, 0.0)
    intervals = (left[:, None] / (drains[:, None] * spare)).max(0)
    pain = is_stuck.sum() / channels.n_slos * (0.5 + 0.5 * min(ratios.max() - 1, 1.0))
    return (max(best, 0.0) + pain) * np.maximum(np.minimum(intervals, LONGEST) - 1, 0.0)


def held(
    channels: Channels, prior: Prior, belief: Belief, trend: Trend, rows: Ints, intervals: int
) -> Floats:
    """Return P(fulfilled) of every SLO when settings have been held for so many intervals, shape (r, s).

    By then every SLO is broken where a load is too high.
    """
    mean, variance = (part[..., rows] for part in everywhere(prior, belief))
    walked = (trend.risk(prior) ** 2 + intervals * prior.drift**2)[:, None]
    holds = ndtr(-mean / np.sqrt(variance + walked))
    fulfilled = np.minimum(channels.by_slo(holds), holds[:, channels.is_load].min(1, keepdims=True))
    return np.tensordot(belief.p_delays, fulfilled, 1).T
