import numpy as np
import pytest

from pipeline.scoring.moments import Content


def test_seconds_have_the_spread_and_the_memory_that_they_are_told():
    x = np.array([Content(seed, 0.3, 0.5, 0.8).offset(second) for seed in range(40) for second in range(100)])
    x = x.reshape(40, 100)
    within = x - x.mean(axis=1, keepdims=True)
    assert x.std() == pytest.approx(np.hypot(0.3, 0.5), rel=0.1)
    assert np.mean(within[:, 1:] * within[:, :-1]) / within.var() == pytest.approx(0.8, abs=0.05)


def test_a_second_is_the_seeds_whoever_asks_first():
    content, alike, other = (Content(seed, 0.3, 0.5, 0.8) for seed in (1, 1, 2))
    assert content.offset(7.9) == content.offset(7.0) == alike.offset(7.2) != other.offset(7.0)
    assert content.offset(2.0) == alike.offset(2.0), "earlier ones too"
    assert content.variance == pytest.approx(0.34)
