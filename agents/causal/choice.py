"""Which setting is best: its SLOs first, then what it is worth, then what there is to learn of it.

score = P(all SLOs fulfilled | do(setting)) x (1 + ambition x worth + information gain + novelty)
        - switching - (1 - P) x overload, which matters where no setting fulfils them

intelligentVehicle (at commit 05036c1) scores pv + a bonus for the unvisited, and computes an information gain
that it leaves out; it has no wish for anything but fulfilled SLOs. Ours adds the worth of the levels. It
multiplies: what is expected to break an SLO is not worth a visit, however little is known of it. And both
bonuses fade: novelty, which the unvisited alone have, with what their neighbours tell, the gain with the time
since the visit. Each setting is so tried once at most.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RELIEF = 0.1  # what an overload of 1 in ln ratio costs
GAIN_CAP = 0.15  # of the information gain, as in intelligentVehicle
FADES = 0.9  # share of it that is left an interval later
NEARLY = 0.9  # worth of a setting, as a share of the best known one's, below which it is not worth exploring
PATIENCE = 6.0  # intervals, per novelty, that are set against a try: for the gain if it fulfils all SLOs
EXPLORES = 0.97  # share of the novelty that is left after each interval of an episode
INSIDE = 0.8  # novelty of a setting that is neither a corner of the grid nor its centre


class Terms(NamedTuple):
    """What the score of each setting is made of, shape (n,) each."""

    pv: Array
    worth: Array
    information_gain: Array
    novelty: Array
    switching: Array
    overload: Array
    score: Array


def scored(
    pv: Array,
    worth: Array,
    information_gain: Array,
    novelty: Array,
    switching: Array,
    overload: Array,
    ambition: float,
) -> Terms:
    """Return all terms; `ambition` is what the highest worth adds to SLOs that are all fulfilled."""
    gains = pv * (1.0 + ambition * worth + information_gain + novelty)
    score = gains - switching - RELIEF * (1.0 - pv) * overload
    return Terms(pv, worth, information_gain, novelty, switching, overload, score)


def landmarks(settings: NDArray[np.int64]) -> Array:
    """Return 1 for the corners of the grid and its centre, INSIDE for the others, shape (n,)."""
    top = settings.max(axis=0)
    is_corner = ((settings == 0) | (settings == top)).all(axis=1)
    is_centre = (settings == top // 2).all(axis=1)
    return np.where(is_corner | is_centre, 1.0, INSIDE)


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
