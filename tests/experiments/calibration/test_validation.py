"""Which settings are held, and what is read while they are, in a world without processes."""

import pytest

from envs.hardware import Device, GradeTimes, Hardware, Origin
from experiments.calibration.validation import (
    Hold,
    draw_settings,
    hold,
    intermediate,
    reference_levels,
    speed_factors,
)
from pipeline.program import ClusterError
from pipeline.settings import Ladders
from tests.experiments.world import World

LADDERS = Ladders((5.0, 10.0, 20.0), ((160, 90), (320, 180), (640, 360)), ("n", "s"))
HIGHEST = (5, 3, 1)
HOLD = Hold(reference=(0, 0, 0), n_reference=3, n_hold=4, n_settle=1)


def test_intermediate_rates_are_half_way_and_the_ends():
    assert intermediate([5.0, 10.0, 30.0]) == [5.0, 7.5, 20.0, 30.0]
    assert intermediate([30.0]) == [30.0]


def test_settings_are_drawn_without_repeats_and_by_the_seed_alone():
    drawn = draw_settings(LADDERS, 10, seed=3)
    assert len(set(drawn)) == len(drawn) == 10
    assert drawn == draw_settings(LADDERS, 10, seed=3) != draw_settings(LADDERS, 10, seed=4)
    for levels in drawn:
        LADDERS.settings(levels)
    assert len(draw_settings(LADDERS, 1000, seed=0)) == 3 * 3 * 2  # no more than there are


def test_the_reference_keeps_workers_busy_for_six_tenths_of_the_time():
    times = {grade: GradeTimes({"320x180": 120.0}, Origin.ASSUMED, "here") for grade in ("n", "s")}
    hardware = Hardware((Device(count=2, times=times),))
    assert reference_levels(LADDERS, hardware) == (
        (1, 1, 0),
        pytest.approx(120.0),
    )  # 10 frames/s x 120 ms / 2 workers
    half_as_fast = Hardware((Device(count=2, times=times, capacity=0.5),))
    assert reference_levels(LADDERS, half_as_fast) == ((0, 1, 0), pytest.approx(240.0))


def test_a_setting_is_held_after_the_reference_and_read_at_its_own_levels():
    figures = hold(World(HOLD.n_steps), HOLD, HIGHEST, seed=0)
    assert figures["reference_ms"] == pytest.approx(
        50.0 * 0.3 * 90 / 360
    )  # as the world has it at the lowest
    assert figures["delivered_fps"] == pytest.approx(30.0)
    assert figures["load"] == pytest.approx(30 * 0.05)


@pytest.mark.parametrize("dies_at", [2, 5])  # in the reference, and while the setting is held
def test_a_pipeline_that_dies_is_no_reading(dies_at: int):
    with pytest.raises(ClusterError, match="the producer is gone"):
        hold(World(HOLD.n_steps, dies_at), HOLD, HIGHEST, seed=0)


@pytest.mark.parametrize(("n_reference", "n_hold", "n_settle"), [(1, 4, 1), (3, 4, 4), (3, 4, -1)])
def test_an_episode_without_anything_to_count_is_refused(n_reference: int, n_hold: int, n_settle: int):
    with pytest.raises(ValueError, match="fewer to settle than to hold"):
        Hold((0, 0, 0), n_reference, n_hold, n_settle)


def test_a_setting_is_met_half_way_between_the_references_around_it():
    assert speed_factors([10.0, 20.0, 30.0], 10.0) == pytest.approx([1.5, 2.5, 3.0])
