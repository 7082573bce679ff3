"""How what is seen differs from moment to moment of an episode, drawn as the simulator draws it."""

import math

from pipeline.content import PURPOSE_CONTENT
from pipeline.service_times import mix64, normal_quantile

_MASK = (1 << 64) - 1


class Content:
    """How far an episode's content moves the logit of F1, second by second: as in the simulator.

    Of a scene as a whole once per episode, and from second to second with memory, x(k) = c x(k - 1) +
    sqrt(1 - c^2) n(k), both normal.

    Args:
        seed: of the episode.
        scene_sd, second_sd: standard deviations of the two, >= 0.
        second_correlation: c, in [0, 1).

    Attributes:
        variance: of both together.
    """

    def __init__(self, seed: int, scene_sd: float, second_sd: float, second_correlation: float) -> None:
        self.variance = scene_sd**2 + second_sd**2
        self._seed = seed
        self._scene = scene_sd * content_normal(seed, -1)
        self._kept, self._fresh_sd = second_correlation, math.sqrt(1 - second_correlation**2) * second_sd
        self._seconds = [second_sd * content_normal(seed, 0)]

    def offset(self, now_s: float) -> float:
        """Return the offset of the logit at a time of the episode, >= 0."""
        second = int(now_s)
        while len(self._seconds) <= second:
            drawn = self._fresh_sd * content_normal(self._seed, len(self._seconds))
            self._seconds.append(self._kept * self._seconds[-1] + drawn)
        return self._scene + self._seconds[second]


def content_normal(seed: int, moment: int) -> float:
    """Draw from a standard normal distribution by these two alone: a second from 0, or -1 for the scene."""
    key = mix64(mix64((seed & _MASK) ^ PURPOSE_CONTENT) ^ (moment & _MASK))
    return normal_quantile(((key >> 11) + 0.5) * 2.0**-53)
