"""The gap between the worlds, measured: held-out settings and agents' closed loops, compared with the truth.

A machine drifts, ours two-fold within minutes. So the truth is measured in blocks, one per setting or agent,
and before each a short reference: a setting at which the workers are busy enough to tell their speed. What
the reference takes, over what the profile has for it, is the block's speed factor (see
`errors.speed_factors`), and the simulator's service times are multiplied by it: nothing that a block itself
measured is used to predict it. The emulated pipeline, whose service times cannot change from block to block,
gets the median factor; so the simulator is held against it at that factor, too.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from experiments.calibration.closed_loop import Contest, MakeAgent, ranks, run_contest
from experiments.calibration.errors import compare, shares, speed_factors, typical_errors
from experiments.calibration.held_out import Levels, draw_settings, intermediate, reference_levels
from experiments.calibration.open_loop import Episode, Reading, hold_all, table_of
from experiments.calibration.pictures import plot_agents, plot_scatter
from experiments.calibration.profile import mean_service_ms
from experiments.calibration.schema import CalibrateConfig
from experiments.calibration.worlds import World, Worlds, worlds_of
from experiments.program.files import write_whole

AT_MEDIAN = "simulated_at_median"  # with the speed factor that the emulated pipeline had
SETTINGS, LOOPS, SUMMARY, AGENTS_PICTURE = "settings.parquet", "loops.parquet", "summary.json", "agents.png"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two worlds over the held-out settings; `table` as `errors.compare` returns it."""

    true: str
    other: str
    table: pd.DataFrame


class Held(NamedTuple):
    """Of the held-out settings: see `Validation`."""

    settings: pd.DataFrame
    comparisons: Sequence[Comparison]
    factors: Sequence[float]
    weights: str


@dataclass(frozen=True, slots=True)
class Validation:
    """What came of it.

    Attributes:
        settings: one row per setting and world.
        comparisons: of pairs of worlds.
        loops: one row per scenario, agent and world; empty if no agents were asked for.
        truth: the world that the others are held against.
        weights: of its workers' models.
        factors: speed factor per setting.
    """

    settings: pd.DataFrame
    comparisons: Sequence[Comparison]
    loops: pd.DataFrame
    truth: str
    weights: str
    factors: Sequence[float]

    def summary(self) -> dict[str, Any]:
        """Plain figures."""
        low, middle, high = (float(x) for x in np.quantile(self.factors, (0.0, 0.5, 1.0)))
        return {
            "truth": self.truth,
            "weights": self.weights,
            "n_settings": len(self.factors),
            "speed_factor": {"min": low, "median": middle, "max": high},
            "comparisons": [_figures(comparison) for comparison in self.comparisons],
            "agents": {
                "ranks": ranks(self.loops, self.truth) if len(self.loops) else {},
                "scores": self.loops.to_dict("records"),
            },
        }

    def write(self, directory: Path, head: dict[str, Any]) -> list[Path]:
        """Tables, pictures and summary; returns the files."""
        write_whole(directory / SETTINGS, self.settings.to_parquet())
        files = [directory / SETTINGS]
        for comparison in self.comparisons:
            stem = f"{comparison.other}-against-{comparison.true}"
            write_whole(directory / f"{stem}.parquet", comparison.table.to_parquet())
            plot_scatter(comparison.table, comparison.true, comparison.other, directory / f"{stem}.png")
            files += [directory / f"{stem}.parquet", directory / f"{stem}.png"]
        if len(self.loops):
            write_whole(directory / LOOPS, self.loops.to_parquet())
            plot_agents(self.loops, directory / AGENTS_PICTURE)
            files += [directory / LOOPS, directory / AGENTS_PICTURE]
        text = json.dumps({**head, **self.summary()}, indent=2)
        write_whole(directory / SUMMARY, text + "\n")
        return [*files, directory / SUMMARY]


def n_parts(config: CalibrateConfig) -> int:
    """Settings and agents to run through, in all worlds."""
    wanted = config.validation
    n_worlds = len(wanted.worlds)
    return n_worlds * (wanted.settings + len(wanted.agents) * len(wanted.scenarios))


def validate(
    config: CalibrateConfig,
    in_scenario: Callable[[str], CalibrateConfig],
    make_agent: MakeAgent,
    directory: Path,
    say: Callable[[str], None],
    advance: Callable[[], None],
) -> Validation:
    """Run everything in every world.

    Args:
        config: with the profile's service times.
        in_scenario: the same in another scenario.
        make_agent: of a name.
        directory: for the programs' logs.
        say, advance: of progress: what is done; that a part is done.

    Raises:
        ConfigError, ValueError: something cannot be carried out.
        HoldingError, ClusterError, ControlError: a pipeline broke.
    """
    order = check_validation(config)
    held = _hold_settings(config, order, directory, say, advance)
    tables = [
        _contest(in_scenario(scenario), scenario, order, make_agent, directory, say, advance)
        for scenario in config.validation.scenarios
        if config.validation.agents
    ]
    loops = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return Validation(held.settings, held.comparisons, loops, order[0], held.weights, held.factors)


