"""Settings held, one after the other, in every world: each in an episode of its own, after a reference."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.calibration.errors import METRICS
from experiments.calibration.held_out import Levels


class HoldingError(Exception):
    """An episode broke; the text says why."""


@dataclass(frozen=True, slots=True)
class Episode:
    """Of one setting: control intervals of the reference, of the setting, and which are not counted.

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
        """Of the whole episode."""
        return self.n_reference + self.n_hold


@dataclass(frozen=True, slots=True)
class Reading:
    """What one episode gave: the reference's mean service time, and means of the setting's METRICS."""

    reference_ms: float
    metrics: Mapping[str, float]


def hold(env: Any, episode: Episode, levels: Levels, seed: int) -> Reading:
    """One episode. Raises HoldingError if it ends before its time."""
    env.reset(seed=seed)
    reference_ms = hold_reference(env, episode.reference, episode.n_reference)
    infos = [_step(env, levels) for _ in range(episode.n_hold)][episode.n_settle :]
    means = {metric: _mean([info["metrics"][metric] for info in infos]) for metric in METRICS}
    return Reading(reference_ms, means)


def hold_reference(env: Any, levels: Sequence[int], n: int) -> float:
    """Mean service time in ms over n intervals at these levels, the first left out."""
    infos = [_step(env, levels) for _ in range(n)][1:]
    service_ms = _mean([info["metrics"]["service_ms"] for info in infos])
    if math.isnan(service_ms):
        raise HoldingError("no frame was processed at the reference setting")
    return service_ms


def hold_all(
    env: Any, episode: Episode, settings: Sequence[Levels], seed: int, advance: Callable[[], None]
) -> list[Reading]:
    """All settings in one environment; luck differs from setting to setting, not from world to world."""
    readings = []
    for number, levels in enumerate(settings):
        readings.append(hold(env, episode, levels, seed + number))
        advance()
    return readings


def table_of(
    readings: Mapping[str, Sequence[Reading]], settings: Sequence[Levels], describe: Callable[[Levels], dict]
) -> pd.DataFrame:
    """One row per setting and world.

    Args:
        readings: by world, one per setting.
        describe: the columns that say what levels stand for.
    """
    rows = [
        {
            "setting": number,
            "world": str(world),
            **describe(levels),
            "reference_ms": reading.reference_ms,
            **reading.metrics,
        }
        for world, of_world in readings.items()
        for number, (levels, reading) in enumerate(zip(settings, of_world, strict=True))
    ]
    return pd.DataFrame(rows)


def _step(env: Any, levels: Sequence[int]) -> dict[str, Any]:
    _, _, terminated, _, info = env.step(np.asarray(levels))
    if terminated:
        raise HoldingError(f"the pipeline died: {info.get('error', 'no reason was given')}")
    return info


def _mean(values: Sequence[float]) -> float:
    """Mean of those that are known, NaN if none is; a load without a worker is infinite."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
