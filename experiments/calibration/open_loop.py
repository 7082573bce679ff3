"""Settings held without an agent: which, what tells the machine's speed before each, and what is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from envs.hardware import Hardware
from experiments.calibration.profile import mean_service_ms
from experiments.calibration.rig import MeasuringError
from experiments.statistics.agreement import METRICS
from pipeline.program import ClusterError
from pipeline.settings import Ladders

REFERENCE_BUSY = 0.6  # of the workers, at the reference setting

Levels = tuple[int, int, int]  # of fps, size, grade


# --- which ---


def intermediate(fps: Sequence[float]) -> list[float]:
    """Return rates half-way between those of a ladder, and its ends."""
    between = [(low + high) / 2 for low, high in pairwise(fps)]
    return sorted({fps[0], *between, fps[-1]})


def draw_settings(ladders: Ladders, n: int, seed: int) -> list[Levels]:
    """Draw n different settings in random order, or all there are; each as likely as any other."""
    every = [(fps, size, grade) for fps, size, grade in product(*map(range, ladders.n_levels))]
    chosen = np.random.default_rng(seed).permutation(len(every))[:n]
    return [every[i] for i in chosen]


def reference_levels(ladders: Ladders, profile: Hardware) -> tuple[Levels, float]:
    """Choose the middle grade and size, at the rate that keeps the workers nearest to REFERENCE_BUSY.

    Returns:
        The levels, and the profile's mean service time there in ms.
    """
    size, grade = (len(ladders.sizes) - 1) // 2, (len(ladders.grades) - 1) // 2
    service_ms = mean_service_ms(profile, ladders.grades[grade], *ladders.sizes[size])
    busy = np.asarray(ladders.fps) * 1e-3 * service_ms / profile.n_workers
    return (int(np.argmin(np.abs(busy - REFERENCE_BUSY))), size, grade), service_ms


# --- how ---


@dataclass(frozen=True, slots=True)
class Hold:
    """One setting's episode: control intervals of the reference, of the setting, and which are not counted.

    Attributes:
        reference: levels held first.
        n_reference: intervals of it, >= 2; the first is not counted.
        n_hold: intervals of the setting.
        n_settle: of these, not counted, < n_hold.
    """

    reference: Levels
    n_reference: int
    n_hold: int
    n_settle: int

    def __post_init__(self) -> None:
        if self.n_reference < 2 or not 0 <= self.n_settle < self.n_hold:
            raise ValueError(
                "expected 2 reference intervals or more, and fewer to settle than to hold, got "
                f"{self.n_reference}, {self.n_settle} and {self.n_hold} (validation)"
            )

    @property
    def n_steps(self) -> int:
        """Intervals of the whole episode."""
        return self.n_reference + self.n_hold


def hold(env: Any, how: Hold, levels: Levels, seed: int) -> dict[str, float]:
    """Hold the reference, then a setting, in an episode of their own.

    Returns:
        "reference_ms", the mean service time at the reference, and the means of the METRICS at the setting,
        NaN if unknown.

    Raises:
        ClusterError: the pipeline broke.
        MeasuringError: nothing was processed at the reference.
    """
    env.reset(seed=seed)
    reference_ms = _held(env, how.reference, how.n_reference, 1)["service_ms"]
    if np.isnan(reference_ms):
        raise MeasuringError("no frame was processed at the reference setting")
    means = _held(env, levels, how.n_hold, how.n_settle)
    return {"reference_ms": reference_ms, **{metric: means[metric] for metric in METRICS}}


def _held(env: Any, levels: Levels, n: int, n_settle: int) -> dict[str, float]:
    """Return the mean of every metric over n intervals but the first n_settle; NaN where none is known."""
    rows = []
    for _ in range(n):
        *_, info = env.step(np.asarray(levels))
        if "error" in info:
            raise ClusterError(info["error"])
        rows.append(info["metrics"])
    return pd.DataFrame(rows[n_settle:], dtype=float).mean().to_dict()
