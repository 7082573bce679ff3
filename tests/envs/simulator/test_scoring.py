"""What the content does to streaming F1; that its frames are the pipeline's is `test_reference`'s."""

from dataclasses import replace

import numpy as np
import pytest

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin
from envs.patterns import ContentPattern
from envs.scenario import Scenario
from envs.simulator.env import SimulatorEnv
from pipeline.content import modulated
from pipeline.scoring.moments import Content
from tests.envs.simulator.systems import spec, system

FLAT = StreamProfile((0.0,), {"n": GradeF1({"18": (0.7,)}, Origin.ASSUMED, "this test")})
VARIED = replace(FLAT, scene_sd=0.3, second_sd=0.5, second_correlation=0.8)
LOWEST = (0, 0, 0)


def f1s(profile: StreamProfile | None, seed: int, steps: int = 50, **changes) -> np.ndarray:
    """Of an episode at the lowest setting, but for its first interval, in which nothing is shown at first."""
    env = SimulatorEnv(spec(), [system(steps=steps, accuracy=profile, **changes)])
    env.reset(seed=seed)
    return np.array([env.step(LOWEST)[4]["metrics"]["streaming_f1"] for _ in range(steps)])[1:]


def logit(f1: np.ndarray) -> np.ndarray:
    return np.log(f1 / (1 - f1))


def test_without_a_profile_it_is_unknown_and_without_a_spread_it_is_the_profiles():
    assert np.isnan(f1s(None, 1)).all()
    assert f1s(FLAT, 1) == pytest.approx(0.7)


def test_content_is_the_seeds_and_has_the_measured_spread():
    first, again = f1s(VARIED, 1), f1s(VARIED, 1)
    assert np.array_equal(first, again) and not np.array_equal(first, f1s(VARIED, 2))
    episodes = np.stack([logit(f1s(VARIED, seed, steps=200)) for seed in range(60)])
    within = episodes - episodes.mean(axis=1, keepdims=True)
    assert episodes.std() == pytest.approx(np.hypot(0.3, 0.5), rel=0.1)
    assert within.std() == pytest.approx(0.5, rel=0.1)
    assert np.mean(within[:, 1:] * within[:, :-1]) / within.var() == pytest.approx(0.8, abs=0.05)
    assert np.mean(1 / (1 + np.exp(-episodes))) == pytest.approx(0.7, abs=0.02)


def test_its_seconds_are_those_of_detections_that_are_drawn():
    content = Content(7, 0.3, 0.5, 0.8)
    drawn = [modulated(0.7, content.offset(second), content.variance) for second in range(1, 50)]
    assert f1s(VARIED, 7) == pytest.approx(np.array(drawn))


def test_a_scenario_moves_it_along_a_cosine_from_calm_to_rush():
    swing = ContentPattern(calm=0.0, rush=1.0, calm_offset=0.5, rush_offset=-1.5, period_s=40.0)
    off = logit(f1s(FLAT, 1, scenario=Scenario(content=swing))) - logit(np.array(0.7))
    expected = -0.5 + np.cos(2 * np.pi * (np.arange(1, 50) + 0.5) / 40)
    assert off == pytest.approx(expected)


def test_shorter_intervals_see_the_same_content_change_more_slowly():
    half = logit(f1s(VARIED, 3, steps=2000, control_interval_s=0.5))
    off = half - half.mean()
    assert np.mean(off[1:] * off[:-1]) / off.var() == pytest.approx(0.8**0.5, abs=0.04)
