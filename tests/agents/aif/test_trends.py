"""What ratios rest at, tremble by and drain by is found from how they move."""

import numpy as np
import pytest

from agents.aif.trends import WORSE, noticed, resting, settling
from tests.agents.aif.small import CARRIED, CHANNELS, LOAD, PRIOR, TREND, readings

SURE = TREND._replace(noise=np.full(2, 0.02))


def followed(ratios, loads=None, load=0.5, trend=TREND):
    """The trend before the last of these readings, and that reading, all of one setting."""
    loads = loads or [load] * len(ratios)
    for i, (ratio, shown) in enumerate(zip(ratios, loads, strict=True)):
        seen = readings(shown, ratio)
        trend = settling(CHANNELS, trend, seen, is_settled=i > 0)
        if i == len(ratios) - 1:
            return trend, seen
        trend = noticed(CHANNELS, PRIOR, trend, seen, i > 0, load)
    raise AssertionError("no readings")


def rests(ratios, n_held=1):
    found = resting(CHANNELS, *followed(ratios, trend=SURE), n_held)
    return found.y[CARRIED], found.variance[CARRIED], found.side[CARRIED]


@pytest.mark.parametrize("rho", (0.3, 0.5, 0.8))
def test_a_ratio_on_its_way_down_is_read_as_what_it_settles_to(rho):
    target, ratios = 0.4, [2.0]
    for _ in range(5):
        ratios.append(rho * ratios[-1] + (1 - rho) * target)
    y, _, side = rests(ratios)
    assert y == pytest.approx(np.log(0.5 / 1.1), abs=0.2)
    assert side == 0


def test_one_change_alone_leaves_more_doubt_than_none():
    assert rests([0.9, 0.6])[1] > rests([0.6, 0.6])[1]


def test_a_queue_that_grows_by_a_tenth_in_every_interval_is_known_to_break():
    y, _, side = rests([0.3, 0.4, 0.5, 0.6], n_held=3)
    assert y == pytest.approx(WORSE)
    assert side == 1


def test_a_first_reading_is_taken_as_it_is_with_doubt():
    y, variance, _ = rests([0.6])
    assert y == pytest.approx(np.log(0.7 / 1.1))
    assert variance > 0.2


def test_noise_is_what_differs_from_one_interval_to_the_next_but_no_trend():
    rng = np.random.default_rng(0)
    noisy, _ = followed([0.8] * 60, (0.5 * np.exp(0.2 * rng.standard_normal(60))).tolist())
    assert noisy.noise[LOAD] == pytest.approx(0.2, rel=0.3)
    steady, _ = followed([0.8] * 60, (0.3 * np.exp(0.01 * np.arange(60))).tolist())
    assert steady.noise[LOAD] == PRIOR.least_noise[LOAD]


def test_what_all_ratios_tremble_by_is_the_telemetrys_noise_and_no_risk():
    rng = np.random.default_rng(0)
    errors = np.exp(0.15 * rng.standard_normal((2, 80)))
    trend, _ = followed((0.7 * errors[0]).tolist(), (0.5 * errors[1]).tolist())
    assert trend.shared_noise == pytest.approx(0.15, rel=0.3)
    assert np.all(trend.risk(PRIOR) < 0.1)
    only_one, _ = followed([0.7] * 80, (0.5 * errors[1]).tolist())
    assert only_one.shared_noise < 0.01
    assert only_one.risk(PRIOR)[LOAD] == pytest.approx(0.15, rel=0.3)


def test_a_backlog_drains_in_proportion_to_what_is_to_spare():
    """Three tenths per interval at a load of a half: six tenths with nothing asked for."""
    trend, _ = followed(np.arange(4.0, 1.2, -0.3).tolist())
    assert trend.drains[CARRIED] == pytest.approx(0.6, rel=0.1)
