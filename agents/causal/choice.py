"""Which setting is best: its SLOs first, then what it is worth, then what there is to learn of it.

score = P(all SLOs fulfilled | do(setting)) x (1 + ambition x worth + information gain)
        - switching - (1 - P) x overload, which matters where no setting fulfils them
        + what a trial is worth

intelligentVehicle (at commit 05036c1) scores pv + a bonus for the unvisited, and computes an information gain
that it leaves out; it has no wish for anything but fulfilled SLOs. Ours adds the worth of the levels. It
multiplies: what is expected to break an SLO is not worth a visit, however surprising it was. The gain fades
with the time since the visit. In place of the bonus for the unvisited, a trial is worth what it may lead to:
whoever tries a setting stays if it holds, and else goes back to the best that is known, of score V. With
p = P(all fulfilled | do), W = 1 + ambition x worth and DRAIN intervals until what a failure leaves over is
gone,

    trial = news x max(0, V + p (W - V)+ - (1 - p) V DRAIN / patience - score)

over the `patience` intervals within which it must pay; none is made while an SLO is broken. News is the share
of what is unknown of the setting's cost that one reading tells; it vanishes as costs become known (the
knowledge gradient of one interval: Frazier, Powell and Dayanik 2008, as in agents.common.objective).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.causal.tables import NOISE

Array = NDArray[np.float64]

RELIEF = 0.1  # what an overload of 1 in ln ratio costs
GAIN_CAP = 0.15  # of the information gain, as in intelligentVehicle
FADES = 0.9  # share of it that is left an interval later
DRAIN = 6.0  # intervals, that a failed trial costs: 5 to 7 were measured in drawn worlds


class Terms(NamedTuple):
    """What the score of each setting is made of, shape (n,) each."""

    pv: Array
    worth: Array
    information_gain: Array
    trial: Array
    switching: Array
    overload: Array
    score: Array


def scored(
    pv: Array, worth: Array, information_gain: Array, switching: Array, overload: Array, ambition: float
) -> Terms:
    """Return all terms, without trials; `ambition` is what the highest worth adds to SLOs all fulfilled."""
    gains = pv * (1.0 + ambition * worth + information_gain)
    score = gains - switching - RELIEF * (1.0 - pv) * overload
    return Terms(pv, worth, information_gain, np.zeros_like(pv), switching, overload, score)


def with_trials(terms: Terms, unknown: Array, ambition: float, patience: float) -> Terms:
    """Return the terms with what trials are worth.

    Args:
        terms: without.
        unknown: log-standard deviation of what each setting costs against the present one, shape (n,).
        ambition: see `scored`.
        patience: intervals within which a trial must pay, > 0.
    """
    best = terms.score.max()
    news = unknown**2 / (unknown**2 + NOISE**2)
    kept = np.maximum(1.0 + ambition * terms.worth - terms.switching - best, 0.0)
    tried = best + terms.pv * kept - (1.0 - terms.pv) * max(best, 0.0) * DRAIN / patience
    trial = news * np.maximum(tried - terms.score, 0.0) * (kept > 0)
    return terms._replace(trial=trial, score=terms.score + trial)


def information_gain(excess: dict[int, float], ages: NDArray[np.int64]) -> Array:
    """Return the gain of each setting, by how far its surprises exceed the usual; 0 for the unvisited.

    Args:
        excess: see `Surprise.excess`.
        ages: intervals since each setting was last in force, shape (n,).
    """
    gain = np.zeros(len(ages))
    for setting, value in excess.items():
        gain[setting] = min(max(value, 0.0), GAIN_CAP) * FADES ** int(ages[setting])
    return gain
