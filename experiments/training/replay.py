"""Training in the replay world: the data set itself, episode after episode, other seeds held out."""

import hashlib
from pathlib import Path
from typing import Any

from gymnasium.vector import AutoresetMode, SyncVectorEnv

from agents.training import Worlds
from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import ReplaySchema, ScenarioSchema
from experiments.program.errors import blaming
from experiments.training.schemas import TrainConfig
from experiments.training.setup import HELD_OUT_SEED, TrainingSetup, check_judging
from experiments.worlds.replay import ReplayPlan, plan_replay

NAME = "replay"


def replay_setup(config: TrainConfig, is_judged: bool) -> TrainingSetup:
    """Of a training in the replay world.

    Every row is met in training and in evaluation: rows are draws from what a setting is like, so what is
    held out is which of them come when, as with the luck of the simulator.

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

    def make(n: int) -> Any:
        makers = [lambda: plan.make_env(Path(), lambda _: None)] * n
        return SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)

    held_out = range(HELD_OUT_SEED, HELD_OUT_SEED + config.training.held_out_episodes)
    return TrainingSetup(
        spec=plan.spec,
        worlds=Worlds(make, make, held_out),
        names=(NAME,),
        evaluation={NAME: plan} if is_judged else {},
        substance=[digest_of(plan), config.env.steps, config.env.initial_levels],
    )


def digest_of(plan: ReplayPlan) -> str:
    """Of everything that was measured."""
    whole = hashlib.sha256()
    for rows in plan.data.table.rows:
        whole.update(rows.tobytes())
    return whole.hexdigest()
