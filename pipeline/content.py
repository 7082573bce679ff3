"""How what is in the pictures changes over time, and how well it is found with it: alike in every world."""

import math

import msgspec

PURPOSE_CONTENT = 0xC017E57  # any number that no other purpose has
PACES = (0.1, 10.0)  # of what moves in the pictures, slowest and fastest
LOGISTIC_VARIANCE = math.pi / 8  # see `modulated`

# --- the arithmetic, plain so that the simulator can compile it ---


def swung(low: float, high: float, period_s: float, now_s: float) -> float:
    """Return what goes from low at time 0 to high half a period later and back, along a cosine.

    With a period of 0 it stays low.
    """
    if period_s <= 0.0:
        return low
    return low + (high - low) * (1.0 - math.cos(2.0 * math.pi * now_s / period_s)) / 2.0


def modulated(f1: float, offset: float, variance: float) -> float:
    """Return the F1 of a moment whose content moves the logit by `offset`, of this variance over all moments.

    The mean over the moments stays F1 (nearly): E[1 / (1 + exp(-(a + x)))] of a normal x with variance v is
    about 1 / (1 + exp(-a / sqrt(1 + pi v / 8))). Source: MacKay, The evidence framework applied to
    classification networks, Neural Computation 4 (1992), eq. 10.
    """
    if not 0.0 < f1 < 1.0 or (variance <= 0.0 and offset == 0.0):
        return f1
    centre = math.log(f1 / (1.0 - f1)) * math.sqrt(1.0 + LOGISTIC_VARIANCE * variance)
    return 1.0 / (1.0 + math.exp(-(centre + offset)))


# --- values ---


class Swing(msgspec.Struct, frozen=True, array_like=True):
    """What goes up and down with time, see `swung`."""

    low: float
    high: float
    period_s: float

    def at(self, now_s: float) -> float:
        """Return its value at a time since the start."""
        return swung(self.low, self.high, self.period_s, now_s)
