"""What evidence teaches: Bayes' rule on the Gaussians of all channels and delays, and on the delays.

A reading y = g(a) + noise is a Kalman filter's. One that says only on which side of y g(a) is, is taken by
the first two moments of the truncated Gaussian: with the mean m and the variance S of g(a) + noise, σ = ±1
and z = σ(m − y)/√S, it shifts the mean by σ√S λ, λ = φ(z)/Φ(z), and takes the share λ(λ + z) of its variance
(Minka 2001, "Expectation propagation for approximate Bayesian inference", the update of a probit).

That the offset k of a load has jumped anywhere is another hypothesis; both are kept and merged by moments, as
in agents.common.kalman. Other offsets are then less sure, too: the world has changed.

The delay L of telemetry is a hidden state of its own,

    Q(L) ∝ P(L) Π P(heard or not | L) Π_t ( Π_i ((1 − ε) N(y_i; m, S) + ε N(y_i; m, S + 1)) )^(1/n)

over the n known loads i of an interval, of each delay's own filter: as one reading, for stages see one world.
"""

import numpy as np
from scipy.special import expit, log_ndtr

from agents.aif.beliefs import ANYWHERE, Belief, Prior, along, visited
from agents.aif.channels import Channels, Readings
from agents.aif.evidence import Attribution, Evidence, attributed, evidence, load_of
from agents.aif.settings import Floats
from agents.aif.trends import Trend, noticed, settling
from agents.common import kalman

SHAKEN = 0.3  # of the other offsets, where a load's has jumped
P_OUTLIER = 0.1  # ε
P_MISSING = 0.1  # of an interval's report that is lost: at most that, in drawn worlds
P_TOO_EARLY = 1e-5  # that any reading comes before the delay is over
LEAST_LN_P = -7.0  # of a delay against the likeliest: it is given up
HEARD_BY = 10  # decisions before any delay is given up
LARGEST_Z = 8.0  # keeps φ/Φ finite


def perceived(
    channels: Channels, prior: Prior, belief: Belief, trend: Trend, seen: Readings, row: int
) -> tuple[Belief, Trend, float]:
    """Return beliefs and trend after an observation, and its surprise in nats.

    Args:
        channels, prior, belief, trend: before.
        seen: the observation.
        row: of the setting in force.
    """
    belief = visited(prior, belief._replace(time=belief.time + 1), row)
    belief = belief._replace(rows=np.append(belief.rows[1:], row))
    seen = seen._replace(broken=seen.broken & (seen.y > trend.shared_noise))
    to, at = attributed(belief, trend, seen), belief.likeliest
    trend = settling(channels, trend, seen, bool(to.is_settled[at]))
    belief = drifted(prior, belief)
    found = evidence(channels, prior, belief, trend, seen, to)
    belief, surprise = taught(channels, prior, belief, seen, to, found)
    belief = belief._replace(row=to.row, n_held=to.n_held, past=to.past)
    load = load_of(channels, prior, belief, to)
    trend = noticed(channels, prior, trend, seen, bool(to.is_settled[at]), load)
    return without_dead(belief), trend, surprise


def drifted(prior: Prior, belief: Belief) -> Belief:
    """Return the belief one interval later: offsets have walked."""
    cov = belief.cov.copy()
    cov[..., -1, -1] += prior.drift**2
    return belief._replace(cov=cov)


