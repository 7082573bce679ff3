"""How fast something was learned: until 90 % of its own plateau, measured above random decisions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PLATEAU = 0.2  # share of a curve, its end, whose mean is the plateau
REACHED = 0.9  # share of the way from random decisions to the plateau

Curve = Sequence[float] | NDArray[np.float64]


def plateau_of(curve: Curve) -> float:
    """Return the mean of a learning curve's end; the curve has at least one value."""
    return float(np.mean(curve[-max(1, round(PLATEAU * len(curve))) :]))


def plateau_reached(curve: Curve, random_reward: float) -> int:
    """Return the first place of a curve that has come most of the way to its plateau; its end if none has.

    Args:
        curve: mean rewards per step, in the order in which they were earned.
        random_reward: of random decisions, from which that way is measured.
    """
    needed = random_reward + REACHED * (plateau_of(curve) - random_reward)
    return next((i for i, reward in enumerate(curve) if reward >= needed), len(curve) - 1)
