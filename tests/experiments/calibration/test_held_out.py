from envs.hardware import Device, GradeTimes, Hardware, Origin
from experiments.calibration.held_out import (
    draw_settings,
    intermediate,
    reference_levels,
)
from pipeline.settings import Ladders

LADDERS = Ladders((5.0, 10.0, 20.0), ((160, 90), (320, 180), (640, 360)), ("n", "s"))


def test_intermediate_rates_are_half_way_and_the_ends():
    assert intermediate([5.0, 10.0, 30.0]) == [5.0, 7.5, 20.0, 30.0]
    assert intermediate([30.0]) == [30.0]


def test_settings_are_drawn_without_repeats_and_by_the_seed_alone():
    drawn = draw_settings(LADDERS, 10, seed=3)
    assert len(set(drawn)) == len(drawn) == 10
    assert drawn == draw_settings(LADDERS, 10, seed=3) != draw_settings(LADDERS, 10, seed=4)
    for levels in drawn:
        LADDERS.settings(levels)


def test_no_more_are_drawn_than_there_are():
    assert len(draw_settings(LADDERS, 1000, seed=0)) == 3 * 3 * 2


def test_the_reference_keeps_workers_busy_for_six_tenths_of_the_time():
    times = {grade: GradeTimes({"320x180": 120.0}, Origin.ASSUMED, "here") for grade in ("n", "s")}
    hardware = Hardware((Device(count=2, times=times),))
    assert reference_levels(LADDERS, hardware) == (1, 1, 0)  # 10 frames/s x 120 ms / 2 workers
    half_as_fast = Hardware((Device(count=2, times=times, capacity=0.5),))
    assert reference_levels(LADDERS, half_as_fast) == (0, 1, 0)
