"""The simulated worlds that a training needs: those it learns in, and those that are kept from it."""

import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from agents.training import Worlds
from envs.simulator.system import Cell, System
from experiments.config.composing import option
from experiments.config.programs import DrawnSchema, PairedSchema, TrainConfig
from experiments.config.schemas import NO_OUTPUT, PairsSchema, RunConfig, StreamConfig
from experiments.config.world_schemas import ReplaySchema, SimulatorSchema
from experiments.program.errors import ConfigError, blaming
from experiments.training.drawn import drawn_setup, mixture
from experiments.training.setup import HELD_OUT_SEED, TrainingSetup, check_judging, replay_setup
from experiments.worlds.simulator import SimulatorPlan, plan_simulator

logger = logging.getLogger(__name__)


class Pair(NamedTuple):
    """Names of files in conf/hardware and conf/scenario."""

    hardware: str
    scenario: str

    def __str__(self) -> str:
        return f"{self.hardware}/{self.scenario}"


def pairs_of(schema: PairsSchema) -> list[Pair]:
    """Every hardware with every scenario, each once."""
    return [Pair(*names) for names in dict.fromkeys(product(schema.hardware, schema.scenarios))]


def check_training(schema: PairedSchema) -> None:
    """Raise ValueError if something is out of range, or trained on though it is for evaluation."""
    training, evaluation = pairs_of(schema.pairs), pairs_of(schema.evaluation)
    if not training:
        raise ValueError("pairs must name at least one hardware and one scenario, got none")
    if both := [str(pair) for pair in training if pair in evaluation]:
        raise ValueError(f"{', '.join(both)} would be trained on and evaluated: take it out of one")
    if schema.variants < 1:
        raise ValueError(f"variants must be >= 1, got {schema.variants}")
    check_judging(schema)
    if not 0 < schema.lowest_capacity <= 1:
        raise ValueError(f"lowest_capacity must be in (0, 1], got {schema.lowest_capacity}")


def plans_of(config: StreamConfig, pairs: Sequence[Pair], seed: int) -> dict[Pair, SimulatorPlan]:
    """Plan each pair as a run of the simulator, inside a `hydra.main` or an initialised Hydra.

    Args:
        config: for everything but hardware and scenario, with `env` the simulator.
        pairs: wanted.
        seed: of the runs.

    Raises:
        ConfigError: a pair is not possible; it is named.
    """
    assert isinstance(config.env, SimulatorSchema)
    stream = {field.name: getattr(config, field.name) for field in fields(StreamConfig)}
    plans: dict[Pair, SimulatorPlan] = {}
    for pair in pairs:
        hardware, scenario = option("hardware", pair.hardware), option("scenario", pair.scenario)
        run = RunConfig(**stream, seed=seed, hardware=hardware, scenario=scenario, output=NO_OUTPUT)
        try:
            plans[pair] = plan_simulator(run, config.env)
        except ConfigError as error:
            raise ConfigError(f"{pair}: {error}") from error
    return plans


def variants_of(system: System, n: int, lowest_capacity: float, rng: np.random.Generator) -> list[System]:
    """The system as it is, and n - 1 weaker ones: all capacities times one share, log-uniform up to 1."""
    shares = np.exp(rng.uniform(math.log(lowest_capacity), 0.0, size=n - 1))
    return [system, *(weakened(system, float(share)) for share in shares)]


def weakened(system: System, share: float) -> System:
    """With this share of every worker's capacity."""
    devices = tuple(replace(device, capacity=device.capacity * share) for device in system.hardware.devices)
    capacities = tuple(capacity * share for capacity in system.scenario.capacities)
    return replace(
        system,
        hardware=replace(system.hardware, devices=devices),
        scenario=replace(system.scenario, capacities=capacities),
    )


def paired_cells(config: TrainConfig) -> list[Cell]:
    """Return every pair that is trained on, with all its variants; the config's seed draws their shares.

    Raises:
        ConfigError: a pair is not possible.
    """
    schema = config.training
    assert isinstance(schema, PairedSchema)
    plans = plans_of(config, pairs_of(schema.pairs), config.seed)
    rng = np.random.default_rng(config.seed)
    return [
        Cell(str(pair), plan.spec, variants_of(plan.system, schema.variants, schema.lowest_capacity, rng))
        for pair, plan in plans.items()
    ]


def paired_setup(config: TrainConfig, is_judged: bool) -> TrainingSetup:
    """Plan a training in pairs; the checkpoint is chosen in the same systems under other seeds.

    Args:
        config: with `training` of PairedSchema.
        is_judged: whether the worlds kept from training are wanted.

    Raises:
        ConfigError: something in it is wrong.
    """
    schema = config.training
    assert isinstance(schema, PairedSchema)
    with blaming("training"):
        check_training(schema)
    cells = paired_cells(config)
    kept = plans_of(config, pairs_of(schema.evaluation), config.seed) if is_judged else {}
    return TrainingSetup(
        worlds=Worlds(
            training=partial(mixture, cells, True),
            held_out=partial(mixture, cells, False),
            held_out_seeds=range(HELD_OUT_SEED, HELD_OUT_SEED + schema.held_out_episodes),
        ),
        names=tuple(cell.name for cell in cells),
        evaluation={str(pair): partial(plan.make_env, Path(), logger.info) for pair, plan in kept.items()},
        substance=[(cell.spec.hash, asdict(system)) for cell in cells for system in cell.systems],
    )


def setup_of(config: TrainConfig, is_judged: bool) -> TrainingSetup:
    """Plan where a training takes place.

    Args:
        config: of the training.
        is_judged: whether the worlds kept from training are wanted.

    Raises:
        ConfigError: something in it is wrong.
    """
    if isinstance(config.env, ReplaySchema):
        return replay_setup(config, is_judged)
    if isinstance(config.training, DrawnSchema):
        return drawn_setup(config, is_judged)
    return paired_setup(config, is_judged)
