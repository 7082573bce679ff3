"""The gap between the worlds, measured: held-out settings in each of them, compared with the truth.

A machine drifts, ours two-fold within minutes. So before each setting a short reference is held: one at which
the workers are busy enough to tell their speed. What the reference takes, over what the profile has for it,
is the setting's speed factor, and the simulator's service times are multiplied by it: nothing that a setting
itself measured is used to predict it. The emulated pipeline, whose service times cannot change from setting
to setting, gets the median factor; the simulator is held against it at that, too.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from envs.hardware import Hardware
from experiments.calibration.errors import compare, shares, typical_errors
from experiments.calibration.open_loop import (
    Hold,
    Levels,
    draw_settings,
    hold,
    intermediate,
    reference_levels,
)
from experiments.calibration.report import plot_scatter
from experiments.config.programs import CalibrateConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.program.console import ProgressView
from experiments.program.files import write_whole
from experiments.worlds.pipeline import PipelinePlan, plan_pipeline
from experiments.worlds.plan import plan_twin
from experiments.worlds.simulator import SimulatorPlan

AT_MEDIAN = "simulated_at_median"  # with the speed factor that the emulated pipeline had
SETTINGS, SUMMARY = "settings.parquet", "summary.json"


class World(StrEnum):
    """Where a pipeline runs."""

    NATIVE = "native"  # workers compute
    EMULATED = "emulated"  # workers sleep the profile's service times
    SIMULATED = "simulated"  # nothing runs at all


class Comparison(NamedTuple):
    """Two worlds over the held-out settings; `table` as `errors.compare` returns it."""

    true: str
    other: str
    table: pd.DataFrame

    def __str__(self) -> str:
        return f"{self.other}-against-{self.true}"

    def summary(self) -> dict[str, Any]:
        """Return plain figures."""
        return {
            "true": self.true,
            "other": self.other,
            "n_critical": int(self.table["is_critical"].to_numpy().sum()),
            "share_within": shares(self.table),
            "errors": typical_errors(self.table),
        }


@dataclass(frozen=True)
class Validation:
    """What came of it.

    Attributes:
        settings: one row per world and setting; the true world comes first.
        factors: speed factor per setting.
    """

    settings: pd.DataFrame
    factors: Sequence[float]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Every other world against the true one; at the emulated pipeline's speed, against that."""
        truth, *others = self.settings["world"].unique().tolist()
        pairs = [(str(World.EMULATED) if other == AT_MEDIAN else truth, other) for other in others]
        return [Comparison(*pair, compare(self.settings, *pair)) for pair in pairs]

    def summary(self) -> dict[str, Any]:
        """Return plain figures."""
        first = self.settings.iloc[0]
        low, middle, high = np.quantile(self.factors, (0.0, 0.5, 1.0)).tolist()
        return {
            "truth": first["world"],
            "weights": first["weights"],
            "n_settings": len(self.factors),
            "speed_factor": {"min": low, "median": middle, "max": high},
            "comparisons": [one.summary() for one in self.comparisons],
        }

    def write(self, directory: Path, head: Mapping[str, Any]) -> list[Path]:
        """Write tables, pictures and summary; returns the files."""
        tables = {SETTINGS: self.settings}
        tables |= {f"{one}.parquet": one.table for one in self.comparisons}
        for one in self.comparisons:
            plot_scatter(one.table, one.true, one.other, directory / f"{one}.png")
        for name, table in tables.items():
            write_whole(directory / name, table.to_parquet())
        write_whole(directory / SUMMARY, json.dumps({**head, **self.summary()}, indent=2) + "\n")
        return [directory / name for name in (*tables, *(f"{one}.png" for one in self.comparisons), SUMMARY)]


# --- the worlds ---


def real_plan(config: CalibrateConfig, world: World, factor: float) -> PipelinePlan:
    """Plan the configured run in a real world; emulated service times are `factor` times the profile's.

    Raises:
        ConfigError: something cannot be carried out; hardware that no world can compute with, for one.
    """
    assert isinstance(config.env, PipelineSchema), "others were refused"
    plan = plan_pipeline(config, replace(config.env, emulate=world is World.EMULATED))
    return plan if world is World.NATIVE else replace(plan, hardware=slowed(plan.hardware, factor))


def simulated_plan(config: CalibrateConfig, factor: float = 1.0) -> SimulatorPlan:
    """Plan the configured run in the simulator, service times likewise. Raises ConfigError."""
    plan = plan_twin(config)
    return replace(plan, system=replace(plan.system, hardware=slowed(plan.system.hardware, factor)))


