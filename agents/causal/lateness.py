"""How late telemetry is, and which setting a report is of: a root of the network, the same all episode.

Of a delay of L intervals a report is of the setting that was in force L intervals ago. Beforehand ln P(L)
falls by LATER per interval. The first report does not come before the delay is over, and seldom much later.
From then on changes tell: with y the ln pressure of a stage, m and P its belief (agents.causal.metrics) and d
the row of the setting that L makes of this report less that of the one before,

    Δy = d·m + noise of variance S = d·P d + 2 NOISE² + (LAG d·m)²
    ln P(L) ← ln P(L) + mean over the stages of ln((1 − ε) N(Δy; d·m, S) + ε N(Δy; d·m, S + 1))

The price is in both reports, and so has no part in it: it is learned under the delay that this tells.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.causal import metrics, tables
from agents.causal.metrics import Belief

Array = NDArray[np.float64]

LATER = 0.7  # 60 % of drawn training worlds have no delay
MISSING = 0.1  # of the reports, at most, in drawn worlds
TOO_EARLY = 1e-5  # that one comes before its delay is over
OUTLIER = 0.1  # ε: that the price has changed meanwhile, or the noise is larger
LONGEST_GAP = 5  # intervals between two reports that are held against each other
LAG = 0.3  # of a change of the settings, in ln ratio, that may be missing from what is measured next


class Lateness(NamedTuple):
    """What is known of the delay.

    Attributes:
        ln_p: ln P of each, from 0 on, up to a constant, shape (n,).
        rows: settings in force in the last intervals, by index, the newest last; -1 before the first.
        ln_pressures: of each stage in the last report, NaN where unknown, shape (n_stages,).
        age: intervals since then.
        n_heard, n_waited: reports so far; decisions before the first.
    """

    ln_p: Array
    rows: NDArray[np.int64]
    ln_pressures: Array
    age: int
    n_heard: int
    n_waited: int

    @property
    def delay(self) -> int:
        """Return the likeliest, in intervals."""
        return int(self.ln_p.argmax())

    @property
    def reported(self) -> int:
        """Return the setting that a report of now is of, by index."""
        return int(self.rows[-1 - self.delay])

    @property
    def pending(self) -> NDArray[np.int64]:
        """Return the settings in force since then, of which nothing has been heard."""
        return self.rows[self.rows.size - self.delay :]


def beginning(longest_delay: int, n_stages: int) -> Lateness:
    """Return what is known before an episode; `longest_delay` in intervals, >= 0."""
    n = longest_delay + 1
    rows = np.full(n + LONGEST_GAP, -1)
    return Lateness(np.linspace(0.0, -LATER * longest_delay, n), rows, np.full(n_stages, np.nan), 0, 0, 0)


def in_force(known: Lateness, setting: int) -> Lateness:
    """Return what is known an interval later, in which this setting was in force; the first was so before."""
    before = np.where(known.rows < 0, setting, known.rows)
    return known._replace(rows=np.append(before[1:], setting), age=known.age + 1)


def waited(known: Lateness) -> Lateness:
    """Return what is known after a decision without a report."""
    if known.n_heard:
        return known
    is_due = np.arange(known.ln_p.size) < known.n_waited
    ln_p = known.ln_p + np.where(is_due, np.log(MISSING), 0.0)
    return known._replace(ln_p=ln_p, n_waited=known.n_waited + 1)


def reported(known: Lateness, ln_pressures: Array, beliefs: Sequence[Belief], design: Array) -> Lateness:
    """Return what is known after a report.

    Args:
        known: the setting of this interval in it.
        ln_pressures: of each stage, NaN where unknown, shape (n_stages,).
        beliefs: of each stage.
        design: see `metrics.design`, of the pressures.
    """
    ln_p = known.ln_p
    if not known.n_heard and known.n_waited:
        is_due = np.arange(ln_p.size) < known.n_waited
        ln_p = ln_p + np.where(is_due, np.log(1 - MISSING), np.log(TOO_EARLY))
    elif 0 < known.age <= LONGEST_GAP:
        ln_p = ln_p + _told(known, ln_pressures, beliefs, design)
    ln_p = ln_p - ln_p.max()
    return known._replace(ln_p=ln_p, ln_pressures=ln_pressures, age=0, n_heard=known.n_heard + 1)


def _told(known: Lateness, ln_pressures: Array, beliefs: Sequence[Belief], design: Array) -> Array:
    """Return ln P of how pressures have changed since the last report, by the delay, shape (n,)."""
    at = known.rows.size - 1 - np.arange(known.ln_p.size)
    differences = design[known.rows[at]] - design[known.rows[at - known.age]]
    found, changes = [], ln_pressures - known.ln_pressures
    for belief, change in zip(beliefs, changes, strict=True):
        if np.isnan(change) or not differences.any():
            continue
        mean, variance = metrics.expected(belief, differences)
        variance = variance + 2 * tables.NOISE**2 + (LAG * mean) ** 2
        squared = (change - mean) ** 2
        usual = (1 - OUTLIER) * np.exp(-0.5 * squared / variance) / np.sqrt(variance)
        outlying = OUTLIER * np.exp(-0.5 * squared / (variance + 1)) / np.sqrt(variance + 1)
        found.append(np.log(usual + outlying))
    return np.mean(found, axis=0) if found else np.zeros(known.ln_p.size)
