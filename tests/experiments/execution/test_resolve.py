from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, open_dict
from rich.console import Console

from experiments.config.composing import register
from experiments.config.schemas import CONF
from experiments.execution.resolve import resolve


def test_what_is_recorded_is_what_a_run_is_judged_by():
    register()
    words = ["agent=static", "env=simulator", "accuracy=none"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", words, return_hydra_config=True)
        choices = cfg.hydra.runtime.choices
        with open_dict(cfg):
            del cfg.hydra
        resolved = resolve(cfg, choices, Console(quiet=True))
    assert cfg.qoe.by.name == "ACCURACY", "as it was asked for"
    assert OmegaConf.create(resolved.identity.config_yaml).qoe.by == "KNOBS"
