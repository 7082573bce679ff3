"""Training on first use: an agent that must have learned before it runs, and has not, does so now."""

import contextlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from filelock import FileLock, Timeout
from hydra import compose
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.programs import TrainConfig, register
from experiments.config.world_schemas import ReplaySchema, StreamEnvSchema
from experiments.program.console import say
from experiments.program.errors import ConfigError
from experiments.training.training_run import TRAINING, TrainingRun, is_learned, train, training_run_of
from experiments.training.worlds import REPLAY
from experiments.worlds.plan import Plan

OF_THE_STREAM = ("video", "detector", "slo", "accuracy", "qoe")  # of the configuration
TRAININGS_OWN = ("steps", "initial_levels")  # of an env: not the run's, in training
SIMULATED = "drawn"  # of conf/training: what a stream's agent is trained on if nobody says


def ensure_trained(
    name: str, values: DictConfig, plan: Plan, training: str | None, console: Console
) -> DictConfig:
    """Return an agent's values with a checkpoint that is there: a training leaves it, if none has before.

    Call it in a program's main process, inside `hydra.main`, before an agent is made of its values. A
    checkpoint is known by its whole training (see `training_hash`), so what `experiments.train` left with the
    same overrides is found. What has nothing to train, and a path to a file of the user's own, is left as it
    is. Of several processes that want the same, one trains and the others wait.

    Args:
        name: of the agent's file in conf/agent.
        values: of the agent, `cfg.agent` of a composed configuration.
        plan: of the run: in named worlds, what is streamed, and what the environment is like.
        training: of conf/training; None = drawn, or replay in the replay world.
        console: shows the training.

    Raises:
        ConfigError: the training cannot be carried out.
        ExecutionError: it broke.
        KeyboardInterrupt: nothing is left that would pass for a checkpoint.
    """
    if not is_learned(values) or TRAINING not in (values["checkpoint"] or ""):
        return values
    choice = training or (REPLAY if isinstance(plan.config.env, ReplaySchema) else SIMULATED)
    training_run, config_yaml = training_run_for(name, values, plan, choice)
    if not training_run.checkpoint.is_file():
        with alone(training_run.checkpoint, console):
            if not training_run.checkpoint.is_file():
                say(console, f"agent {name} is trained first, once (trained_on={choice})")
                train(training_run, config_yaml, console)
    found = values.copy()
    found["checkpoint"] = str(training_run.checkpoint)
    return found


def training_run_for(name: str, values: DictConfig, plan: Plan, choice: str) -> tuple[TrainingRun, str]:
    """Return the training that a run needs, and its configuration; named worlds are of the run's own stream.

    Raises:
        ConfigError: it is not possible.
    """
    register()
    run = plan.config
    cfg = compose("train", overrides=[f"agent={name}", f"training={choice}"])
    cfg.agent, cfg.results, cfg.live = values, run.results, run.live
    if choice == REPLAY and isinstance(run.env, ReplaySchema):
        cfg.env.path = run.env.path
    elif not isinstance(run.env, ReplaySchema):
        for part in OF_THE_STREAM:
            cfg[part] = getattr(run, part)
        for field in fields(StreamEnvSchema):
            if field.name not in TRAININGS_OWN:
                cfg.env[field.name] = getattr(run.env, field.name)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, TrainConfig)
    try:
        return training_run_of(config, name, values, is_judged=False), OmegaConf.to_yaml(cfg, resolve=True)
    except ConfigError as error:
        raise ConfigError(f"agent {name} must be trained first, on {choice}: {error}") from error


@contextlib.contextmanager
def alone(path: Path, console: Console) -> Iterator[None]:
    """Meanwhile, no other process of this machine is in here for the same path; one that is, is waited for.

    The lock is the system's, so it is gone with its process, however that ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        held = lock.acquire(blocking=False)
    except Timeout:
        say(console, f"another process trains {path.name}; this one waits for it")
        held = lock.acquire()
    with held:
        yield
