"""Trainings in drawn worlds: streams, grids, thresholds, hardware, scenarios and telemetry of every kind."""

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from agents.training import Side, Worlds
from envs.procedural import ranges, screening
from envs.procedural.world import SHARES, Split, numbers, refuse_evaluation, split_of, world
from envs.simulator.system import Cell
from experiments.config.programs import DrawnSchema, TrainConfig
from experiments.program.errors import blaming
from experiments.runs.provenance import digest, file_hash, source_of
from experiments.training.setup import HELD_OUT_SEED, TrainingSetup, check_judging


def training_numbers(first: int, n: int) -> range:
    """Return the worlds from `first` on. Raises ValueError: one is not to be trained or searched on."""
    found = range(first, first + n)
    for number in found:
        refuse_evaluation(number)
        if split_of(number) is not Split.TRAINING:
            raise ValueError(f"world {number} is for validation: nothing is trained or searched on it")
    return found


def cells_of_worlds(found: Sequence[int]) -> list[Cell]:
    """Return drawn worlds; those that were not drawn yet are now, one by one."""
    return [world(number).cell for number in found]


def mixture(cells: Sequence[Cell], is_staggered: bool, n: int) -> Side:
    """Return so many simulated environments, each cell's in turn; see `Mixture`."""
    from envs.simulator.mixture import Mixture  # compiles

    envs = Mixture(cells, n, is_staggered)
    return Side(envs, envs.specs)


def drawn_setup(config: TrainConfig, is_judged: bool) -> TrainingSetup:
    """Plan a training in drawn worlds; none of them is drawn yet.

    Args:
        config: with `training` of DrawnSchema.
        is_judged: whether worlds to validate on are wanted.

    Raises:
        ConfigError: something in it is wrong.
    """
    schema = config.training
    assert isinstance(schema, DrawnSchema)
    with blaming("training"):
        check_judging(schema)
        if schema.worlds < 1:
            raise ValueError(f"worlds must be >= 1, got {schema.worlds}")
        found = training_numbers(schema.first, schema.worlds + schema.held_out_episodes)
        kept = numbers(Split.VALIDATION, schema.evaluation_worlds, "") if is_judged else range(0)
    training, held_out = found[: schema.worlds], found[schema.worlds :]
    return TrainingSetup(
        worlds=Worlds(
            training=lambda n: mixture(cells_of_worlds(training), True, n),
            held_out=lambda n: mixture(cells_of_worlds(held_out), False, n),
            held_out_seeds=range(HELD_OUT_SEED, HELD_OUT_SEED + len(held_out)),
        ),
        names=tuple(f"world {number}" for number in training),
        evaluation={f"world {number}": partial(env_of, number) for number in kept},
        substance=[sampler_hash(), schema.first, schema.worlds],
        numbers=(*found, *kept),
    )


def env_of(number: int) -> Any:
    """Return the environment of a drawn world."""
    from envs.simulator.env import SimulatorEnv  # compiles

    cell = world(number).cell
    return SimulatorEnv(cell.spec, cell.systems)


@cache
def sampler_hash() -> str:
    """Return 12 hexadecimal digits that change with the distribution that worlds are drawn from."""
    paths = [source_of(module.__name__) for module in (ranges, screening)]
    return digest({"shares": SHARES, "sources": [file_hash(path) for path in paths if path is not None]})
