"""What a training takes place in, whatever the world, what is kept from it, and what it is known by."""

import hashlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.learned.features import VERSION
from agents.learned.recipe import Recipe
from agents.training import Side, Worlds
from envs.procedural import ranges, screening
from envs.procedural.world import SHARES, Split, numbers, refuse_evaluation, split_of, world
from envs.simulator.system import Cell, System
from experiments.config.composing import option
from experiments.config.programs import DrawnSchema, PairedSchema, PairsSchema, TrainConfig
from experiments.config.schemas import (
    HardwareSchema,
    ReplaySchema,
    ScenarioSchema,
    SimulatorSchema,
    StreamConfig,
    unrecorded,
)
from experiments.program.errors import ConfigError, blaming
from experiments.runs.provenance import digest, sha256, source_of
from experiments.worlds.plan import SimulatorPlan, plan_replay, plan_simulator

if TYPE_CHECKING:  # compiles
    from envs.simulator.env import SimulatorEnv

HELD_OUT_SEED = 1_000_000  # the first; training begins its episodes with seeds from the run's own on
REPLAY = "replay"  # of conf/training: on the data set of the replay world
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """Where an agent learns, and where it is judged."""

    worlds: Worlds  # to learn in, and to choose the checkpoint in
    names: tuple[str, ...]  # of the worlds that are trained on
    evaluation: Mapping[str, Callable[[], Any]]  # makes environments that were kept from training, by name
    substance: Any  # all that can make a difference in `worlds`, as JSON can write it
    numbers: tuple[int, ...] = ()  # of the drawn worlds among all of these, which are to be drawn first


def training_hash(setup: TrainingSetup, algorithm: str, recipe: Recipe) -> str:
    """Return 12 hexadecimal digits that change with whatever a training depends on but the code."""
    found = {"features": VERSION, "algorithm": algorithm, "recipe": asdict(recipe), "worlds": setup.substance}
    return digest({**found, "held_out": list(setup.worlds.held_out_seeds)})


def setup_of(config: TrainConfig, is_judged: bool) -> TrainingSetup:
    """Plan where a training takes place, and is judged if asked for; no world is drawn yet.

    Raises ConfigError: something in it is wrong.
    """
    with blaming("training"):
        for name in ("held_out_episodes", "evaluation_seeds"):
            if getattr(config.training, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(config.training, name)}")
    if isinstance(config.env, ReplaySchema):
        return _in_replay(config, config.env, is_judged)
    if isinstance(config.training, DrawnSchema):
        return _in_drawn_worlds(config.training, is_judged)
    assert isinstance(config.training, PairedSchema)
    return _in_pairs(config, config.training, is_judged)


# --- drawn worlds: streams, grids, thresholds, hardware, scenarios and telemetry of every kind ---


def training_numbers(first: int, n: int) -> range:
    """Return the worlds from `first` on. Raises ValueError: one is not to be trained or searched on."""
    found = range(first, first + n)
    for number in found:
        refuse_evaluation(number)
        if split_of(number) is not Split.TRAINING:
            raise ValueError(f"world {number} is for validation: nothing is trained or searched on it")
    return found


def mixture(cells: Iterable[Cell], is_staggered: bool, n: int) -> Side:
    """Return so many simulated environments, each cell's in turn; see `Mixture`."""
    from envs.simulator.mixture import Mixture  # compiles

    envs = Mixture([*cells], n, is_staggered)
    return Side(envs, envs.specs)


def _in_drawn_worlds(schema: DrawnSchema, is_judged: bool) -> TrainingSetup:
    with blaming("training"):
        if schema.worlds < 1:
            raise ValueError(f"worlds must be >= 1, got {schema.worlds}")
        found = training_numbers(schema.first, schema.worlds + schema.held_out_episodes)
        kept = numbers(Split.VALIDATION, schema.evaluation_worlds, "") if is_judged else range(0)
    training, held_out = found[: schema.worlds], found[schema.worlds :]
    return TrainingSetup(
        worlds=Worlds(
            training=lambda n: mixture((world(number).cell for number in training), True, n),
            held_out=lambda n: mixture((world(number).cell for number in held_out), False, n),
            held_out_seeds=range(HELD_OUT_SEED, HELD_OUT_SEED + len(held_out)),
        ),
        names=tuple(f"world {number}" for number in training),
        evaluation={f"world {number}": lambda number=number: env_of(world(number).cell) for number in kept},
        substance=[sampler_hash(), schema.first, schema.worlds],
        numbers=(*found, *kept),
    )


def env_of(cell: Cell) -> "SimulatorEnv":
    """Return the environment of a simulated world."""
    from envs.simulator.env import SimulatorEnv  # compiles

    return SimulatorEnv(cell.spec, cell.systems)


