"""The gap between the worlds, measured: held-out settings and agents' closed loops, compared with the truth.

How speeds are made equal is in `experiments.calibration.worlds`. The simulator is held against the emulated
pipeline at the speed factor that this had, too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.console import Console

from agents.base import Agent
from experiments.calibration.closed_loop import agent_for, figures_of, values_of
from experiments.calibration.errors import compare, ranks, shares, typical_errors
from experiments.calibration.open_loop import (
    Hold,
    Levels,
    draw_settings,
    hold,
    hold_reference,
    intermediate,
    reference_levels,
)
from experiments.calibration.report import plot_agents, plot_scatter
from experiments.calibration.worlds import Block, World, in_world, simulated_plan, through_worlds
from experiments.config.composing import option
from experiments.config.programs import CalibrateConfig
from experiments.program.console import ProgressView
from experiments.program.files import write_whole
from experiments.worlds.simulator import SimulatorPlan

AT_MEDIAN = "simulated_at_median"  # with the speed factor that the emulated pipeline had
SETTINGS, LOOPS, SUMMARY, AGENTS_PICTURE = "settings.parquet", "loops.parquet", "summary.json", "agents.png"


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
        loops: one row per scenario, world and agent; empty if no agents were asked for.
    """

    settings: pd.DataFrame
    factors: Sequence[float]
    loops: pd.DataFrame

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
            "agents": {
                "ranks": ranks(self.loops, first["world"]) if len(self.loops) else {},
                "scores": self.loops.to_dict("records"),
            },
        }

    def write(self, directory: Path, head: Mapping[str, Any]) -> list[Path]:
        """Write tables, pictures and summary; returns the files."""
        tables, pictures = {SETTINGS: self.settings}, []
        for one in self.comparisons:
            tables[f"{one}.parquet"] = one.table
            plot_scatter(one.table, one.true, one.other, directory / f"{one}.png")
            pictures.append(f"{one}.png")
        if len(self.loops):
            tables[LOOPS] = self.loops
            plot_agents(self.loops, directory / AGENTS_PICTURE)
            pictures.append(AGENTS_PICTURE)
        for name, table in tables.items():
            write_whole(directory / name, table.to_parquet())
        write_whole(directory / SUMMARY, json.dumps({**head, **self.summary()}, indent=2) + "\n")
        return [directory / name for name in (*tables, *pictures, SUMMARY)]


def n_blocks(config: CalibrateConfig) -> int:
    """Count settings and agents to run through, in all worlds."""
    wanted = config.validation
    return len(wanted.worlds) * (wanted.settings + len(wanted.agents) * len(wanted.scenarios))


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
    if wanted.settings < 1 or wanted.steps < 1:
        raise ValueError(f"settings and steps must be >= 1, got {wanted.settings} and {wanted.steps}")
    n_reference = _hold(config, (0, 0, 0)).n_reference
    if wanted.agents and wanted.steps < n_reference:
        raise ValueError(
            f"steps must be >= the {n_reference} intervals of the reference, got {wanted.steps} "
            "(validation.steps, validation.reference_s)"
        )
    return order


def check_names(config: CalibrateConfig) -> None:
    """Raise ConfigError or HydraException for an agent or a scenario that there is not."""
    for name in config.validation.agents:
        values_of(name, config.results)
    for name in config.validation.scenarios:
        option("scenario", name)


def validate(config: CalibrateConfig, directory: Path, view: ProgressView, console: Console) -> Validation:
    """Run everything in every world, inside a `hydra.main`.

    Args:
        config: with the profile's service times.
        directory: gets the programs' logs.
        view: shows each.
        console: shows the training of agents that never were trained.

    Raises:
        ConfigError, ValueError, HydraException: something cannot be carried out.
        TrainingError: a training broke.
        ClusterError, ControlError, MeasuringError: a pipeline broke.
    """
    order = check_validation(config)
    plan = simulated_plan(config)
    agents = {name: agent_for(name, plan, console) for name in config.validation.agents}
    settings, factors = hold_settings(config, order, directory, view)
    rows = []
    for scenario in config.validation.scenarios if agents else ():
        found = close_loops(config, scenario, agents, order, directory, view)
        rows += [{"scenario": scenario, **row} for row in found]
    return Validation(settings, factors, pd.DataFrame(rows))


def hold_settings(
    config: CalibrateConfig, order: Sequence[World], directory: Path, view: ProgressView
) -> tuple[pd.DataFrame, list[float]]:
    """Hold all held-out settings in all worlds; returns a row per world and setting, and speed factors."""
    wanted = config.validation
    fps_levels = wanted.fps_levels or intermediate(simulated_plan(config).system.ladders.fps)
    config = replace(config, video=replace(config.video, fps_levels=list(fps_levels)))
    system = simulated_plan(config).system
    reference, profile_ms = reference_levels(system.ladders, system.hardware)
    how = _hold(config, reference)
    config = replace(config, env=replace(config.env, steps=how.n_steps, initial_levels=list(reference)))

    def block(number: int, levels: Levels) -> Block:
        def measure(env: Any, twin: SimulatorPlan) -> dict[str, float]:
            return hold(env, how, levels, config.seed + number)  # noise differs between settings, not worlds

        held = system.ladders.settings(levels)
        labels = {"setting": number, "fps": held.fps, "width": held.width, "height": held.height}
        return Block({**labels, "grade": system.ladders.grades[held.grade]}, measure)

    settings = draw_settings(system.ladders, wanted.settings, config.seed)
    blocks = [block(number, levels) for number, levels in enumerate(settings)]
    rows, factors = through_worlds(config, order, blocks, profile_ms, directory / "settings", view)
    if {World.EMULATED, World.SIMULATED} <= set(order[1:]):
        median, nothing = [float(np.median(factors))] * len(blocks), [0.0] * len(blocks)
        found = in_world(config, World.SIMULATED, blocks, median, nothing, Path(), view.say)
        rows += [{**row, "world": AT_MEDIAN} for row in found]
    return pd.DataFrame(rows), factors


def _hold(config: CalibrateConfig, reference: Levels) -> Hold:
    """Return how each setting is held, in whole control intervals. Raises ValueError."""
    wanted, interval_s = config.validation, config.env.control_interval_s
    lengths_s = (wanted.reference_s, wanted.hold_s, wanted.settle_s)
    return Hold(reference, *(round(length_s / interval_s) for length_s in lengths_s))


def close_loops(
    config: CalibrateConfig,
    scenario: str,
    agents: Mapping[str, Agent],
    order: Sequence[World],
    directory: Path,
    view: ProgressView,
) -> list[dict[str, Any]]:
    """Let all agents play in one scenario, in all worlds, each after the reference."""
    env = replace(config.env, steps=config.validation.steps, initial_levels=None)
    config = replace(config, scenario=option("scenario", scenario), env=env)
    system = simulated_plan(config).system
    reference, profile_ms = reference_levels(system.ladders, system.hardware)
    n_reference = _hold(config, reference).n_reference

    def measure(agent: Agent, env: Any, twin: SimulatorPlan) -> dict[str, Any]:
        env.reset(seed=config.seed)
        reference_ms = hold_reference(env, reference, n_reference)
        return {**figures_of(agent, env, twin, config.seed), "reference_ms": reference_ms}

    blocks = [Block({"agent": name}, partial(measure, agent)) for name, agent in agents.items()]
    return through_worlds(config, order, blocks, profile_ms, directory / scenario, view)[0]
