"""`python -m experiments.train`: learn in the simulator, and leave a checkpoint; or search figures."""

from typing import Any

import hydra
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.config.agents import make_agent
from experiments.config.schemas import CONF, check_keys
from experiments.config.world_schemas import ReplaySchema
from experiments.program.entry import complaining, enter
from experiments.program.errors import blaming
from experiments.training.replay import replay_setup
from experiments.training.schemas import TrainConfig, register
from experiments.training.search import search, search_of
from experiments.training.setup import TrainingSetup
from experiments.training.training_run import TrainingError, is_learned, train, training_run_of
from experiments.training.worlds import simulated_setup


def begin(cfg: DictConfig, console: Console) -> None:
    """Check everything; then let the agent learn, or, if it does not learn, search its figures.

    Raises:
        ConfigError: something is wrong.
        TrainingError: the training broke.
    """
    with blaming("configuration"):
        check_keys(cfg)
    config, config_yaml = OmegaConf.to_object(cfg), OmegaConf.to_yaml(cfg, resolve=True)
    assert isinstance(config, TrainConfig)
    name = str(HydraConfig.get().runtime.choices["agent"])
    if config.ranges and not is_learned(cfg.agent):
        values: dict[str, Any] = OmegaConf.to_container(cfg.agent)  # type: ignore[assignment]
        search(search_of(config, name, values), config_yaml, console)
        return
    setup = setup_of(config)
    rivals = {rival: rival_of(rival, setup.spec) for rival in config.training.rivals}
    train(training_run_of(config, setup, name, cfg.agent, rivals), config_yaml, console)


def setup_of(config: TrainConfig) -> TrainingSetup:
    """Where a training takes place. Raises ConfigError."""
    is_replay = isinstance(config.env, ReplaySchema)
    return replay_setup(config, is_judged=True) if is_replay else simulated_setup(config, is_judged=True)


def rival_of(name: str, spec: ElasticitySpec) -> Agent:
    """The agent of conf/agent/NAME.yaml. Raises ConfigError."""
    values = compose("config", overrides=[f"agent={name}"])["agent"]
    return make_agent(values, spec, f"training.rivals: {name}")


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(cfg: DictConfig) -> None:
    """Train; what goes wrong ends the program here, for Hydra would print it too."""
    with complaining("experiments.train", (TrainingError,)):
        begin(cfg, Console())


if __name__ == "__main__":
    enter("experiments.train", main, register, (TrainingError,))