def slowed(hardware: Hardware, factor: float) -> Hardware:
    """Return hardware of which every device takes so many times as long."""
    return hardware.slowed([factor] * len(hardware.devices))


def check_validation(config: CalibrateConfig) -> list[World]:
    """Return the worlds in their order. Raises ValueError for what makes no sense."""
    wanted = config.validation
    if unknown := sorted(set(wanted.worlds) - set(World)):
        raise ValueError(f"worlds are {', '.join(World)}, got {', '.join(unknown)} (validation.worlds)")
    order = [World(name) for name in wanted.worlds]
    if len(set(order)) < max(len(order), 2) or order[0] is World.SIMULATED:
        raise ValueError(
            f"expected two different worlds or more, a real one first, got {[*order]} (validation.worlds)"
        )
    if wanted.settings < 1:
        raise ValueError(f"settings must be >= 1, got {wanted.settings}")
    _hold(config, (0, 0, 0))
    return order


def _hold(config: CalibrateConfig, reference: Levels) -> Hold:
    """Return how each setting is held, in whole control intervals. Raises ValueError."""
    wanted, interval_s = config.validation, config.env.control_interval_s
    lengths_s = (wanted.reference_s, wanted.hold_s, wanted.settle_s)
    return Hold(reference, *(round(length_s / interval_s) for length_s in lengths_s))


# --- through them ---


def validate(config: CalibrateConfig, directory: Path, view: ProgressView) -> Validation:
    """Hold all held-out settings in all worlds, inside a `hydra.main`, with the profile's service times.

    Raises:
        ConfigError, ValueError: something cannot be carried out.
        ClusterError, ControlError, MeasuringError: a pipeline broke.
    """
    order, wanted = check_validation(config), config.validation
    fps_levels = wanted.fps_levels or intermediate(simulated_plan(config).system.ladders.fps)
    config = replace(config, video=replace(config.video, fps_levels=list(fps_levels)))
    system = simulated_plan(config).system
    reference, profile_ms = reference_levels(system.ladders, system.hardware)
    how = _hold(config, reference)
    config = replace(config, env=replace(config.env, steps=how.n_steps, initial_levels=list(reference)))
    settings, rows = draw_settings(system.ladders, wanted.settings, config.seed), list[dict[str, Any]]()
    factors = [1.0] * len(settings)
    for world in order:
        view.say(f"settings, {world}")
        found = []
        for row in held_in(world, config, how, settings, factors, directory / "settings" / world, view.say):
            found.append(row)
            view.done(f"settings, {world}")
        if not rows:  # the first world is the truth: its speed is the others'
            factors = speed_factors([row["reference_ms"] for row in found], profile_ms)
        rows += found
    if {World.EMULATED, World.SIMULATED} <= set(order[1:]):
        median = [float(np.median(factors))] * len(settings)
        found = held_in(World.SIMULATED, config, how, settings, median, Path(), view.say)
        rows += [{**row, "world": AT_MEDIAN} for row in found]
    return Validation(pd.DataFrame(rows), factors)


def held_in(
    world: World,
    config: CalibrateConfig,
    how: Hold,
    settings: Sequence[Levels],
    factors: Sequence[float],
    directory: Path,
    say: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """Yield what is read of each setting; a simulated world is made anew for each, at its own speed.

    All are episodes of the configured run; a real world gets the median of the settings' speed factors.
    """
    ladders, env = simulated_plan(config).system.ladders, None
    with contextlib.ExitStack() as stack:
        if world is not World.SIMULATED:
            env = real_plan(config, world, float(np.median(factors))).make_env(directory, say)
            stack.callback(env.close)
        for number, (levels, factor) in enumerate(zip(settings, factors, strict=True)):
            own = env or simulated_plan(config, factor).make_env(directory, say)
            # noise differs between settings, not between worlds
            figures, held = hold(own, how, levels, config.seed + number), ladders.settings(levels)
            labels = {"setting": number, "fps": held.fps, "width": held.width, "height": held.height}
            labels |= {"grade": ladders.grades[held.grade], "weights": str(own.weights)}
            yield {"world": str(world), **labels, **figures}


def speed_factors(references_ms: Sequence[float], profile_ms: float) -> list[float]:
    """Return how many times the profile's service times this machine takes during each setting.

    A setting's figure is the mean of the reference before it and of the one before the next, so that a
    machine that drifts is met half-way. The last has only its own.

    Args:
        references_ms: mean service time of the reference before each setting, > 0.
        profile_ms: what the profile has for it, > 0.
    """
    before = np.asarray(references_ms)
    return ((before + np.append(before[1:], before[-1])) / 2 / profile_ms).tolist()
