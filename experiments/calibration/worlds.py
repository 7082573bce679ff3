"""The worlds that are held against each other, and how what is measured goes through them block by block.

A machine drifts, ours two-fold within minutes. So the truth is measured in blocks, one per setting or agent,
and before each a short reference: a setting at which the workers are busy enough to tell their speed. What
the reference takes, over what the profile has for it, is the block's speed factor, and the simulator's
service times are multiplied by it: nothing that a block itself measured is used to predict it. The emulated
pipeline, whose service times cannot change from block to block, gets the median factor.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.calibration.profile import scaled
from experiments.config.programs import CalibrateConfig
from experiments.config.world_schemas import PipelineSchema
from experiments.program.console import ProgressView
from experiments.worlds.pipeline import PipelinePlan, plan_pipeline
from experiments.worlds.plan import plan_twin
from experiments.worlds.simulator import SimulatorPlan


class World(StrEnum):
    """Where a pipeline runs."""

    NATIVE = "native"  # workers compute
    EMULATED = "emulated"  # workers sleep the profile's service times
    SIMULATED = "simulated"  # nothing runs at all


class Block(NamedTuple):
    """What is measured in one go in every world: a setting that is held, or an agent that plays.

    Attributes:
        labels: what it is, the first columns of its rows.
        measure: of an environment and its simulated twin at the same speed: the figures, "reference_ms" with
            them, and "decision_ms_p50" if something decides.
    """

    labels: Mapping[str, Any]
    measure: Callable[[Any, SimulatorPlan], Mapping[str, Any]]


def real_plan(config: CalibrateConfig, world: World, factor: float = 1.0) -> PipelinePlan:
    """Plan the configured run in a real world; emulated service times are `factor` times the profile's.

    Raises:
        ConfigError: something cannot be carried out; hardware that no world can compute with, for one.
    """
    assert isinstance(config.env, PipelineSchema), "others were refused"
    plan = plan_pipeline(config, dataclasses.replace(config.env, emulate=world is World.EMULATED))
    if world is World.NATIVE:
        return plan
    return dataclasses.replace(plan, hardware=scaled(plan.hardware, factor))


def simulated_plan(config: CalibrateConfig, factor: float = 1.0, decision_ms: float = 0.0) -> SimulatorPlan:
    """Plan the configured run in the simulator.

    Args:
        factor: how many times the profile's service times everything takes.
        decision_ms: how long the agent thinks.

    Raises:
        ConfigError: as `real_plan`.
    """
    plan = plan_twin(config)
    hardware = scaled(plan.system.hardware, factor)
    system = dataclasses.replace(plan.system, hardware=hardware, decision_ms=decision_ms)
    return dataclasses.replace(plan, system=system)


def through_worlds(
    config: CalibrateConfig,
    worlds: Sequence[World],
    blocks: Sequence[Block],
    profile_ms: float,
    directory: Path,
    view: ProgressView,
) -> tuple[list[dict[str, Any]], list[float]]:
    """Measure every block in every world.

    Args:
        config: of the run that all blocks are episodes of.
        worlds: the first is the truth: its speed, and the time that agents think there, are the others'.
        blocks: in their order.
        profile_ms: the profile's service time at the reference.
        directory: gets the programs' logs.
        view: shows each.

    Returns:
        A row per world and block, the first world's first, and the speed factor of each block.

    Raises:
        ClusterError, ControlError, MeasuringError: a pipeline broke.
    """
    rows: list[dict[str, Any]] = []
    factors, decisions_ms = [1.0] * len(blocks), [0.0] * len(blocks)
    for world in worlds:
        view.say(f"{directory.name}, {world}")
        found = []
        for row in in_world(config, world, blocks, factors, decisions_ms, directory / world, view.say):
            found.append(row)
            view.done(f"{directory.name}, {world}")
        if not rows:
            factors = speed_factors([row["reference_ms"] for row in found], profile_ms)
            decisions_ms = [row.get("decision_ms_p50", 0.0) for row in found]
        rows += found
    return rows, factors


def in_world(
    config: CalibrateConfig,
    world: World,
    blocks: Sequence[Block],
    factors: Sequence[float],
    decisions_ms: Sequence[float],
    directory: Path,
    say: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """Yield the row of every block in one world; a simulated one is made anew for each, at its own speed.

    Args:
        config, world, blocks, directory: as for `through_worlds`.
        factors: speed factor per block; a real world gets the median.
        decisions_ms: that the agent of each block thinks, for a simulated world.
        say: told what start-up waits for.
    """
    median = float(np.median(factors))
    with contextlib.ExitStack() as stack:
        if world is not World.SIMULATED:
            twin = simulated_plan(config, median)
            env: Any = real_plan(config, world, median).make_env(directory, say)
            stack.callback(env.close)
        for block, factor, decision_ms in zip(blocks, factors, decisions_ms, strict=True):
            if world is World.SIMULATED:
                twin = simulated_plan(config, factor, decision_ms)
                env = twin.make_env(directory, say)
            figures = block.measure(env, twin)
            yield {"world": str(world), **block.labels, "weights": str(env.weights), **figures}


def speed_factors(references_ms: Sequence[float], profile_ms: float) -> list[float]:
    """Return how many times the profile's service times this machine takes during each block.

    A block's figure is the mean of the reference before it and of the one before the next, so that a machine
    that drifts is met half-way. The last has only its own.

    Args:
        references_ms: mean service time of the reference before each block, > 0.
        profile_ms: what the profile has for it, > 0.
    """
    before = np.asarray(references_ms)
    return ((before + np.append(before[1:], before[-1])) / 2 / profile_ms).tolist()
