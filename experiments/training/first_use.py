"""Training on first use: an agent that must have learned before it runs, and has not, does so now."""

from dataclasses import fields
from functools import partial

from hydra import compose
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.agents import is_learned
from experiments.config.composing import register
from experiments.config.programs import TrainConfig
from experiments.config.schemas import ReplaySchema, StreamConfig
from experiments.program.console import say
from experiments.program.errors import ConfigError
from experiments.training.training_run import TRAINING, TrainingRun, train, training_run_of
from experiments.training.worlds import REPLAY
from experiments.worlds.host import one_at_a_time
from experiments.worlds.plan import Plan

TRAININGS_OWN = {"steps", "initial_levels"}  # of an env: not the run's, in training
SIMULATED = "drawn"  # of conf/training: what a stream's agent is trained on if nobody says


def ensure_trained(
    name: str, values: DictConfig, plan: Plan, training: str | None, console: Console
) -> DictConfig:
    """Return an agent's values with a checkpoint that is there: a training leaves it, if none has before.

    Call it in a program's main process, inside `hydra.main`, before an agent is made of its values. A
    checkpoint is known by its whole training (see `training_hash`), so what `experiments.train` left with the
    same overrides is found. What has nothing to train, and a path to a file of the user's own, is left as it
    is. Of several processes that want the same, one trains and the others wait.

    `plan` is the run's: in named worlds it trains on what is streamed there. `training` is of conf/training;
    None = drawn, or replay in the replay world.

    Raises:
        ConfigError: the training cannot be carried out.
        ExecutionError: it broke.
        KeyboardInterrupt: nothing is left that would pass for a checkpoint.
    """
    if not is_learned(values) or TRAINING not in (values["checkpoint"] or ""):
        return values
    choice = training or (REPLAY if isinstance(plan.config.env, ReplaySchema) else SIMULATED)
    training_run, config_yaml = training_run_for(name, values, plan, choice)
    path = training_run.checkpoint
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        lock, text = path.with_name(f"{path.name}.lock"), f"another process trains {path.name}"
        with one_at_a_time(lock, path.parent, text, partial(say, console)):
            if not path.is_file():
                say(console, f"agent {name} is trained first, once (trained_on={choice})")
                train(training_run, config_yaml, console)
    found = values.copy()
    found["checkpoint"] = str(path)
    return found


def training_run_for(name: str, values: DictConfig, plan: Plan, choice: str) -> tuple[TrainingRun, str]:
    """Return the training that a run needs, and its configuration; named worlds are of the run's own stream.

    Raises ConfigError: it is not possible.
    """
    register()
    run = plan.config
    cfg = compose("train", overrides=[f"agent={name}", f"training={choice}"])
    cfg.agent = values
    for field in fields(StreamConfig):
        if field.name != "env":
            cfg[field.name] = getattr(run, field.name)
    for key in {*cfg.env} & {*vars(run.env)} - TRAININGS_OWN:
        cfg.env[key] = getattr(run.env, key)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, TrainConfig)
    try:
        return training_run_of(config, name, values, is_judged=False), OmegaConf.to_yaml(cfg, resolve=True)
    except ConfigError as error:
        raise ConfigError(f"agent {name} must be trained first, on {choice}: {error}") from error