def check_validation(config: CalibrateConfig) -> list[World]:
    """The worlds in their order. Raises ValueError for what makes no sense."""
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
    _episode(config, (0, 0, 0))
    return order


def _hold_settings(
    config: CalibrateConfig,
    order: Sequence[World],
    directory: Path,
    say: Callable[[str], None],
    advance: Callable[[], None],
) -> Held:
    """All held-out settings in all worlds."""
    worlds, episode = _ladder_of_settings(config, order)
    settings = draw_settings(worlds.ladders, config.validation.settings, config.seed)
    readings: dict[str, list[Reading]] = {}
    factors, weights = [1.0] * len(settings), ""
    for place, world in enumerate(order):
        say(f"settings, {world}")
        if world is World.SIMULATED:
            readings[world] = _simulate(worlds, episode, settings, factors, config.seed, say, advance)
            continue
        factor = 1.0 if place == 0 else float(np.median(factors))
        env = worlds.make_env(world, directory / f"settings-{world}", say, factor)
        try:
            readings[world] = hold_all(env, episode, settings, config.seed, advance)
            weights = weights or str(env.weights)
        finally:
            env.close()
        if place == 0:
            references_ms = [reading.reference_ms for reading in readings[world]]
            factors = speed_factors(references_ms, _profile_ms(worlds, episode.reference))
    pairs: list[tuple[str, str]] = [(order[0], other) for other in order[1:]]
    if {World.EMULATED, World.SIMULATED} <= set(order[1:]):
        alike = [float(np.median(factors))] * len(settings)
        readings[AT_MEDIAN] = _simulate(worlds, episode, settings, alike, config.seed, say, lambda: None)
        pairs.append((World.EMULATED, AT_MEDIAN))
    table = table_of(readings, settings, lambda chosen: _describe(worlds, chosen))
    comparisons = [Comparison(true, other, compare(table, true, other)) for true, other in pairs]
    return Held(table, comparisons, factors, weights)


def _ladder_of_settings(config: CalibrateConfig, order: Sequence[World]) -> tuple[Worlds, Episode]:
    """The stream with rates that no calibration has seen, and how each of its settings is held."""
    levels = config.validation.fps_levels or intermediate(worlds_of(config, order, 1).ladders.fps)
    ladder = worlds_of(config, order, 1, fps_levels=levels)
    episode = _episode(config, reference_levels(ladder.ladders, ladder.profile))
    return worlds_of(config, order, episode.n_steps, episode.reference, levels), episode


def _episode(config: CalibrateConfig, reference: Levels) -> Episode:
    """Lengths in whole control intervals."""
    wanted, interval_s = config.validation, config.env.control_interval_s
    reference_s, hold_s, settle_s = wanted.reference_s, wanted.hold_s, wanted.settle_s
    return Episode(
        reference, round(reference_s / interval_s), round(hold_s / interval_s), round(settle_s / interval_s)
    )


def _simulate(
    worlds: Worlds,
    episode: Episode,
    settings: Sequence[Levels],
    factors: Sequence[float],
    seed: int,
    say: Callable[[str], None],
    advance: Callable[[], None],
) -> list[Reading]:
    """Every setting at its own block's speed."""
    readings = []
    for number, (levels, factor) in enumerate(zip(settings, factors, strict=True)):
        env = worlds.make_env(World.SIMULATED, Path(), say, factor)
        readings += hold_all(env, episode, [levels], seed + number, advance)
        env.close()
    return readings


def _contest(
    config: CalibrateConfig,
    scenario: str,
    order: Sequence[World],
    make_agent: MakeAgent,
    directory: Path,
    say: Callable[[str], None],
    advance: Callable[[], None],
) -> pd.DataFrame:
    """All agents in one scenario, in all worlds."""
    wanted = config.validation
    worlds = worlds_of(config, order, wanted.steps)
    reference = reference_levels(worlds.ladders, worlds.profile)
    contest = Contest(
        scenario=scenario,
        agents=wanted.agents,
        reference=reference,
        reference_ms=_profile_ms(worlds, reference),
        n_reference=max(2, round(wanted.reference_s / config.env.control_interval_s)),
        seed=config.seed,
    )
    return run_contest(contest, worlds, order, make_agent, directory, say, advance)


def _profile_ms(worlds: Worlds, levels: Levels) -> float:
    settings = worlds.ladders.settings(levels)
    grade = worlds.ladders.grades[settings.grade]
    return mean_service_ms(worlds.profile, grade, settings.width, settings.height)


def _describe(worlds: Worlds, levels: Levels) -> dict[str, Any]:
    settings = worlds.ladders.settings(levels)
    grade = worlds.ladders.grades[settings.grade]
    return {"fps": settings.fps, "width": settings.width, "height": settings.height, "grade": grade}


def _figures(comparison: Comparison) -> dict[str, Any]:
    table = comparison.table
    return {
        "true": str(comparison.true),
        "other": str(comparison.other),
        "n_critical": int(table["is_critical"].to_numpy().sum()),
        "share_within": shares(table),
        "errors": typical_errors(table),
    }
