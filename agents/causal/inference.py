"""What an interval does to the belief behind a metric: the belief update, the jump test, the messages.

x ~ N(m, P) are the price, the effects and the bottleneck of agents.causal.metrics, z = h·x is ln ratio of the
metric at the setting in force, and e₀ and e₁ pick the price and the bottleneck.

Prediction: x has drifted, so that z ~ N(μ, v), and in bins π(b) = P(z in bin b).

    P ← P + drift² e₀e₀ᵀ + BOTTLENECK_DRIFT² e₁e₁ᵀ,    μ = h·m,    v = h·P h

Measurement: y = z + noise of variance R = NOISE² + lag², by the update of agents.common.kalman; after the
jump test, by which the price is another one, P ← P + JUMP² e₀e₀ᵀ, if

    ln p/(1 − p) + ln N(y − μ; 0, v + R + JUMP²) − ln N(y − μ; 0, v + R) > 0

Messages: of n SLOs that hang on the metric too, what each was seen to do has the likelihood λₛ(b) = P(bin of
s | b, the rest). They all watch the same queues, so that n of them count as the square root of n (our
choice):

    λ(b) = (Πₛ λₛ(b))^(1/√n),    posterior(b) = π(b) λ(b) / Σ π λ

where the metric is the largest of several stages', a stage is told what the others leave open, with P(k) of
the largest of these:

    λ(b) ← λ(b) P(k ≤ b) + Σ_{k > b} P(k) λ(k)

after the jump test by ln p/(1 − p) + ln Σ π_J λ − ln Σ π λ > 0, π_J with a jump of the bottleneck where the
pressure was measured, else of the price. Its mean μ' and variance v' go on to x, in part where z lags behind:

    K = P h / v,    c = v / (v + lag²),    m' = m + c (μ' − μ) K,    P' = P − c (v − v') K Kᵀ

Surprise, before anything is updated: −2 ln Σ π λₛ of each SLO.

Sources: Pearl 1988, "Probabilistic reasoning in intelligent systems", chapter 4, of the messages π and λ;
Lauritzen 1992 (see agents.causal.metrics) of passing on two moments, which is exact for a Gaussian.
"""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.causal import metrics, tables
from agents.causal.metrics import Belief
from agents.common import kalman

Array = NDArray[np.float64]


class Expectation(NamedTuple):
    """Of z: mean μ, variance v, and P(bin) π, shape (N_BINS,)."""

    mean: float
    variance: float
    chances: Array


def predicted(belief: Belief, drift: float) -> Belief:
    """Return the belief one interval later; `drift` is the log-standard deviation of the price's walk."""
    return metrics.widened(belief, drift**2, metrics.BOTTLENECK_DRIFT**2)


def expected(belief: Belief, row: Array) -> Expectation:
    """Return what is expected of z at a row h of the design."""
    mean, variance = metrics.expected(belief, row[None])
    return Expectation(float(mean[0]), float(variance[0]), metrics.in_bins(mean, variance)[0])


def of_largest(expectations: Sequence[Expectation]) -> Expectation:
    """Return what is expected of the largest of several stages' z; mean and variance are of the likeliest."""
    mean, variance, _ = max(expectations, key=lambda expectation: expectation.mean)
    return Expectation(mean, variance, metrics.largest([each.chances for each in expectations]))


def surprise(chances: Array, likelihoods: Collection[Array]) -> float:
    """Return −2 ln P of what SLOs did, from π and each one's λₛ."""
    return -2 * sum(math.log(chances @ likelihood) for likelihood in likelihoods)


def weight(variance: float) -> float:
    """Return what a sample counts whose metric was expected with this variance v: NOISE² / (NOISE² + v)."""
    return tables.NOISE**2 / (tables.NOISE**2 + variance)


def measured(
    belief: Belief, row: Array, before: Expectation, ln_ratio: float, lag: float, ln_odds: float
) -> Belief:
    """Return the belief after a measurement.

    Args:
        belief: predicted.
        row: h.
        before: what was expected there.
        ln_ratio: y.
        lag: log-standard deviation by which it may be behind the settings.
        ln_odds: ln p/(1 − p), p the probability of a jump in one interval.
    """
    noise = tables.NOISE**2 + lag**2
    if has_jumped(ln_ratio - before.mean, before.variance + noise, metrics.JUMP**2, ln_odds):
        belief = metrics.widened(belief, metrics.JUMP**2)
    towards = belief.cov @ row
    gain = towards / (row @ towards + noise)
    mean, cov = kalman.corrected(belief.mean, belief.cov, gain, ln_ratio - row @ belief.mean, towards)
    return Belief(mean, (cov + cov.T) / 2)


def has_jumped(error: float, variance: float, jump: float, ln_odds: float) -> bool:
    """Return whether a jump of variance `jump` makes an error of this variance likelier than none does."""
    return kalman.ln_normal(error, variance + jump) - kalman.ln_normal(error, variance) + ln_odds > 0


def together(likelihoods: Collection[Array]) -> Array:
    """Return λ of all SLOs together, from λₛ of each, n >= 1 of them; shape (N_BINS,)."""
    return np.asarray(np.prod(list(likelihoods), axis=0) ** (1 / math.sqrt(len(likelihoods))))


def against(evidence: Array, others: Sequence[Array]) -> Array:
    """Return the λ that a stage is told, shape (N_BINS,); `others`: P(bin) of each other stage's metric."""
    if not others:
        return evidence
    chances = metrics.largest(others)
    told = chances * evidence
    return evidence * chances.cumsum() + (told.sum() - told.cumsum())


def with_messages(
    belief: Belief,
    row: Array,
    before: Expectation,
    evidence: Array,
    is_measured: bool,
    lag: float,
    ln_odds: float,
) -> tuple[Belief, Array]:
    """Return the belief after messages from SLOs, and the metric's posterior, shape (N_BINS,).

    Args:
        belief, row, before, lag, ln_odds: as for `measured`.
        evidence: λ, shape (N_BINS,).
        is_measured: whether the pressure was measured in this interval.
    """
    chances, variance = before.chances, before.variance
    jump = (metrics.BOTTLENECK_JUMP if is_measured else metrics.JUMP) ** 2
    jumped = metrics.in_bins(np.array(before.mean), np.array(variance + jump))
    if math.log((jumped @ evidence) / (chances @ evidence)) + ln_odds > 0:
        belief = metrics.widened(belief, *((0.0, jump) if is_measured else (jump, 0.0)))
        chances, variance = jumped, variance + jump
    posterior = chances * evidence
    posterior = posterior / posterior.sum()
    mean, spread = metrics.moments(posterior)
    share = variance / (variance + lag**2)
    gain = belief.cov @ row / variance
    shift, lost = share * (mean - before.mean), share * (variance - spread)
    return Belief(*kalman.matched(belief.mean, belief.cov, gain, shift, lost)), posterior
