"""What was measured at every joint setting of some knobs, and whole rows of it drawn by a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Table:
    """Measurements of a system at rest in each of its settings.

    Attributes:
        metrics: names of the columns, each once.
        n_levels: per knob.
        rows: per joint setting, in C order of the level indices, what was measured there: shape (n_rows,
            n_metrics) with n_rows >= 1, from the lightest moment to the heaviest; NaN = not measured.
    """

    metrics: tuple[str, ...]
    n_levels: tuple[int, ...]
    rows: tuple[NDArray[np.float64], ...]

    def __post_init__(self) -> None:
        if len(set(self.metrics)) != len(self.metrics):
            raise ValueError(f"every metric needs a name of its own, got {self.metrics}")
        n_settings = int(np.prod(self.n_levels))
        if len(self.rows) != n_settings:
            raise ValueError(f"expected rows of {n_settings} settings, got {len(self.rows)}")
        for setting, rows in enumerate(self.rows):
            if rows.ndim != 2 or rows.shape[0] < 1 or rows.shape[1] != len(self.metrics):
                levels = tuple(int(level) for level in np.unravel_index(setting, self.n_levels))
                raise ValueError(
                    f"setting {levels}: expected at least one row of {len(self.metrics)} metrics, "
                    f"got shape {rows.shape}"
                )

    @classmethod
    def of(
        cls,
        levels: NDArray[np.int64],
        values: NDArray[np.float64],
        metrics: Sequence[str],
        n_levels: Sequence[int],
        heaviest_by: str,
    ) -> Self:
        """From rows in any order.

        Args:
            levels: level index per knob of each row, shape (n_rows, n_knobs).
            values: what was measured, shape (n_rows, n_metrics).
            metrics: names of the columns of `values`.
            n_levels: per knob.
            heaviest_by: the metric that tells a light moment of a setting (low) from a heavy one.
        """
        settings = np.asarray(np.ravel_multi_index(tuple(levels.T), tuple(n_levels)))
        column = list(metrics).index(heaviest_by)
        ordered = np.lexsort((values[:, column], settings))
        first = np.searchsorted(settings[ordered], np.arange(1, int(np.prod(n_levels))))
        return cls(tuple(metrics), tuple(n_levels), tuple(np.split(values[ordered], first)))

    def of_setting(self, levels: Sequence[int]) -> NDArray[np.float64]:
        """All rows at these levels, shape (n_rows, n_metrics)."""
        return self.rows[int(np.ravel_multi_index(tuple(levels), self.n_levels))]

    def draw(self, levels: Sequence[int], position: float) -> dict[str, float]:
        """One whole row at these levels, so that its metrics belong together.

        Args:
            levels: level index per knob.
            position: in [0, 1), where the row lies between the setting's lightest moment and its heaviest:
                the same number is the same kind of moment in every setting.
        """
        rows = self.of_setting(levels)
        row = rows[int(position * len(rows))]
        return {name: float(value) for name, value in zip(self.metrics, row, strict=True)}
