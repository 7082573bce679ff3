"""Which rate a file is taken to have, by times whose rate and jitter are known."""

import math
import random
from fractions import Fraction

import pytest

from pipeline.sources.survey import nominal_fps

MS = Fraction(1, 1000)
NTSC = 30_000 / 1001


def times_ns(fps: float, jitter: float = 0.0, seed: int = 0, n: int = 300) -> list[int]:
    """Rounded to 1 ms as in Matroska; `jitter` is a standard deviation, in periods."""
    rng = random.Random(seed)
    return [round((k + rng.gauss(0, jitter)) * 1000 / fps) * 1_000_000 for k in range(n)]


@pytest.mark.parametrize(
    "fps", [7.5, 12.5, 15.0, 24_000 / 1001, 25.0, NTSC, 30.0, 50.0, 60_000 / 1001, 120.0]
)
def test_a_rate_that_is_written_and_true_is_kept_exactly(fps: float):
    assert nominal_fps(fps, times_ns(fps), MS) == fps


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("written", [None, 14.92, 24.0, 29.75])
def test_jitter_does_not_put_the_rate_below_what_comes(written: float | None, seed: int):
    assert nominal_fps(written, times_ns(30.0, jitter=0.2, seed=seed), MS) == 30.0


def test_lost_pictures_and_still_ones_do_not_lower_the_rate():
    whole = times_ns(25.0)
    holed = [time_ns for k, time_ns in enumerate(whole) if k % 20 and not 100 < k < 200]
    assert nominal_fps(None, holed, MS) == 25.0
    assert nominal_fps(19.0, holed, MS) == 25.0


def test_a_rate_that_is_none_of_the_usual_ones_is_taken_as_it_comes():
    assert nominal_fps(None, times_ns(40.0), MS) == 40.0


def test_what_cannot_be_measured_is_as_it_is_written():
    assert nominal_fps(17.0, [5], MS) == 17.0
    assert nominal_fps(None, [], None) is None
    assert nominal_fps(None, [0, 1000], Fraction(1, 1_000_000)) is None
    assert not math.isnan(nominal_fps(25.0, [0, 40_000_000], MS) or math.nan)
