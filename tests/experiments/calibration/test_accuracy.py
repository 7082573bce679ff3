"""Accuracy by age: detectors made by hand on scenes whose truth is known, and the profile of that."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from envs.accuracy import StreamProfile
from envs.hardware import Origin
from experiments.calibration.accuracy import (
    ABOUT,
    AGES,
    COUNTS,
    Scene,
    look_at,
    profile_of,
    scenes_of,
    stretches,
)
from pipeline.class_names import COCO
from pipeline.options import ProducerOptions, SourceKind
from pipeline.scoring.matching import Objects

FPS = 10.0
TRAFFIC = ProducerOptions(width=320, height=180, source_fps=FPS)
CAR, PERSON = COCO.index("car"), COCO.index("person")


def test_stretches_are_runs_of_pictures_that_follow_one_another():
    assert list(stretches([3, 4, 5, 9, 1])) == [(1, 1), (3, 5), (9, 9)]


def test_each_seed_of_traffic_is_a_scene_whose_truth_reaches_beyond_the_last_picture():
    first, second = scenes_of(TRAFFIC, FPS, n=2, length_s=2.0, every=5)
    assert (first.name, second.name) == ("seed 0", "seed 1")
    assert list(first.indices) == [0, 5, 10, 15]
    assert max(first.truth) == 15 + max(AGES)
    assert first.truth[15].boxes.tolist() != second.truth[15].boxes.tolist()


def test_each_stretch_of_a_video_is_a_scene(tmp_path: Path):
    truth = tmp_path / "gt.txt"
    truth.write_text("".join(f"{picture},1,0,0,20,40,1\n" for picture in (1, 2, 3, 8, 9, 30)))
    video = ProducerOptions(
        source=SourceKind.FILE, path="clip.mp4", loop=True, truth=str(truth), classes=("person",)
    )
    scenes = list(scenes_of(video, FPS, n=2, length_s=1.0, every=1))
    assert [list(scene.indices) for scene in scenes] == [[0, 1, 2], [7, 8]]
    assert [scene.name for scene in scenes] == ["0.0 to 0.2 s", "0.7 to 0.8 s"]
    assert not scenes[0].producer.loop


def test_accuracy_needs_a_truth():
    with pytest.raises(ValueError, match="truth is known"):
        list(scenes_of(ProducerOptions(source=SourceKind.FILE, path="clip.mp4"), FPS, 1, 1.0, 1))


def test_what_is_found_in_a_picture_is_held_against_the_truth_then_and_later():
    """A car stands for a frame, then moves on; the detector sees it in frames of 90 px and more."""

    def detect(frame: np.ndarray) -> np.ndarray:
        height, width = frame.shape[:2]
        car, person = (0.0, 0.0, width / 4, height / 2, 0.9, CAR), (0.0, 0.0, 9.0, 9.0, 0.9, PERSON)
        return np.array([car, person] if height >= 90 else [person], np.float32)

    def at(left: float) -> Objects:
        return Objects(np.array([(left, 0.0, left + 80.0, 90.0)]), ["car"], np.zeros(1, bool))

    truth = {0: at(0.0), 1: at(0.0), 2: at(200.0), 10: at(0.0), 11: at(0.0)}
    looked = look_at(Scene("a", TRAFFIC, truth, (0, 10)), "n", detect, ((80, 45), (160, 90)))
    counts = looked.set_index(["height_px", "age"])[["matched", "found", "present"]]
    assert counts.loc[90].loc[[0, 1]].to_numpy().tolist() == [[2, 2, 2], [2, 2, 2]]
    assert counts.loc[(45, 0)].tolist() == [0, 0, 2]
    assert counts.loc[(90, 2)].tolist() == [0, 1, 1], "nobody knows what is there after the second"
    assert looked["pictures"].tolist() == [2] * 2 * len(AGES)


def looked(scene: str, matched: int, n: int = 20) -> pd.DataFrame:
    """Return n objects and n detections; half as many are matched when they are older."""
    rows = [(scene, "n", 180, age, 2, matched if age == 0 else matched // 2, n, n) for age in AGES]
    return pd.DataFrame(rows, columns=[*ABOUT, *COUNTS])


def test_a_profile_pools_all_scenes():
    profile = profile_of(pd.concat([looked("a", 14), looked("b", 16)]), FPS, "a street", "this test")
    assert profile.grades["n"].f1 == {"180": [0.75, *[0.375] * (len(AGES) - 1)]}
    assert profile.grades["n"].origin is Origin.MEASURED
    assert profile.ages_s[:3] == (0.0, 0.1, 0.2)
    assert isinstance(profile, StreamProfile) and profile.f1("n", 90, 0.0) == pytest.approx(0.375)


def test_how_scenes_vary_stays_as_it_is_known():
    first = profile_of(looked("a", 14), FPS, "a street", "this test")
    assert (first.scene_sd, first.second_sd) == (0.0, 0.0)
    before = replace(first, scene_sd=0.1, second_sd=0.5, second_correlation=0.7)
    assert profile_of(looked("a", 14), FPS, "a street", "this test", before) == before
