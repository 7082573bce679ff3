"""What a training takes place on, whatever the world, and what it is known by.

In the replay world that is the data set itself, episode after episode. Every row is met in training and in
evaluation: rows are draws from what a setting is like, so what is held out is which of them come when, as
with the noise of the simulator.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.learned.features import VERSION
from agents.learned.recipe import Recipe
from agents.training import Side, Worlds
from experiments.config.programs import JudgingSchema, TrainConfig
from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import ReplaySchema, ScenarioSchema
from experiments.program.errors import blaming
from experiments.runs.provenance import digest
from experiments.worlds.replay import plan_replay

HELD_OUT_SEED = 1_000_000  # the first; training begins its episodes with seeds from the run's own on
REPLAY = "replay"  # of conf/training: on the data set of the replay world


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """Where an agent learns, and where it is judged.

    Attributes:
        worlds: to learn in, and to choose the checkpoint in.
        names: of the worlds that are trained on.
        evaluation: makes environments that were kept from training, by name.
        substance: all that can make a difference in `worlds`, as JSON can write it.
        numbers: of the drawn worlds among all of these, which are to be drawn first.
    """

    worlds: Worlds
    names: tuple[str, ...]
    evaluation: Mapping[str, Callable[[], Any]]
    substance: Any
    numbers: tuple[int, ...] = ()


def check_judging(schema: JudgingSchema) -> None:
    """Raise ValueError if a number of episodes is out of range."""
    for name in ("held_out_episodes", "evaluation_seeds"):
        if getattr(schema, name) < 1:
            raise ValueError(f"{name} must be >= 1, got {getattr(schema, name)}")


def training_hash(setup: TrainingSetup, algorithm: str, recipe: Recipe) -> str:
    """Return 12 hexadecimal digits that change with whatever a training depends on but the code."""
    return digest(
        {
            "features": VERSION,
            "algorithm": algorithm,
            "recipe": asdict(recipe),
            "worlds": setup.substance,
            "held_out": list(setup.worlds.held_out_seeds),
        }
    )


def replay_setup(config: TrainConfig, is_judged: bool) -> TrainingSetup:
    """Plan a training in the replay world.

    Args:
        config: with `env` the replay's.
        is_judged: whether the world is wanted for evaluation too.

    Raises:
        ConfigError: something in it is wrong.
    """
    assert isinstance(config.env, ReplaySchema)
    with blaming("training"):
        check_judging(config.training)
    run = RunConfig(seed=config.seed, env=config.env, scenario=ScenarioSchema(streams=1, events=[]))
    plan = plan_replay(run, config.env)

    make_env = partial(plan.make_env, Path(), lambda _: None)

    def make(n: int) -> Side:
        return Side(SyncVectorEnv([make_env] * n, autoreset_mode=AutoresetMode.SAME_STEP), [plan.spec] * n)

    measured = hashlib.sha256(b"".join(rows.tobytes() for rows in plan.data.table.rows)).hexdigest()
    held_out = range(HELD_OUT_SEED, HELD_OUT_SEED + config.training.held_out_episodes)
    return TrainingSetup(
        worlds=Worlds(make, make, held_out),
        names=(REPLAY,),
        evaluation={REPLAY: make_env} if is_judged else {},
        substance=[plan.spec.hash, measured, config.env.steps, config.env.initial_levels],
    )
