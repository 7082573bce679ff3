"""Somebody jumps to and fro, shown by results that come too late, and seen by a grade that sees at once."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose
from numpy.typing import NDArray
from omegaconf import OmegaConf

from experiments.config.schemas import RunConfig
from experiments.execution import golden
from experiments.worlds.plan import Plan, plan_run
from pipeline.class_names import COCO
from pipeline.collector.detections import DetectionSink
from pipeline.collector.output import Known
from pipeline.collector.video import VideoFile
from tests.pipeline.collector.results import STARTED_NS, result

pytestmark = pytest.mark.usefixtures("hydra_here")

PERSON = COCO.index("person")
SIZE, FPS, N = (96, 64), 10, 40
FRAME_NS = 1_000_000_000 // FPS


def person(index: int, scale: float = 1.0) -> tuple[float, ...]:
    """Where somebody stands in a picture: they jump before every odd one."""
    left = 4.0 + 20.0 * ((index + 1) // 2 % 4)
    return (*(scale * np.array([left, 10.0, left + 15.0, 40.0])).tolist(), 0.9, PERSON)


class Sharp:
    """A detector that knows by a picture's grey which it is."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def detect(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        index = round(float(frame.mean()) / 6)
        return np.array([person(index), (0, 0, 5, 5, 0.9, PERSON)], np.float32)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    file = VideoFile(tmp_path / "clip.mp4", SIZE, FPS, "clip")
    for index in range(N):
        file.write(np.full((SIZE[1], SIZE[0], 3), 6 * index, np.uint8), index * FRAME_NS)
    file.close()
    return tmp_path / "clip.mp4"


def planned(clip: Path, *overrides: str) -> Plan:
    weights = clip.with_name("yolo11n.pt")
    weights.touch()
    words = ("video=file", f"video.path={clip}", f"detector.weights={weights}", "output.golden_share=0.25")
    config = OmegaConf.to_object(compose("config", overrides=[*words, *overrides]))
    assert isinstance(config, RunConfig)
    return plan_run(config)


def shown(directory: Path, late: float = 0.5, n: int = N, file: str = "detections.parquet") -> None:
    """Every picture's result at half its size, emitted so many pictures later."""
    sink = DetectionSink(directory / file)
    sink.open_episode(1, SIZE, FPS)
    for index in range(n):
        captured_ns = STARTED_NS + index * FRAME_NS
        part = result(index, (48, 32), [person(index, 0.5)], captured_ns=captured_ns)
        sink.write(part, Known(captured_ns + round(late * FRAME_NS)))
    sink.close()


@pytest.mark.parametrize(("late", "f1"), [(0.5, 18 / 19), (1.5, 0.0), (7.5, 16 / 18)])
def test_what_was_shown_by_a_pictures_time_is_held_against_the_highest_grade(
    clip: Path, monkeypatch, late: float, f1: float
):
    """Of pictures 0, 4, ..., 36; by the first ones' time nothing is shown; after eight all is as before."""
    monkeypatch.setattr(golden, "Detector", Sharp)
    shown(clip.parent, late)
    assert golden.golden_f1(planned(clip), clip.parent) == pytest.approx(f1)


def test_a_looped_file_is_looked_at_once_and_counts_every_time(clip: Path, monkeypatch):
    monkeypatch.setattr(golden, "Detector", Sharp)
    shown(clip.parent, n=2 * N, file="detections.jsonl")
    assert golden.golden_f1(planned(clip, "video.loop=true"), clip.parent) == pytest.approx(38 / 39)


@pytest.mark.parametrize("why", ["output.golden_share=0", "hardware=rpi5", "video.truth={}/gt.txt"])
def test_there_is_none_where_nobody_asks_or_nothing_is_real_or_the_truth_is_known(clip: Path, why: str):
    (clip.parent / "gt.txt").write_text("1,1,0,0,20,40,1\n")
    shown(clip.parent)
    assert golden.golden_f1(planned(clip, why.format(clip.parent)), clip.parent) is None


def test_where_a_collector_died_there_is_none(clip: Path):
    shown(clip.parent)
    (clip.parent / "detections.2.parquet").touch()
    assert golden.golden_f1(planned(clip), clip.parent) is None
