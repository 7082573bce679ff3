"""The program as users call it; emulated workers stand in for the machine's own."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose
from hydra.errors import HydraException
from omegaconf import OmegaConf

from experiments.calibration.session import Calibration
from experiments.config.composing import check_keys, checked
from experiments.config.programs import CalibrateConfig
from experiments.config.schemas import CONF
from experiments.program.errors import ConfigError, sentence
from experiments.worlds.builders import hardware_of

pytestmark = pytest.mark.usefixtures("hydra_here")

TWO_WORKERS = ("hardware=rpi5", "hardware.devices.0.count=2", "detector.grades=[n]")
SMALL = ("video.width=320", "video.height=180", "video.heights_px=[90,180]")
SHORT = ("grid.seconds=0.5", "grid.frames=5", "grid.probe_s=0.2", "grid.settle_s=0.2", "grid.saturated_s=0.8")


def session(*overrides: str) -> Calibration:
    hardware = next((o.removeprefix("hardware=") for o in overrides if o.startswith("hardware=")), "local")
    config = checked(compose("calibrate", list(overrides)), CalibrateConfig)
    return Calibration(config, {"hardware": hardware, "video": "traffic"})


@pytest.mark.real
def test_it_writes_a_profile_of_what_workers_sleep(tmp_path: Path):
    profile, results = tmp_path / "there" / "measured.yaml", tmp_path / "results"
    words = [*TWO_WORKERS, *SMALL, *SHORT, f"profile={profile}", f"results={results}"]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.calibrate", *words],
        cwd=CONF.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "What was measured" in done.stdout
    (directory,) = (results / "calibrate").iterdir()
    assert (directory / "profile.yaml").read_text() == profile.read_text()
    frames = pd.read_parquet(directory / "frames.parquet")
    assert frames["height"].value_counts().tolist()[-1] >= 5

    device = OmegaConf.load(profile).devices[0]
    published = hardware_of(session(*TWO_WORKERS).config.hardware).devices[0]
    service_times = published.service_times()
    for size, (width, height) in {"160x90": (160, 90), "320x180": (320, 180)}.items():
        assert device.times.n.ms[size] == pytest.approx(service_times.mean_ms("n", width, height), rel=0.15)
    assert device.handling_ms == pytest.approx(published.handling_ms, abs=1.0)
    assert 0 < device.link.delay_ms < 50


def test_the_configuration_has_nothing_that_nobody_reads():
    check_keys(compose("calibrate"))
    session("hardware=local").check()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["hardware=rpi5"], "hardware=rpi5 does not compute"),
        (["env=simulator"], "leave env=pipeline"),
        (["video.classes=[lorry]"], "classes must be COCO's, got lorry"),
        (["what=speed"], "what must be hardware or accuracy, got 'speed'"),
        (["what=accuracy", "detector=yolo11_obb"], "say detector=yolo11"),
    ],
)
def test_what_makes_no_sense_is_found_before_anything_is_measured(overrides: list[str], words: str):
    with pytest.raises((ConfigError, HydraException)) as refused:
        session(*overrides).check()
    assert words in sentence(refused.value)


def test_a_profile_of_accuracy_is_called_after_the_video():
    assert session("what=accuracy").profile_path == CONF / "accuracy" / "traffic.yaml"


def test_the_profile_of_hardware_that_computes_takes_the_place_of_its_own():
    own = session("hardware=local", "results=here").profile_path
    assert (own.parent, own.suffix) == (Path("here/hardware"), ".yaml")
    assert session("hardware=rpi5", "profile=a.yaml").profile_path == Path("a.yaml")
