import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pacing import NS_PER_S, Pacer, exact_rate

RATES = (1, 2, 3, 7, 8, 10, 15, 24, 25, 29, 30, 50, 59, 60, 90, 119, 120, 125, 144)


def floored(k: int, rate: Fraction) -> int:
    return k * rate.denominator * NS_PER_S // rate.numerator


def nearest(k: int, rate: Fraction) -> int:
    return round(Fraction(k * NS_PER_S) / rate)


def in_ms(k: int, rate: Fraction) -> int:
    return round(Fraction(1000 * k) / rate) * 1_000_000


def taken(pacer: Pacer, times_ns) -> list[int]:
    return [k for k, pts_ns in enumerate(times_ns) if pacer.take(pts_ns)]


def gaps(indices: list[int]) -> set[int]:
    return {b - a for a, b in itertools.pairwise(indices)}


def cfr(source_fps: float, n: int, rounding=floored) -> list[int]:
    rate = exact_rate(source_fps)
    return [rounding(k, rate) for k in range(n)]


def test_ten_of_thirty_takes_every_third():
    assert taken(Pacer(10), cfr(30, 13)) == [0, 3, 6, 9, 12]


def test_twenty_five_of_thirty_drops_every_sixth():
    left_out = sorted(set(range(60)) - set(taken(Pacer(25), cfr(30, 60))))
    assert len(left_out) == 10
    assert gaps(left_out) == {6}


@pytest.mark.parametrize("rounding", [floored, nearest])
@pytest.mark.parametrize("source_fps", RATES)
def test_counts_are_exact_and_gaps_even_for_every_pair_of_rates(source_fps, rounding):
    times_ns = cfr(source_fps, 2 * source_fps, rounding)
    for fps in range(1, source_fps + 1):
        indices = taken(Pacer(fps), times_ns)
        for second in range(2):
            assert sum(second * source_fps <= k < (second + 1) * source_fps for k in indices) == fps
        steps = gaps(indices)
        assert steps <= {source_fps // fps, math.ceil(source_fps / fps)}, (source_fps, fps)


@pytest.mark.parametrize("source_fps", [10, 24, 25, 30, 50, 60])
def test_times_rounded_to_milliseconds_are_paced_as_the_exact_ones(source_fps):
    for fps in (f for f in range(1, source_fps + 1) if source_fps % f == 0):
        assert taken(Pacer(fps), cfr(source_fps, 300, in_ms)) == list(range(0, 300, source_fps // fps))


@pytest.mark.parametrize("source_fps", [24000 / 1001, 30000 / 1001, 60000 / 1001])
def test_ntsc_rates_neither_drift_nor_lose_a_frame_at_the_top(source_fps):
    n = 50_000
    assert len(taken(Pacer(source_fps), cfr(source_fps, n))) == n
    assert len(taken(Pacer(source_fps / 2), cfr(source_fps, n))) == n // 2


def test_a_fraction_of_a_frame_per_second_is_a_legal_rate():
    assert taken(Pacer(0.5), cfr(10, 61)) == [0, 20, 40, 60]


def test_at_the_sources_rate_jitter_costs_no_frame():
    jittered_ns = [0, 30_000_000, 34_000_000, 99_000_000, 101_000_000]
    assert taken(Pacer(30, source_fps=30), jittered_ns) == [0, 1, 2, 3, 4]
    assert len(taken(Pacer(30), jittered_ns)) < 5


def test_a_variable_rate_is_thinned_where_it_is_dense_only():
    dense_ns = [k * 10_000_000 for k in range(100)]
    sparse_ns = [1_000_000_000 + k * 250_000_000 for k in range(4)]
    indices = taken(Pacer(10), dense_ns + sparse_ns)
    assert indices == [*range(0, 100, 10), 100, 101, 102, 103]


def test_a_change_of_the_knob_works_from_the_next_frame_on():
    pacer = Pacer(5)
    times_ns = cfr(30, 90)
    first = taken(pacer, times_ns[:30])
    pacer.set_fps(30)
    second = taken(pacer, times_ns[30:60])
    pacer.set_fps(10)
    third = taken(pacer, times_ns[60:])
    assert first == [0, 6, 12, 18, 24]
    assert second == list(range(30))
    assert third == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]


@given(
    st.lists(st.integers(0, 300_000_000), min_size=1, max_size=60),
    st.lists(st.sampled_from((1.0, 5.0, 10.0, 24000 / 1001, 25.0, 30.0)), min_size=1, max_size=8),
)
def test_whatever_the_times_and_the_knob_no_period_passes_untaken(gaps_ns, knob):
    pacer = Pacer(knob[0])
    pts_ns, last_ns = 0, None
    for k, gap_ns in enumerate(gaps_ns):
        fps = knob[k % len(knob)]
        pacer.set_fps(fps)
        pts_ns += gap_ns
        if pacer.take(pts_ns):
            last_ns = pts_ns
        assert last_ns is not None
        assert pts_ns - last_ns < NS_PER_S / fps


@pytest.mark.parametrize("fps", [0, -1, math.nan, math.inf, 1e-6])
def test_a_rate_that_is_none_is_refused(fps):
    with pytest.raises(ValueError, match="fps must be a finite number"):
        Pacer(fps)
