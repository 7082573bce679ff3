"""What is known of streams beforehand, episode beside episode: each may have a grid of its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.common.bottleneck import Stages, can_be_pressed
from agents.common.settings import MAX_SETTINGS, joint_settings
from envs.spec import ElasticitySpec, Sense

AGED_S = 0.5  # worth at this age is told beside worth at once: SLOs on latency allow about so much

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def largest_grid(specs: Sequence[ElasticitySpec]) -> int:
    """Return the number of joint settings of the spec that has most.

    Raises:
        ValueError: one has more than can be scored.
    """
    most = max(math.prod(spec.n_levels) for spec in specs)
    if most > MAX_SETTINGS:
        raise ValueError(f"at most {MAX_SETTINGS} joint settings can be scored, got {most}")
    return most


def check_alike(specs: Sequence[ElasticitySpec]) -> None:
    """Raise ValueError unless observations of all are laid out alike; grids and thresholds may differ."""

    def layout(spec: ElasticitySpec) -> object:
        slos = [(slo.metric, slo.memory, slo.sense) for slo in spec.slos]
        return len(spec.knobs), slos, spec.stages, len(spec.metrics)

    for spec in specs:
        if layout(spec) != layout(specs[0]):
            raise ValueError(
                f"expected streams with the same SLOs, stages and numbers of knobs and metrics side by side, "
                f"got {layout(specs[0])} and {layout(spec)}"
            )


@dataclass(frozen=True, slots=True)
class Streams:
    """The grids of n episodes with k knobs, s SLOs and q stages each; N rows, one per joint setting.

    Where a grid is smaller than the largest its rows are repeated in turn, so that every row is a setting.

    Attributes:
        settings: level index per knob, the last knob fastest, shape (n, N, k).
        n_levels: shape (n, k).
        ln_costs: of each setting for each stage, the highest setting's being 0, shape (n, N, q).
        inputs: what channels are regressed on: 1, and per knob such an ln cost of the level; the first q
            channels are stages, the last s SLOs, which have the stage that the knob presses most; shape
            (n, q + s, N, 1 + k).
        worth: of each setting, at once and when what is shown is AGED_S old, shape (n, N, 2).
        has_memory, is_floor: of each SLO, shape (s,).
        stages: read the pressures; None where none can be known.
    """

    settings: Rows
    n_levels: Rows
    ln_costs: Floats
    inputs: Floats
    worth: Floats
    has_memory: NDArray[np.bool_]
    is_floor: NDArray[np.bool_]
    stages: Stages | None

    @classmethod
    def of(cls, specs: Sequence[ElasticitySpec]) -> Self:
        """Return the tables of episodes side by side, a spec for each.

        Raises:
            ValueError: their observations are not laid out alike, or one has too many settings.
        """
        check_alike(specs)
        n_rows = largest_grid(specs)
        known: dict[str, int] = {}
        tables = []
        for spec in specs:
            if spec.hash not in known:
                known[spec.hash] = len(tables)
                tables.append(_tables(spec, n_rows))
        which = [known[spec.hash] for spec in specs]
        settings, ln_costs, inputs, worth = (np.stack(parts)[which] for parts in zip(*tables, strict=True))
        first = specs[0]
        return cls(
            settings=settings,
            n_levels=np.array([spec.n_levels for spec in specs]),
            ln_costs=ln_costs,
            inputs=inputs,
            worth=worth,
            has_memory=np.array([slo.memory for slo in first.slos]),
            is_floor=np.array([slo.sense is Sense.AT_LEAST for slo in first.slos]),
            stages=Stages(first) if can_be_pressed(first) else None,
        )

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Return (n, N, k, s, q)."""
        (n, n_rows, k), q = self.settings.shape, self.ln_costs.shape[-1]
        return n, n_rows, k, len(self.is_floor), q

    def rows(self, observations: Floats) -> Rows:
        """Return the settings in force by their first rows, shape (n,), of observations (n, n_observed)."""
        k = self.n_levels.shape[1]
        levels = np.rint(observations[:, :k] * (self.n_levels - 1)).astype(np.int64)
        rows = levels[:, 0]
        for knob in range(1, k):
            rows = rows * self.n_levels[:, knob] + levels[:, knob]
        return rows


def _tables(spec: ElasticitySpec, n_rows: int) -> tuple[Rows, Floats, Floats, Floats]:
    """Return settings, ln costs, inputs and worth of one spec, see `Streams`."""
    settings = joint_settings(spec.n_levels)
    settings = settings[np.arange(n_rows) % len(settings)]
    of_knobs = [np.log(np.array(knob.costs)) for knob in spec.knobs]  # (q, n_levels) each
    of_knobs = [costs - costs[:, -1:] for costs in of_knobs]
    by_stage = np.stack([costs[:, settings[:, i]] for i, costs in enumerate(of_knobs)], axis=-1)  # (q, N, k)
    steepest = [int(np.argmin(costs[:, 0])) for costs in of_knobs]
    by_slo = np.stack([by_stage[stage, :, i] for i, stage in enumerate(steepest)], axis=-1)
    channels = np.concatenate([by_stage, np.repeat(by_slo[np.newaxis], len(spec.slos), axis=0)])
    inputs = np.concatenate([np.ones((*channels.shape[:2], 1)), channels], axis=-1)
    shown = np.stack([spec.worth.at_once, spec.worth.when_shown(AGED_S)], axis=-1)
    return (
        settings,
        by_stage.sum(axis=-1).T.astype(np.float32),
        inputs.astype(np.float32),
        shown[np.arange(n_rows) % len(shown)].astype(np.float32),
    )
