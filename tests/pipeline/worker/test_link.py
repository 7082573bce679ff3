"""An emulated link, in milliseconds worked out by hand."""

import math

from pipeline.worker.link import Link, both_ways

MS = 1_000_000


def test_an_ideal_link_takes_no_time():
    link = Link()
    assert link.is_ideal
    assert [link.arrival_ns(10**9, 5), link.arrival_ns(1, 6)] == [5, 6]


def test_messages_leave_one_after_the_other_and_travel_side_by_side():
    link = Link(delay_ms=50.0, mbit_s=8.0)  # 1000 bytes a millisecond
    assert not link.is_ideal
    arrivals = [link.arrival_ns(n_bytes, 0) for n_bytes in (10_000, 10_000, 5_000)]
    assert arrivals == [60 * MS, 70 * MS, 75 * MS]
    assert link.arrival_ns(1_000, 200 * MS) == 251 * MS, "it was free again"


def test_links_of_one_medium_take_turns_each_at_its_own_speed(tmp_path):
    medium = str(tmp_path / "access-point")
    (down, up), (other_down, _) = both_ways(1.0, 8.0, medium), both_ways(0.0, 80.0, medium)
    assert down.arrival_ns(10_000, 0) == 11 * MS
    assert other_down.arrival_ns(10_000, 5 * MS) == 11 * MS, "it waits for 5 ms and takes 1 ms"
    assert down.arrival_ns(10_000, 5 * MS) == 22 * MS
    assert up.arrival_ns(10_000, 5 * MS) == 16 * MS, "there and back are apart"
    assert down.arrival_ns(0, 5 * MS) == 6 * MS, "what is empty waits for nobody"


def test_a_medium_that_nothing_is_sent_over_leaves_no_file(tmp_path):
    down, _ = both_ways(0.0, math.inf, str(tmp_path / "access-point"))
    assert down.arrival_ns(10_000, 5) == 5
    assert not list(tmp_path.iterdir())


def test_another_bandwidth_holds_for_the_messages_that_follow():
    link = Link(mbit_s=8.0)
    link.arrival_ns(10_000, 0)
    link.mbit_s = 80.0
    assert link.arrival_ns(10_000, 0) == 11 * MS
