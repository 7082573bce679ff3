"""A training from its beginning to its checkpoint, whoever asked for it."""

import json
import logging
import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console

from agents.base import Agent
from agents.clairvoyant import Clairvoyant
from agents.learned.recipe import Algorithm, check_recipe
from agents.training import Progress, Side, Trainable
from envs.spec import ElasticitySpec
from experiments.config.agents import agent_values, is_learned, make_agent, typed_values
from experiments.config.programs import TrainConfig
from experiments.program.console import ProgressView, counted, plain_table, say
from experiments.program.entry import logging_to
from experiments.program.errors import ConfigError, ExecutionError, blaming, sentence
from experiments.program.files import whole, write_whole
from experiments.program.interruption import Hearing, hearing
from experiments.runs.provenance import git_commit
from experiments.runs.record import CONFIG, make_run_directory, status_of, write_summary
from experiments.runs.summary import summarise
from experiments.runs.trace import traced
from experiments.statistics.aggregates import plateau_of, plateau_reached
from experiments.training.worlds import TrainingSetup, setup_of, training_hash
from experiments.worlds.drawn import draw_shown

logger = logging.getLogger(__name__)

BEST, CURVE = "best.npz", "progress.jsonl"  # in the training's own directory
TRAINING = "{training}"  # in a checkpoint's path: the hash of the training that it comes from
SCORES = ("reward_mean", "slo_fulfilment", "qoe_mean")  # of a run's summary


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A training, ready to begin."""

    config: TrainConfig  # all that was asked for
    setup: TrainingSetup  # the worlds to learn in, and those kept from it
    name: str  # of the learner's file in conf/agent
    make_learner: Callable[[ElasticitySpec], Trainable]  # yet to be trained
    make_rivals: Mapping[str, Callable[[ElasticitySpec], Agent]]  # that are evaluated beside it, by name
    checkpoint: Path  # where the best is left for `run`
    seed: int  # of what is random about learning


def training_run_of(config: TrainConfig, name: str, values: DictConfig, is_judged: bool) -> TrainingRun:
    """Check a training, inside a `hydra.main` or an initialised Hydra; nothing is drawn or begun yet.

    `name` and `values` are the learner's; `is_judged`: it is held against its rivals afterwards, in worlds
    that were kept from it.

    Raises ConfigError: there is nothing to train, or something is wrong.
    """
    if not is_learned(values):
        raise ConfigError(
            f"agent {name} has nothing to train: it does not learn, and none of its figures has a range "
            f"(conf/ranges/{name}.yaml); say agent=ppo, a2c or dqn, or one of conf/ranges"
        )
    if not values["checkpoint"]:
        raise ConfigError("agent.checkpoint must say where the best is to be left, got nothing")
    make_rivals = {}
    for rival in config.training.rivals if is_judged else []:
        place = f"training.rivals: {rival}"
        make_rivals[rival] = partial(make_agent, agent_values(rival, config.results, place), place=place)
    setup, values = setup_of(config, is_judged), typed_values(values)
    with blaming("agent"):
        algorithm, recipe = Algorithm(values["algorithm"]), instantiate(values["recipe"])
        check_recipe(algorithm, recipe)
    if recipe.n_envs < len(setup.names):
        raise ConfigError(
            f"agent.recipe.n_envs must be >= {len(setup.names)}, so that every world is played, got "
            f"{recipe.n_envs}"
        )
    checkpoint = values["checkpoint"].replace(TRAINING, training_hash(setup, algorithm, recipe))
    make_learner: Any = partial(make_agent, values, checkpoint=None)
    return TrainingRun(config, setup, name, make_learner, make_rivals, Path(checkpoint), recipe.seed)


def train(training_run: TrainingRun, config_yaml: str, console: Console) -> None:
    """Train, leave the checkpoint, evaluate.

    Raises:
        ExecutionError: something broke; the best checkpoint by then is kept in the training's own directory.
        KeyboardInterrupt: likewise.
    """
    config, setup = training_run.config, training_run.setup
    summary: dict[str, Any] = {
        "agent": training_run.name,
        "seed": training_run.seed,
        "git_commit": git_commit(),
        "training": list(setup.names),
        "evaluation": list(setup.evaluation),
    }
    with hearing() as heard:
        directory = make_run_directory(
            Path(config.results) / config.name,
            f"{training_run.name}-s{training_run.seed}",
            lambda made: write_whole(made / CONFIG, config_yaml),
        )

        def work() -> None:
            summary.update(learn(training_run, directory, console, heard))
            training_run.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            with whole(training_run.checkpoint) as partial_path:  # `run` never sees half of it
                shutil.copyfile(directory / BEST, partial_path)
            say(console, f"the best checkpoint, for `run`: {training_run.checkpoint}")
            summary["scores"] = evaluate(training_run, directory / BEST, console)

        with logging_to(directory / "train.log", console):
            cause = heard.attempt(work)
            if cause is not None:
                logger.info("the training did not finish", exc_info=cause)
        summary["status"] = status_of(cause)
        write_summary(directory, summary)
    say(console, f"the training's own files: {directory}")
    if isinstance(cause, Exception):
        raise ExecutionError(f"{sentence(cause)} (log: {directory / 'train.log'})") from cause
    if (end := heard.interruption or cause) is not None:
        raise end


def learn(training_run: TrainingRun, directory: Path, console: Console, heard: Hearing) -> dict[str, Any]:
    """Train until the last step; returns what came of it for the summary."""
    config, setup = training_run.config, training_run.setup
    draw_shown(setup.numbers, None, config.live, console)
    seeds = setup.worlds.held_out_seeds
    held_out = setup.worlds.held_out(len(seeds))
    learner = training_run.make_learner(held_out.specs[0])
    chance = random_reward(held_out, seeds, training_run.seed)
    evaluated: list[dict[str, Any]] = []
    begin_s, title = time.monotonic(), f"training {training_run.name}, seed {training_run.seed}"
    with (
        ProgressView(console, config.live, title, None, "steps") as view,
        (directory / CURVE).open("w", encoding="utf-8") as curve,
    ):

        def on_progress(progress: Progress) -> None:
            row = asdict(progress) | {"wall_s": round(time.monotonic() - begin_s, 2)}
            text = ""  # until the first evaluation
            if progress.reward is not None:
                text = f"reward {progress.reward:+.3f}, best {progress.best_reward:+.3f}"
            if progress.is_evaluated:
                evaluated.append(row)
            view.show(progress.steps, progress.total_steps, text, progress.is_evaluated)
            curve.write(json.dumps(row) + "\n")
            curve.flush()
            heard.check()

        last = learner.train(setup.worlds, training_run.seed, directory / BEST, on_progress)
    rewards = [row["reward"] for row in evaluated]
    plateau = evaluated[plateau_reached(rewards, chance)]
    return {
        "steps": last.steps,
        "wall_s": round(time.monotonic() - begin_s, 2),
        "best_steps": last.best_steps,
        "best_reward": last.best_reward,
        "random_reward": chance,
        "plateau_reward": plateau_of(rewards),
        "steps_to_plateau": plateau["steps"],
        "wall_s_to_plateau": plateau["wall_s"],
    }


def random_reward(side: Side, seeds: Sequence[int], seed: int) -> float:
    """Return the mean reward per step of random decisions in each environment's first episode.

    `side` has as many environments as there are seeds of episodes, and is closed; `seed` is of the decisions.
    """
    rng, n_levels = np.random.default_rng(seed), np.array([spec.n_levels for spec in side.specs])
    try:
        side.envs.reset(seed=list(seeds))  # pyright: ignore[reportArgumentType] - one each
        is_running, total, n_steps = np.ones(len(seeds), dtype=bool), 0.0, 0
        while is_running.any():
            _, rewards, terminated, truncated, _ = side.envs.step(rng.integers(n_levels))
            total += float(np.sum(rewards, where=is_running))
            n_steps += int(is_running.sum())
            is_running &= ~(terminated | truncated)
        return total / n_steps
    finally:
        side.envs.close()


# --- what the trained agent and its rivals come to ---


def evaluate(training_run: TrainingRun, best: Path, console: Console) -> list[dict[str, Any]]:
    """Score the trained agent and its rivals in every world that was kept from training."""
    seeds = range(training_run.config.training.evaluation_seeds)

    def trained(spec: ElasticitySpec) -> Agent:
        learner = training_run.make_learner(spec)
        learner.load(best)
        return learner

    makers = {training_run.name: trained, **training_run.make_rivals}
    scores = []
    for (world, make_env), (name, make) in product(training_run.setup.evaluation.items(), makers.items()):
        env = make_env()
        agent = make(env.elasticity)
        if isinstance(agent, Clairvoyant):
            agent.look(make_env())
        scores.append({"world": world, "agent": name, **score(agent, env, seeds)})
    if scores:
        table: Any = pd.DataFrame(scores)
        rows = [
            (agent, f"{reward:+.3f}", f"{held:.1%}", f"{qoe:.3f}")
            for agent, reward, held, qoe in table.groupby("agent", sort=False)[[*SCORES]].mean().itertuples()
        ]
        title = f"mean of {counted(table['world'].nunique(), 'world')} kept from training"
        console.print(plain_table(("agent", "reward", "all SLOs hold", "QoE"), rows, title))
    return scores


def score(agent: Agent, env: gym.Env, seeds: Sequence[int]) -> dict[str, float]:
    """Play one episode per seed, of agent and world alike; close the world.

    Returns:
        By SCORES of a run's summary, means over all steps of all seeds; NaN where nothing is known.
    """
    try:
        agent.warm_up()
        figures = summarise(pd.concat([traced(agent, env, seed) for seed in seeds], ignore_index=True))
    finally:
        env.close()
    return {name: math.nan if figures[name] is None else figures[name] for name in SCORES}
