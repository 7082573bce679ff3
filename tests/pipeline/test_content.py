import math

import numpy as np
import pytest

from pipeline.content import Swing, modulated, swung


def test_a_swing_begins_low_and_is_high_half_a_period_later():
    assert [Swing(0.2, 1.0, 120.0).at(now_s) for now_s in (0, 30, 60, 120)] == pytest.approx(
        [0.2, 0.6, 1, 0.2]
    )
    assert swung(0.2, 1.0, 0.0, 60.0) == 0.2


@pytest.mark.parametrize("f1", [0.05, 0.5, 0.8, 0.95])
def test_content_moves_f1_about_its_mean(f1: float):
    drawn = np.random.default_rng(0).normal(0.0, 0.7, 20_000)
    moved = [modulated(f1, x, 0.7**2) for x in drawn]
    assert np.mean(moved) == pytest.approx(f1, abs=0.01)
    assert np.std(moved) == pytest.approx(0.7 * f1 * (1 - f1), rel=0.25), "to first order"


def test_what_cannot_vary_does_not():
    assert [modulated(f1, 3.0, 1.0) for f1 in (0.0, 1.0)] == [0.0, 1.0]
    assert modulated(0.3, 0.0, 0.0) == pytest.approx(0.3) and math.isnan(modulated(math.nan, 1.0, 1.0))


def test_an_offset_moves_the_logit():
    assert modulated(0.5, math.log(3), 0.0) == pytest.approx(0.75)