@cache
def sampler_hash() -> str:
    """Return 12 hexadecimal digits that change with the distribution that worlds are drawn from."""
    paths = [source_of(module.__name__) for module in (ranges, screening)]
    return digest({"shares": SHARES, "sources": [sha256(path)[:12] for path in paths if path is not None]})


# --- the replay world: the data set itself, episode after episode ---
#
# Every row is met in training and in evaluation: what is held out is which of them come when.


def _in_replay(config: TrainConfig, env: ReplaySchema, is_judged: bool) -> TrainingSetup:
    run = unrecorded(config, config.seed, HardwareSchema(), ScenarioSchema(streams=1, events=[]))
    plan = plan_replay(run, env)
    make_env = partial(plan.make_env, Path(), lambda _: None)

    def make(n: int) -> Side:
        return Side(SyncVectorEnv([make_env] * n, autoreset_mode=AutoresetMode.SAME_STEP), [plan.spec] * n)

    measured = hashlib.sha256(b"".join(rows.tobytes() for rows in plan.data.table.rows)).hexdigest()
    return TrainingSetup(
        worlds=Worlds(make, make, range(HELD_OUT_SEED, HELD_OUT_SEED + config.training.held_out_episodes)),
        names=(REPLAY,),
        evaluation={REPLAY: make_env} if is_judged else {},
        substance=[plan.spec.hash, measured, env.steps, env.initial_levels],
    )


# --- named worlds: pairs of hardware and scenario ---


class Pair(NamedTuple):
    """Names of files in conf/hardware and conf/scenario."""

    hardware: str
    scenario: str

    def __str__(self) -> str:
        return f"{self.hardware}/{self.scenario}"


def pairs_of(schema: PairsSchema) -> list[Pair]:
    """Every hardware with every scenario, each once."""
    return [Pair(*names) for names in dict.fromkeys(product(schema.hardware, schema.scenarios))]


def plans_of(config: StreamConfig, pairs: Sequence[Pair], seed: int) -> dict[Pair, SimulatorPlan]:
    """Plan each pair as a run of the simulator, inside a `hydra.main` or an initialised Hydra.

    `config` says all but hardware and scenario. Raises ConfigError: a pair is not possible; it is named.
    """
    assert isinstance(config.env, SimulatorSchema)
    plans: dict[Pair, SimulatorPlan] = {}
    for pair in pairs:
        hardware, scenario = option("hardware", pair.hardware), option("scenario", pair.scenario)
        try:
            plans[pair] = plan_simulator(unrecorded(config, seed, hardware, scenario), config.env)
        except ConfigError as error:
            raise ConfigError(f"{pair}: {error}") from error
    return plans


def variants_of(system: System, n: int, lowest_capacity: float, rng: np.random.Generator) -> list[System]:
    """Return the system as it is, and n - 1 weaker ones: capacities times one share, log-uniform up to 1."""
    found, hardware, scenario = [system], system.hardware, system.scenario
    for share in np.exp(rng.uniform(math.log(lowest_capacity), 0.0, size=n - 1)).tolist():
        devices = tuple(replace(device, capacity=device.capacity * share) for device in hardware.devices)
        capacities = tuple(capacity * share for capacity in scenario.capacities)
        weaker = replace(hardware, devices=devices), replace(scenario, capacities=capacities)
        found.append(replace(system, hardware=weaker[0], scenario=weaker[1]))
    return found


def paired_cells(config: TrainConfig, schema: PairedSchema) -> list[Cell]:
    """Return every pair that is trained on, with all its variants, whose shares the config's seed draws.

    Raises ConfigError: a pair is not possible, or also for evaluation, or a value is out of range.
    """
    training, evaluation = pairs_of(schema.pairs), pairs_of(schema.evaluation)
    with blaming("training"):
        if not training:
            raise ValueError("pairs must name at least one hardware and one scenario, got none")
        if both := [str(pair) for pair in training if pair in evaluation]:
            raise ValueError(f"{', '.join(both)} would be trained on and evaluated: take it out of one")
        if schema.variants < 1:
            raise ValueError(f"variants must be >= 1, got {schema.variants}")
        if not 0 < schema.lowest_capacity <= 1:
            raise ValueError(f"lowest_capacity must be in (0, 1], got {schema.lowest_capacity}")
    plans = plans_of(config, training, config.seed)
    rng = np.random.default_rng(config.seed)
    return [
        Cell(str(pair), plan.spec, variants_of(plan.system, schema.variants, schema.lowest_capacity, rng))
        for pair, plan in plans.items()
    ]


def _in_pairs(config: TrainConfig, schema: PairedSchema, is_judged: bool) -> TrainingSetup:
    cells = paired_cells(config, schema)  # the checkpoint is chosen in the same systems, under other seeds
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
