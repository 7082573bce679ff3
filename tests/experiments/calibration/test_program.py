"""The program as users call it; emulated workers stand in for the machine's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf

from experiments.calibration.profile import Measured
from experiments.calibration.session import Calibration
from experiments.config.programs import CalibrateConfig, register
from experiments.config.schemas import CONF, check_keys, checked
from experiments.program.errors import ConfigError, sentence
from experiments.statistics.agreement import METRICS
from experiments.worlds.builders import hardware_of

TWO_WORKERS = ("hardware=rpi5", "hardware.devices.0.count=2", "detector.grades=[n]")
SMALL = ("video.width=320", "video.height=180", "video.heights_px=[90,180]")
SHORT = ("grid.seconds=0.5", "grid.frames=5", "grid.probe_s=0.2", "grid.settle_s=0.2", "grid.saturated_s=0.8")
TWO_WORLDS = ("validate=true", "validation.worlds=[emulated,simulated]", "env.control_interval_s=0.25")
FEW_SETTINGS = ("validation.settings=3", "validation.reference_s=0.75", "validation.hold_s=1")


@pytest.fixture
def hydra_here() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def session(*overrides: str) -> Calibration:
    hardware = next((o.removeprefix("hardware=") for o in overrides if o.startswith("hardware=")), "local")
    cfg = compose("calibrate", list(overrides))
    return Calibration(cfg, checked(cfg, CalibrateConfig), {"hardware": hardware, "video": "traffic"})


@pytest.mark.real
def test_it_writes_a_profile_and_tells_how_far_the_worlds_are_apart(tmp_path: Path):
    profile, results = tmp_path / "there" / "measured.yaml", tmp_path / "results"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "experiments.calibrate", *TWO_WORKERS, *SMALL, *SHORT),
            *(*TWO_WORLDS, *FEW_SETTINGS, "validation.settle_s=0.25"),
            *(f"profile={profile}", f"results={results}", "grid.start_up=false", "output.mlflow=false"),
        ],
        cwd=CONF.parent,
        capture_output=True,
        text=True,
        timeout=240,  # it may compile the simulator
    )
    assert done.returncode == 0, done.stderr
    assert "Held-out settings" in done.stdout
    (directory,) = [path for path in (results / "calibrate").iterdir() if path.name != "unfinished"]
    assert (directory / "profile.yaml").read_text() == profile.read_text()
    assert not list((results / "calibrate" / "unfinished").iterdir())

    device = OmegaConf.load(profile).devices[0]
    published = hardware_of(session_hardware()).devices[0].service_times()
    for size, (width, height) in {"160x90": (160, 90), "320x180": (320, 180)}.items():
        assert device.times.n.ms[size] == pytest.approx(published.mean_ms("n", width, height), rel=0.15)

    summary = json.loads((directory / "summary.json").read_text())
    assert (summary["truth"], summary["weights"], summary["n_settings"]) == ("emulated", "emulated", 3)
    (comparison,) = summary["comparisons"]
    assert (comparison["true"], comparison["other"]) == ("emulated", "simulated")
    settings = pd.read_parquet(directory / "settings.parquet")
    assert len(settings) == 2 * 3
    assert set(METRICS) <= set(settings.columns)
    references_ms = settings.pivot(index="setting", columns="world", values="reference_ms")
    ratios = references_ms["simulated"].to_numpy() / references_ms["emulated"].to_numpy()
    assert ratios == pytest.approx(1.0, abs=0.2)
    assert min(settings["delivered_fps"].to_numpy()) > 0
    assert (directory / "simulated-against-emulated.png").stat().st_size > 10_000


def session_hardware():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return session(*TWO_WORKERS).config.hardware


@pytest.mark.usefixtures("hydra_here")
def test_the_configuration_has_nothing_that_nobody_reads():
    check_keys(compose("calibrate"))
    session("hardware=local").check()


@pytest.mark.usefixtures("hydra_here")
@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["hardware=rpi5"], "hardware=rpi5 does not compute"),
        (["env=simulator"], "leave env=pipeline"),
        (["video.classes=[lorry]"], "classes must be COCO's, got lorry"),
        (["what=speed"], "what must be hardware or accuracy, got 'speed'"),
        (["what=accuracy", "detector=yolo11_obb"], "say detector=yolo11"),
        (["validate=true", "validation.worlds=[native,dreamt]"], "got dreamt"),
        (["validate=true", "validation.worlds=[simulated,native]"], "a real one first"),
        (["validate=true", "validation.worlds=[native]"], "two different worlds"),
        (["validate=true", "validation.settle_s=6"], "fewer to settle than to hold"),
    ],
)
def test_what_makes_no_sense_is_found_before_anything_is_measured(overrides: list[str], words: str):
    with pytest.raises((ConfigError, HydraException)) as refused:
        session(*overrides).check()
    assert words in sentence(refused.value)


@pytest.mark.usefixtures("hydra_here")
def test_a_profile_of_accuracy_is_called_after_the_video():
    assert session("what=accuracy").profile_path == CONF / "accuracy" / "traffic.yaml"


@pytest.mark.usefixtures("hydra_here")
def test_the_profile_of_hardware_that_computes_takes_the_place_of_its_own():
    own = session("hardware=local", "results=here").profile_path
    assert (own.parent, own.suffix) == (Path("here/hardware"), ".yaml")
    assert session("hardware=rpi5", "profile=a.yaml").profile_path == Path("a.yaml")


@pytest.mark.usefixtures("hydra_here")
def test_an_interrupted_calibration_is_taken_up_again_and_not_by_another_one(tmp_path: Path):
    words = ("hardware=local", f"results={tmp_path}")
    begun = session(*words)
    found = Measured(memory={"memory_mb": 8000.0, "used_mb": 2000.0})
    begun.keep(msgspec.json.encode(found))
    assert session(*words).take_up(Measured) == found
    others = ("seed=1", "grid.seconds=9", "detector.grades=[n]", "hardware.devices.0.threads=2", "fresh=true")
    for other in others:
        assert session(*words, other).take_up(Measured) == Measured()


@pytest.mark.usefixtures("hydra_here")
@pytest.mark.parametrize("content", [b"", b'{"cells": 3}'])
def test_a_file_that_is_of_no_use_is_left_alone(tmp_path: Path, content: bytes):
    begun = session("hardware=local", f"results={tmp_path}")
    begun.keep(content)
    assert begun.take_up(Measured) == Measured()
