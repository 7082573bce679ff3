"""Training on first use: an agent that must have learned before it runs, and has not, does so now.

`ensure_trained` is to be called in a program's main process, inside `hydra.main`, before an agent is made of
its values or the values are handed to other processes:

    values = ensure_trained(name, cfg.agent, plan, config.trained_on, console)
    agent = instantiate(values, _partial_=True)(spec=plan.spec)

For what has nothing to train it returns the values as they are.
"""

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
from experiments.training.worlds import REPLAY, setup_of
from experiments.worlds.plan import Plan

TRAININGS_OWN = ("steps", "initial_levels")  # of an env: not the run's, in training
SIMULATED = "drawn"  # of conf/training: what a stream's agent is trained on if nobody says


def ensure_trained(
    name: str, values: DictConfig, plan: Plan, training: str | None, console: Console
) -> DictConfig:
    """An agent's values with a checkpoint that is there: a training leaves it first, if none has before.

    A checkpoint is known by its whole training (recipe, worlds, seed; see `training_hash`), so what was
    trained by `python -m experiments.train` with the same overrides is found. A path that names a file of the
    user's own is left to the agent. Of several processes that want the same, one trains and the others wait.

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
    """The training that a run needs, and its configuration; named worlds are of the run's own stream.

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
        cfg.video, cfg.detector, cfg.slo = map(OmegaConf.structured, (run.video, run.detector, run.slo))
        assert isinstance(run.env, StreamEnvSchema)
        for field in fields(StreamEnvSchema):
            if field.name not in TRAININGS_OWN:
                cfg.env[field.name] = getattr(run.env, field.name)
        cfg.accuracy, cfg.qoe = run.accuracy, run.qoe
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, TrainConfig)
    try:
        setup = setup_of(config, is_judged=False)
    except ConfigError as error:
        raise ConfigError(f"agent {name} must be trained first, on {choice}: {error}") from error
    return training_run_of(config, setup, name, values, {}), OmegaConf.to_yaml(cfg, resolve=True)


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
