from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.config.schemas import CONF, RunConfig, register
from experiments.execution.weights import fetch_weights
from pipeline.worker.weights import cache_dir


class Network:
    """Has all weights but those of grade m."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, path: Path) -> None:
        self.asked.append(path.name)
        if path.name != "yolo11m.pt":
            path.write_bytes(b"weights")


@pytest.fixture
def network(monkeypatch, tmp_path) -> Network:
    """The cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Network()


def fetch(network: Network, *words: str) -> None:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_object(compose("config", ["agent=static", *words]))
    assert isinstance(config, RunConfig)
    fetch_weights(config, network)


def test_workers_that_compute_get_what_is_missing_before_the_run_is_planned(network, tmp_path):
    given = tmp_path / "own.pt"
    given.touch()
    for _ in range(2):
        fetch(network, "env=pipeline", "hardware=local", f"detector.weights={{s: {given}}}")
    assert network.asked == ["yolo11n.pt", "yolo11m.pt", "yolo11m.pt"], "what is there is not asked for again"
    assert [path.name for path in cache_dir().glob("*.pt")] == ["yolo11n.pt"]


@pytest.mark.parametrize(
    "words",
    [
        ("env=simulator",),
        ("env=pipeline", "hardware=rpi5"),
        ("env=pipeline", "hardware=local", "env.emulate=true"),
        ("env=pipeline", "hardware=local", "detector=none"),
    ],
)
def test_who_computes_nothing_asks_for_nothing(network, words):
    fetch(network, *words)
    assert not network.asked
