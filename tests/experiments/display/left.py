"""What runs leave, made by hand and small enough to compute with."""

import math
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.config.composing import register
from experiments.config.schemas import CONF
from experiments.runs.record import complete


@cache
def config_yaml() -> str:
    """Of a run of the simulator with four intervals of half a second."""
    register()
    overrides = ["env=simulator", "hardware=rpi5", "env.steps=4", "env.control_interval_s=0.5"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_yaml(compose("config", overrides=overrides), resolve=True)


def trace(**columns: Any) -> pd.DataFrame:
    """Four intervals of half a second; the second breaks the load's threshold, the last measured nothing."""
    standard = {
        "step": [0, 1, 2, 3],
        "interval_s": [0.5] * 4,
        "reward": [0.5, -0.1, 0.4, 0.4],
        "qoe": [0.5, 0.6, 0.4, 0.4],
        "action.fps": [5, 5, 3, 3],
        "action.grade": [2, 2, 2, 0],
        "settings.fps": [30.0, 30.0, 20.0, 20.0],
        "settings.grade": [2, 2, 2, 0],
        "slos.load": [0, 2, 1, 0],
        "ratios.load": [0.8, 1.5, 0.95, 0.0],
        "known.load": [True, True, True, False],
        "metrics.live_workers": [2.0, 1.0, 1.0, 2.0],
        "streams": [1, 2, 2, 1],
        "metrics.offered_fps": [30.0, 60.0, 40.0, 20.0],
        "metrics.delivered_fps": [30.0, 25.0, 20.0, math.nan],
        "explain.surprise": [0.0, 2.5, 0.5, 0.25],
        "explain.p_fulfilled_load": [0.9, 0.8, 0.7, 0.6],
    }
    return pd.DataFrame(standard | columns)


def run(directory: Path, rows: pd.DataFrame, *events: dict[str, Any]) -> Path:
    """What a run leaves, in whose scenario these events happen."""
    directory.mkdir()
    config = OmegaConf.create(config_yaml())
    config.scenario.events = list(events)
    OmegaConf.save(config, directory / "config.yaml")
    choices = {"agent": "aif", "env": "simulator", "video": "traffic", "hardware": "local", "slo": "default"}
    hashes = dict.fromkeys(("spec_hash", "config_hash", "git_commit"), "0")
    head = {**choices, **hashes, "scenario": "steady", "detector": "yolo11", "seed": 0, "weights": "none"}
    complete(directory, {**head, "status": "FINISHED", "error": ""}, rows)
    rows.to_parquet(directory / "trace.parquet")
    return directory
