"""The grid of control intervals, on a clock that moves only when someone waits or works."""

import time

import pytest

from envs.control_grid import ControlGrid, sleep_until
from tests.envs.fakes import FakeClock


def grid(clock: FakeClock, interval_s: float) -> ControlGrid:
    made = ControlGrid(interval_s, clock, clock.sleep_until)
    made.begin()
    return made


def test_intervals_end_on_multiples_of_the_interval_and_none_is_missed_by_working_less():
    clock = FakeClock(now_ns=7)
    points = grid(clock, 0.5)
    ends = []
    for _ in range(3):
        clock.work(ms=200)
        assert points.wait() is False
        ends.append(clock.now_ns)
    assert ends == [500_000_007, 1_000_000_007, 1_500_000_007]


def test_a_missed_point_is_said_once():
    clock = FakeClock()
    points = grid(clock, 0.5)
    clock.work(ms=1200)
    assert [points.wait(), points.wait()] == [True, False]


def test_an_interval_that_is_none_is_refused():
    with pytest.raises(ValueError, match="control_interval_s must be > 0, got 0"):
        ControlGrid(0.0, time.monotonic_ns, sleep_until)


def test_sleeping_ends_no_earlier_than_asked():
    when_ns = time.monotonic_ns() + 2_000_000
    sleep_until(when_ns)
    assert time.monotonic_ns() >= when_ns