def taught(
    channels: Channels, prior: Prior, belief: Belief, seen: Readings, to: Attribution, found: Evidence
) -> tuple[Belief, float]:
    """Return the belief after evidence, and the surprise: −ln P of it, of all channels together."""
    h = along(prior, belief, to.row)
    towards = np.einsum("lcij,lj->lci", belief.cov, h)
    variance = np.einsum("lci,li->lc", towards, h) + found.variance
    error = found.y - np.einsum("lci,li->lc", belief.mean, h)
    ln_p = belief.ln_p + heard(belief, seen) + foreseen(channels, seen, error, variance)
    jump = np.where(prior.jump > 0, ANYWHERE**2, 0.0)
    wide, cov = towards.copy(), belief.cov.copy()
    wide[..., -1] += jump
    stayed_ln_p, stayed = hypothesis(towards, variance, error, found)
    jumped_ln_p, jumped = hypothesis(wide, variance + jump, error, found)
    with np.errstate(divide="ignore"):
        stayed_ln_p, jumped_ln_p = stayed_ln_p + np.log1p(-prior.jump), jumped_ln_p + np.log(prior.jump)
    p = np.where(found.counts, expit(jumped_ln_p - stayed_ln_p), 0.0)
    cov[..., -1, -1] += p * jump
    mean, cov = kalman.either(belief.mean, cov, stayed, jumped, p)
    cov[:, ~channels.is_load, -1, -1] += (p[:, channels.is_load].max(1) * SHAKEN**2)[:, None]
    at = belief.likeliest
    evident = np.logaddexp(stayed_ln_p, jumped_ln_p)[at][found.counts[at]]
    has_heard = belief.has_heard or bool(seen.known.any())
    return belief._replace(ln_p=ln_p - ln_p.max(), mean=mean, cov=cov, has_heard=has_heard), float(
        -evident.sum()
    )


def hypothesis(
    towards: Floats, variance: Floats, error: Floats, found: Evidence
) -> tuple[Floats, kalman.Told]:
    """Return ln P of evidence under a hypothesis, and what it does to the belief.

    Args:
        towards: s, covariance of the unknowns with g, shape (l, c, d).
        variance: S, of g and the noise, shape (l, c).
        error: y − m, likewise.
        found: the evidence.
    """
    ln_p, shift, share = told(error, variance, found.side)
    gain = towards / variance[..., None]
    return ln_p, kalman.Told(gain, found.counts * shift, found.counts * share * variance)


def told(error: Floats, variance: Floats, side: Floats) -> tuple[Floats, Floats, Floats]:
    """Return ln P of readings, by what they shift g + noise, and which share of its variance they take.

    Args:
        error: y − m.
        variance: S.
        side: 0 of a reading, else σ of one that says on which side g is.
    """
    sd = np.sqrt(variance)
    z = np.clip(-side * error / sd, -LARGEST_Z, LARGEST_Z)
    ln_below = log_ndtr(z)
    slope = np.exp(-0.5 * z**2 - ln_below) / np.sqrt(2 * np.pi)
    is_exact = side == 0
    return (
        np.where(is_exact, -0.5 * (error**2 / variance + np.log(2 * np.pi * variance)), ln_below),
        np.where(is_exact, error, side * sd * slope),
        np.where(is_exact, 1.0, slope * (slope + z)),
    )


def foreseen(channels: Channels, seen: Readings, error: Floats, variance: Floats) -> Floats:
    """Return ln P of the loads by the delay, as one reading, shape (l,)."""
    tells = seen.known & channels.is_load & (seen.side == 0)
    if not tells.any():
        return np.zeros(len(error))
    error, variance = error[:, tells], variance[:, tells]
    usual = (1 - P_OUTLIER) * np.exp(-0.5 * error**2 / variance) / np.sqrt(variance)
    outlying = P_OUTLIER * np.exp(-0.5 * error**2 / (variance + 1)) / np.sqrt(variance + 1)
    return np.log(usual + outlying).mean(1)


def heard(belief: Belief, seen: Readings) -> Floats:
    """Return ln P that a report came or not, by the delay, until the first one has; shape (l,)."""
    intervals = belief.time - 1  # that are over
    is_due = belief.delays < intervals
    if belief.has_heard or intervals == 0:
        return np.zeros(len(is_due))
    if seen.known.any():
        return np.where(is_due, np.log(1 - P_MISSING), np.log(P_TOO_EARLY))
    return np.where(is_due, np.log(P_MISSING), 0.0)


def without_dead(belief: Belief) -> Belief:
    """Return the belief without delays that are out of the question."""
    is_alive = belief.ln_p > LEAST_LN_P
    if belief.time <= HEARD_BY or is_alive.all():
        return belief
    names = ("delays", "ln_p", "mean", "cov", "row", "n_held", "past")
    return belief._replace(**{name: getattr(belief, name)[is_alive] for name in names})
