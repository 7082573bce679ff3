from hashlib import sha256
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.config.composing import register
from experiments.config.schemas import CONF, RunConfig
from experiments.execution.this_machine import fetch_weights
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


def fetch(network: Network, *words: str) -> dict[str, str]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_object(compose("config", ["agent=static", *words]))
    assert isinstance(config, RunConfig)
    return fetch_weights(config, network)


def test_workers_that_compute_get_what_is_missing_before_the_run_is_planned(network, tmp_path):
    given = tmp_path / "own.pt"
    given.touch()
    for _ in range(2):
        fetch(network, "env=pipeline", "hardware=local", f"detector.weights={{s: {given}}}")
    assert network.asked == ["yolo11n.pt", "yolo11m.pt", "yolo11m.pt"], "what is there is not asked for again"
    assert [path.name for path in cache_dir().glob("*.pt")] == ["yolo11n.pt"]


def test_the_hashes_of_the_weights_in_use_are_known_of_files_and_of_folders(network, tmp_path):
    exported = tmp_path / "own_openvino_model"
    exported.mkdir()
    for name in ("own.bin", "own.xml"):
        (exported / name).write_bytes(name.encode())

    def hashes() -> dict[str, str]:
        return fetch(network, "env=pipeline", "hardware=local", f"detector.weights={{s: {exported}}}")

    before = hashes()
    assert before.keys() == {"n", "s"}, "nobody has any of grade m"
    assert before["n"] == sha256(b"weights").hexdigest()
    (exported / "own.bin").write_bytes(b"others")
    assert hashes()["s"] != before["s"] and hashes()["n"] == before["n"]


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
    assert fetch(network, *words) == {}
    assert not network.asked
