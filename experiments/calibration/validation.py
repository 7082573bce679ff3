"""The gap between the worlds, measured: settings that no fit has seen, held in each world without an agent.

A machine drifts, ours two-fold within minutes. So before each setting a short reference is held: one at which
the workers are busy enough to tell their speed. What the reference takes, over what the profile has for it,
is the setting's speed factor, and the simulator's service times are multiplied by it: nothing that a setting
itself measured is used to predict it. The emulated pipeline, whose service times cannot change from setting
to setting, gets the median factor; the simulator is held against it at that, too.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Console

from envs.hardware import Hardware
from experiments.calibration.profile import mean_service_ms
from experiments.calibration.report import Comparison, compare, plot_scatter
from experiments.calibration.rig import MeasuringError
from experiments.config.programs import CalibrateConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.execution.certificate import Repeating
from experiments.program.console import ProgressView
from experiments.program.files import write_whole
from experiments.runs.episode import Steps, play
from experiments.statistics.agreement import METRICS
from experiments.worlds.pipeline import plan_pipeline
from experiments.worlds.plan import plan_twin
from pipeline.settings import Ladders

if TYPE_CHECKING:
    from experiments.worlds.plan import WorldEnv

AT_MEDIAN = "simulated_at_median"  # with the speed factor that the emulated pipeline had
SETTINGS, SUMMARY = "settings.parquet", "summary.json"
REFERENCE_BUSY = 0.6  # of the workers, at the reference setting

Levels = tuple[int, int, int]  # of fps, size, grade


class World(StrEnum):
    """Where a pipeline runs."""

    NATIVE = "native"  # workers compute
    EMULATED = "emulated"  # workers sleep the profile's service times
    SIMULATED = "simulated"  # nothing runs at all


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
        return [compare(self.settings, *pair) for pair in pairs]

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

    def write(self, directory: Path, head: Mapping[str, Any]) -> None:
        """Write tables, pictures and summary; `head` is what that begins with. Raises OSError."""
        write_whole(directory / SETTINGS, self.settings.to_parquet())
        for one in self.comparisons:
            write_whole(directory / f"{one}.parquet", one.table.to_parquet())
            plot_scatter(one, directory / f"{one}.png")
        write_whole(directory / SUMMARY, json.dumps({**head, **self.summary()}, indent=2) + "\n")


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


# --- which settings ---


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


# --- held in the worlds ---


def validate(config: CalibrateConfig, directory: Path, console: Console) -> Validation:
    """Hold all held-out settings in all worlds, inside a `hydra.main`, with the profile's service times.

    Raises:
        ConfigError, ValueError: something cannot be carried out.
        ClusterError, ControlError, MeasuringError: a pipeline broke.
    """
    order, wanted = check_validation(config), config.validation
    fps_levels = wanted.fps_levels or intermediate(plan_twin(config).system.ladders.fps)
    config = replace(config, video=replace(config.video, fps_levels=list(fps_levels)))
    system = plan_twin(config).system
    reference, profile_ms = reference_levels(system.ladders, system.hardware)
    how = _hold(config, reference)
    config = replace(config, env=replace(config.env, steps=how.n_steps, initial_levels=list(reference)))
    settings, rows = draw_settings(system.ladders, wanted.settings, config.seed), list[dict[str, Any]]()
    factors = [1.0] * len(settings)
    names = [str(world) for world in order]
    if {World.EMULATED, World.SIMULATED} <= set(order[1:]):
        names.append(AT_MEDIAN)
    with ProgressView(console, config.live, "validation", len(names) * len(settings), "settings") as view:
        for name in names:
            view.say(f"settings, {name}")
            world = World.SIMULATED if name == AT_MEDIAN else World(name)
            own = [float(np.median(factors))] * len(settings) if name == AT_MEDIAN else factors
            for held in held_in(world, config, how, settings, own, directory / "settings" / world, view):
                rows.append({"world": name, **held})
                view.done(f"settings, {name}")
            if name == order[0]:  # it is the truth: its speed is the others'
                factors = speed_factors([row["reference_ms"] for row in rows], profile_ms)
    return Validation(pd.DataFrame(rows), factors)


def held_in(
    world: World,
    config: CalibrateConfig,
    how: Hold,
    settings: Sequence[Levels],
    factors: Sequence[float],
    directory: Path,
    view: ProgressView,
) -> Iterator[dict[str, Any]]:
    """Yield what is read of each setting; a simulated world is made anew for each, at its own speed.

    All are episodes of the configured run; a real world gets the median of the settings' speed factors.
    """
    ladders, env = plan_twin(config).system.ladders, None
    with contextlib.ExitStack() as stack:
        for number, (levels, factor) in enumerate(zip(settings, factors, strict=True)):
            if world is World.SIMULATED:
                env = env_of(world, config, factor, directory, view)
            elif env is None:
                env = env_of(world, config, float(np.median(factors)), directory, view)
                stack.callback(env.close)
            # noise differs between settings, not between worlds
            figures, held = hold(env, how, levels, config.seed + number), ladders.settings(levels)
            labels = {"setting": number, "fps": held.fps, "width": held.width, "height": held.height}
            yield labels | {"grade": ladders.grades[held.grade], "weights": str(env.weights)} | figures


def env_of(
    world: World, config: CalibrateConfig, factor: float, directory: Path, view: ProgressView
) -> "WorldEnv":
    """Return the configured run in a world; service times, unless they are real, take `factor` times as long.

    Raises:
        ConfigError: something cannot be carried out; hardware that no world can compute with, for one.
    """
    if world is World.SIMULATED:
        twin = plan_twin(config)
        hardware = twin.system.hardware.slowed([factor] * len(twin.system.hardware.devices))
        return replace(twin, system=replace(twin.system, hardware=hardware)).make_env(directory, view.say)
    assert isinstance(config.env, PipelineSchema), "others were refused"
    plan = plan_pipeline(config, replace(config.env, emulate=world is World.EMULATED))
    if world is World.EMULATED:
        plan = replace(plan, hardware=plan.hardware.slowed([factor] * len(plan.hardware.devices)))
    return plan.make_env(directory, view.say)


def hold(env: Any, how: Hold, levels: Levels, seed: int) -> dict[str, float]:
    """Hold the reference, then a setting, in an episode of their own.

    Returns:
        "reference_ms", the mean service time at the reference, and the means of the METRICS at the setting,
        NaN if unknown.

    Raises:
        ClusterError: the pipeline broke.
        MeasuringError: nothing was processed at the reference.
    """
    kept = Steps()
    actions = np.array([how.reference] * how.n_reference + [levels] * how.n_hold)
    play(Repeating(env.elasticity, actions), env, seed, [kept])
    metrics = pd.DataFrame([step.info["metrics"] for step in kept.seen], dtype=float)
    reference_ms = metrics["service_ms"].iloc[1 : how.n_reference].mean()
    if np.isnan(reference_ms):
        raise MeasuringError("no frame was processed at the reference setting")
    means = metrics[[*METRICS]].iloc[how.n_reference + how.n_settle :].mean()
    return {"reference_ms": reference_ms, **means.to_dict()}


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
