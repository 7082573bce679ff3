"""What settings are worth: one table over all knobs together, by the age of what is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def attained(value: float, lowest: float, highest: float) -> float:
    """Where a delivered value lies between the least valued level's (0) and the most valued's (1), clipped.

    With a single level: the share of it that was delivered.
    """
    if highest > lowest:
        return min(max((value - lowest) / (highest - lowest), 0.0), 1.0)
    return min(max(value / lowest, 0.0), 1.0) if lowest > 0.0 else 1.0


@dataclass(frozen=True)
class Worth:
    """Worth of every joint setting, linear between ages and constant beyond the last.

    Nothing is said of its shape: it need be no sum over knobs, and may fall with a level or with age.

    Attributes:
        ages_s: of what is shown, in s, ascending, the first 0; shape (n_ages,).
        values: in [0, 1], a row per joint setting with the last knob fastest, shape (n_settings, n_ages).
        sampling_s: mean age that each setting's own rate gives to what is shown, were it shown at once: half
            the time between two frames; >= 0, shape (n_settings,).
    """

    ages_s: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    sampling_s: tuple[float, ...]

    def __post_init__(self) -> None:
        ages = self.ages_s
        if not ages or ages[0] != 0 or any(b <= a for a, b in pairwise(ages)):
            raise ValueError(f"ages_s of a worth must ascend from 0, got {ages}")
        if any(len(row) != len(ages) for row in self.values) or len(self.values) != len(self.sampling_s):
            raise ValueError(
                f"a worth needs {len(ages)} values and a sampling_s per setting, got {len(self.values)} rows "
                f"and {len(self.sampling_s)}"
            )
        if not all(0 <= value <= 1 for row in self.values for value in row) or min(self.sampling_s) < 0:
            raise ValueError("every value of a worth must be in [0, 1] and every sampling_s >= 0")

    @classmethod
    def of(cls, ages_s: Sequence[float], table: ArrayLike, sampling_s: ArrayLike) -> Self:
        """From arrays of shape (*n_levels, n_ages) and (*n_levels,)."""
        rows = np.asarray(table, dtype=float).reshape(-1, len(ages_s))
        values = tuple(map(tuple, rows.tolist()))
        return cls(tuple(ages_s), values, tuple(np.asarray(sampling_s, dtype=float).ravel().tolist()))

    @classmethod
    def ageless(cls, table: ArrayLike) -> Self:
        """Of values that are the same at any age, shape (*n_levels,)."""
        values = np.asarray(table, dtype=float)
        return cls.of((0.0,), values[..., None], np.zeros_like(values))

    @property
    def n_settings(self) -> int:
        """Number of joint settings."""
        return len(self.values)

    def when_shown(self, latency_s: float | Array = 0.0) -> Array:
        """Worth of each setting while it is in force, shape (n_settings,).

        What is shown is then of the setting's own sampling age, and older by the latency.

        Args:
            latency_s: from capture to emission, one for all or one per setting, >= 0.
        """
        table, ages_s = self._arrays
        ages = np.asarray(self.sampling_s) + latency_s
        if len(ages_s) == 1:
            return table[:, 0].copy()
        left = np.clip(np.searchsorted(ages_s, ages, side="right") - 1, 0, len(ages_s) - 2)
        share = np.minimum((ages - ages_s[left]) / (ages_s[left + 1] - ages_s[left]), 1.0)
        rows = np.arange(len(table))
        return (1 - share) * table[rows, left] + share * table[rows, left + 1]

    @cached_property
    def at_once(self) -> Array:
        """Worth of each setting while it is in force, shown without any latency; not to be changed."""
        return self.when_shown()

    @cached_property
    def _arrays(self) -> tuple[Array, Array]:
        return np.asarray(self.values), np.asarray(self.ages_s)
