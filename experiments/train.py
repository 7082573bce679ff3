"""`python -m experiments.train`: learn in the simulator, and leave a checkpoint that `run` finds."""

import json
import logging
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hydra
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.table import Table

from agents.base import Agent
from agents.training import Progress, Trainable, checkpoint_path
from envs.spec import ElasticitySpec
from experiments.complaints import ConfigError, blaming, sentence
from experiments.config import CONF, check_keys
from experiments.evaluation import Score, score
from experiments.facts import git_commit
from experiments.record import CONFIG, SUMMARY, RunStatus, make_run_directory
from experiments.run import Interrupted, enter, exit_code, logging_to, status_of
from experiments.simulator_plan import SimulatorPlan
from experiments.training_config import TrainConfig, register
from experiments.training_view import TrainingView
from experiments.training_worlds import Pair, check_training, pairs_of, plans_of, worlds_of

logger = logging.getLogger(__name__)

BEST, CURVE = "best.npz", "progress.jsonl"  # in the training's own directory


class TrainingError(Exception):
    """The training could not go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Course:
    """A training, ready to begin.

    Attributes:
        config: all that was asked for.
        spec: of every world.
        training, evaluation: the worlds to learn in, and those kept from it.
        name: of the learner's file in conf/agent.
        learner: to be trained.
        rivals: agents that are evaluated beside it, by name.
        checkpoint: where the best is left for `run`.
    """

    config: TrainConfig
    spec: ElasticitySpec
    training: Mapping[Pair, SimulatorPlan]
    evaluation: Mapping[Pair, SimulatorPlan]
    name: str
    learner: Trainable
    rivals: Mapping[str, Agent]
    checkpoint: Path


def carry_out(course: Course, config_yaml: str, console: Console) -> dict[str, Any]:
    """Train, leave the checkpoint, evaluate; returns the summary.

    Raises:
        TrainingError: something broke; the best checkpoint by then is kept.
        Interrupted: likewise.
    """
    config = course.config
    directory = make_run_directory(Path(config.results) / config.name, f"{course.name}-s{config.seed}")
    (directory / CONFIG).write_text(config_yaml, encoding="utf-8")
    summary: dict[str, Any] = {
        "agent": course.name,
        "seed": config.seed,
        "spec_hash": course.spec.hash,
        "git_commit": git_commit(),
        "training": [str(pair) for pair in course.training],
        "evaluation": [str(pair) for pair in course.evaluation],
    }
    cause: BaseException | None = None
    with logging_to(directory / "train.log", console):
        try:
            summary |= learn(course, directory, console)
            summary["scores"] = [asdict(score) for score in evaluate(course, directory / BEST, console)]
        except BaseException as error:
            logger.info("the training did not finish", exc_info=error)
            cause = error
    summary["status"] = RunStatus.FINISHED if cause is None else status_of(cause)
    leave(course, directory, summary, console)
    if isinstance(cause, Exception):
        raise TrainingError(f"{sentence(cause)} (log: {directory / 'train.log'})") from cause
    if cause is not None:
        raise cause
    return summary


def learn(course: Course, directory: Path, console: Console) -> dict[str, Any]:
    """Until the last step; what came of it for the summary."""
    config = course.config
    worlds = worlds_of(course.spec, list(course.training.values()), config.training, config.seed)
    with (
        TrainingView(console, config.live, f"{course.name}, seed {config.seed}") as view,
        (directory / CURVE).open("w", encoding="utf-8") as curve,
    ):

        def on_progress(progress: Progress) -> None:
            view.show(progress)
            curve.write(json.dumps(asdict(progress)) + "\n")
            curve.flush()

        last = course.learner.train(worlds, config.seed, directory / BEST, on_progress)
    return {"steps": last.steps, "best_steps": last.best_steps, "best_reward": last.best_reward}


def evaluate(course: Course, best: Path, console: Console) -> list[Score]:
    """The trained agent and its rivals in every world that was kept from training."""
    training = course.config.training
    course.learner.load(best)
    agents: Mapping[str, Agent] = {course.name: course.learner, **course.rivals}
    scores = [
        score(
            str(pair),
            name,
            agent,
            partial(plan.make_env, best.parent, logger.info),
            range(training.evaluation_seeds),
        )
        for pair, plan in course.evaluation.items()
        for name, agent in agents.items()
    ]
    if scores:
        console.print(score_table(scores, training.evaluation_seeds))
    return scores


def score_table(scores: Sequence[Score], n_seeds: int) -> Table:
    """One row per world and agent."""
    table = Table(title=f"worlds kept from training, mean of {n_seeds} seeds", box=None, padding=(0, 2, 0, 0))
    table.title_justify, table.title_style = "left", "bold"
    for heading in ("world", "agent", "reward", "all SLOs hold", "QoE"):
        table.add_column(heading, no_wrap=True)
    for one in scores:
        held = f"{100 * one.slo_fulfilment:.1f} %"
        table.add_row(one.world, one.agent, f"{one.reward_mean:+.3f}", held, f"{one.qoe_mean:.3f}")
    return table


def leave(course: Course, directory: Path, summary: Mapping[str, Any], console: Console) -> None:
    """Write the summary; put the best checkpoint, if there is one, where `run` looks for it."""
    (directory / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    lines = {"the training's own files": directory}
    if (directory / BEST).exists():
        course.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(directory / BEST, course.checkpoint)
        lines["the best checkpoint, for `run`"] = course.checkpoint
    for what, where in lines.items():
        console.print(f"{what:<32} {where}", markup=False, highlight=False, soft_wrap=True)


def prepare(cfg: DictConfig) -> Course:
    """Check everything. Raises ConfigError."""
    with blaming("configuration"):
        check_keys(cfg)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, TrainConfig)
    with blaming("training"):
        check_training(config.training)
    pairs, kept = pairs_of(config.training.pairs), pairs_of(config.training.evaluation)
    plans = plans_of(config, [*pairs, *kept])
    spec = plans[pairs[0]].spec
    name = str(HydraConfig.get().runtime.choices["agent"])
    return Course(
        config=config,
        spec=spec,
        training={pair: plans[pair] for pair in pairs},
        evaluation={pair: plans[pair] for pair in kept},
        name=name,
        learner=learner_of(name, cfg.agent, spec),
        rivals={rival: rival_of(rival, spec) for rival in config.training.rivals},
        checkpoint=checkpoint_path(cfg.agent["checkpoint"], spec),
    )


def learner_of(name: str, values: DictConfig, spec: ElasticitySpec) -> Trainable:
    """The agent to be trained. Raises ConfigError if there is nothing to train, or a value is wrong."""
    if not issubclass(get_class(values["_target_"]), Trainable):
        raise ConfigError(f"agent {name} has nothing to train; say agent=ppo")
    if not values["checkpoint"]:
        raise ConfigError("agent.checkpoint must say where the best is to be left, got nothing")
    with blaming(f"agent {name}"):
        agent = instantiate(values, _partial_=True)(spec=spec, checkpoint=None)
    assert isinstance(agent, Trainable)
    return agent


def rival_of(name: str, spec: ElasticitySpec) -> Agent:
    """The agent of conf/agent/NAME.yaml. Raises ConfigError."""
    values = compose("config", overrides=[f"agent={name}"])["agent"]
    with blaming(f"training.rivals: {name}"):
        return instantiate(values, _partial_=True)(spec=spec)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(cfg: DictConfig) -> None:
    """Train; what goes wrong ends the program here, for Hydra would print it too."""
    try:
        carry_out(prepare(cfg), OmegaConf.to_yaml(cfg, resolve=True), Console())
    except (TrainingError, Interrupted, ConfigError, HydraException, OmegaConfBaseException) as error:
        sys.exit(exit_code("experiments.train", error, (TrainingError,)))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: more threads only hinder networks so small
    enter("experiments.train", main, register, (TrainingError,))
