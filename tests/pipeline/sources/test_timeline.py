"""Timestamps as they come and what is added to them; the unit is a millisecond, the rate 25/s."""

from fractions import Fraction

from pipeline.sources.timeline import Timeline

MS = Fraction(1, 1000)


def placed(times_ms: list[int], fps: float = 25.0) -> tuple[list[int], int]:
    """When pictures of these times are shown (ms), in the order of decoding, and the number of jumps."""
    timeline = Timeline(fps, MS)
    shown_ns = [timeline.place(time_ms + timeline.shift(time_ms)) for time_ms in times_ms]
    return [shown // 1_000_000 for shown in shown_ns], timeline.n_jumps


def test_a_jump_back_goes_on_one_period_later():
    assert placed([900, 940, 980, 0, 40, 80]) == ([0, 40, 80, 120, 160, 200], 1)


def test_an_hour_forward_goes_on_one_period_later():
    assert placed([0, 40, 3_600_080, 3_600_120]) == ([0, 40, 80, 120], 1)


def test_a_time_that_is_wrong_only_once_costs_nothing():
    assert placed([0, 40, 9_000_000, 120, 160]) == ([0, 40, 80, 120, 160], 2)


def test_variable_rates_and_still_pictures_stay_as_they_are():
    times_ms = [0, 33, 200, 1000, 1010, 5900, 5940]
    assert placed(times_ms) == (times_ms, 0)


def test_a_slow_stream_may_stand_still_for_longer():
    assert placed([0, 2000, 40_000, 42_000], fps=0.5) == ([0, 2000, 40_000, 42_000], 0)


def test_pictures_out_of_order_are_no_jump():
    assert placed([0, 40, 120, 80, 160]) == ([0, 40, 120, 120, 160], 0)


def test_a_jump_forward_that_packets_announce_before_it_is_taken_out():
    timeline = Timeline(25.0, MS)
    packets = [(0, 0), (40, 80), (80, 40), (3_600_000, 3_600_040), (3_600_040, 3_600_000)]  # (dts, pts)
    shown = sorted(pts + timeline.shift(dts) for dts, pts in packets)
    assert [timeline.place(pts) // 1_000_000 for pts in shown] == [0, 40, 80, 120, 160]


def test_pictures_without_a_time_follow_each_other():
    timeline = Timeline(25.0, MS)
    times = [None, None, 500, None, 580]
    assert [timeline.place(time) // 1_000_000 for time in times] == [0, 40, 80, 120, 160]
