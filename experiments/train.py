"""`python -m experiments.train`: learn in the simulator, and leave a checkpoint; or search figures."""

from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.agents import is_learned
from experiments.config.composing import checked, register
from experiments.config.programs import TrainConfig
from experiments.config.schemas import CONF
from experiments.program.entry import enter
from experiments.training.search import search
from experiments.training.training_run import train, training_run_of


def perform(cfg: DictConfig) -> None:
    """Check everything; then let the agent learn, or, if it does not learn, search its figures.

    Raises ConfigError: something is wrong; ExecutionError: the training broke.
    """
    config, config_yaml = checked(cfg, TrainConfig), OmegaConf.to_yaml(cfg, resolve=True)
    name, console = str(HydraConfig.get().runtime.choices["agent"]), Console()
    if config.ranges and not is_learned(cfg.agent):
        values: dict[str, Any] = OmegaConf.to_container(cfg.agent)  # type: ignore[assignment]
        search(config, name, values, config_yaml, console)
        return
    train(training_run_of(config, name, cfg.agent, is_judged=True), config_yaml, console)


if __name__ == "__main__":
    enter("experiments.train", CONF / "train.yaml", perform, register)
