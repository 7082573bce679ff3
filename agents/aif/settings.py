"""What settings have in common: what one of them shows is told of all, by figures that they share.

At setting a a logarithm is φ(a)·θ + ν(a): per knob a sum of steps, one for each level climbed; for every two
knobs a product of how far both are up; and a nugget ν that the setting has to itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WHERE = "(conf/agent/aif.yaml)"


@dataclass(frozen=True, slots=True)
class Response:
    """How a logarithm is expected to follow the settings and the time; figures of conf/agent/aif.yaml.

    Attributes:
        slope: what a unit of the spec's ln cost is expected to add.
        slope_sd: standard deviation of that, per knob, >= 0.
        step_sd: of what one more level of one knob adds beside that, >= 0.
        interaction_sd: of what two knobs add together from end to end, >= 0.
        own_sd: of the nugget, >= 0.
        start, start_sd: the lowest setting's, before anything was seen; start_sd >= 0.
        drift: standard deviation of what all settings move by together in one interval, >= 0.
        jump: probability that they have moved anywhere in one interval, in [0, 1).
        noise, least_noise: standard deviation of a reading before any was seen, and at the least; both > 0.
    """

    slope: float
    slope_sd: float
    step_sd: float
    interaction_sd: float
    own_sd: float
    start: float
    start_sd: float
    drift: float
    jump: float
    noise: float
    least_noise: float

    def __post_init__(self) -> None:
        spreads = self.slope_sd, self.step_sd, self.interaction_sd, self.own_sd, self.start_sd, self.drift
        if min(spreads) < 0 or min(self.noise, self.least_noise) <= 0 or not 0 <= self.jump < 1:
            raise ValueError(
                "a response needs standard deviations >= 0, noise and least_noise > 0 and a jump in [0, 1), "
                f"got {self} {WHERE}"
            )


def features(settings: NDArray[np.int64], n_levels: Sequence[int]) -> Floats:
    """Return φ of every setting, 0 at the lowest, shape (n, f).

    Args:
        settings: level per knob, shape (n, n_knobs).
        n_levels: per knob.
    """
    climbed = [settings[:, i, None] > np.arange(n - 1) for i, n in enumerate(n_levels)]
    up = settings / np.maximum(np.array(n_levels) - 1, 1)
    both = [up[:, i] * up[:, j] for i in range(len(n_levels)) for j in range(i)]
    return np.column_stack([*climbed, *both]).astype(float)


def weights(steps: Sequence[Floats], response: Response, learns: bool) -> tuple[Floats, Floats]:
    """Return mean and covariance of θ, shapes (f,) and (f, f).

    Args:
        steps: per knob, what each level adds to the spec's ln cost, shape (n_levels - 1,).
        response: see there.
        learns: false = the mean is taken for known.
    """
    n_pairs = len(steps) * (len(steps) - 1) // 2
    mean = np.concatenate([response.slope * np.concatenate(steps), np.zeros(n_pairs)])
    if not learns:
        return mean, np.zeros((mean.size, mean.size))
    n_steps = mean.size - n_pairs
    cov = np.diag(np.repeat([response.step_sd**2, response.interaction_sd**2], [n_steps, n_pairs]))
    start = 0
    for step in steps:
        at = slice(start, start + step.size)
        cov[at, at] += response.slope_sd**2 * np.outer(step, step)
        start += step.size
    return mean, cov
