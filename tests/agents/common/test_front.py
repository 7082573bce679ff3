"""Along a front whose costs are 1, 2, 4, 8, 16: what is settled on, period by period."""

from dataclasses import replace

import pytest

from agents.common.front import Course, Front, Patience, demand, settle
from agents.common.pressure import Drain, Reading, Watch
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

COSTS = (1.0, 2.0, 4.0, 8.0, 16.0)
SPEC = ElasticitySpec((Knob("a", "", tuple(COSTS), COSTS, (COSTS,)),), (Slo("m", 1.0),))
FRONT = Front(SPEC)
PATIENCE = Patience(cool_down=1, window=2, probation=4, first_bar=3, longest_bar=8)


def reading(now, pressure, backlog=None):
    """At that position, where WARNING begins at the threshold."""
    return Reading(
        levels=(now,),
        pressure=pressure,
        backlog=backlog,
        pressure_broken=(pressure or 0) > 1,
        backlog_broken=(backlog or 0) > 1,
        all_ok=max(pressure or 0, backlog or 0) <= 1,
    )


def walk(course, *steps):
    """Positions settled on after steps of (now, wish, pressure[, backlog]), and the last course."""
    settled = []
    for now, wish, *seen in steps:
        course, said = course.after(SPEC, reading(now, *seen))
        position, course = settle(PATIENCE, course, FRONT, said, now, wish)
        settled.append(position)
    return settled, course


def test_levels_beside_the_front_stand_where_their_cost_does():
    assert FRONT.levels == ((0,), (1,), (2,), (3,), (4,))
    assert [FRONT.within(cost) for cost in (0.5, 1.0, 3.9, 4.0, 99.0)] == [0, 0, 1, 2, 4]
    assert FRONT.position((3,)) == 3


def test_down_at_once_and_then_not_again_before_the_cool_down_is_over():
    settled, _ = walk(Course(), (4, 2, 2.0), (2, 0, 2.0), (2, 0, 2.0))
    assert settled == [2, 2, 0]


def test_up_only_as_far_as_every_wish_within_the_window():
    settled, _ = walk(Course(), (0, 3, 0.1), (0, 2, 0.2), (2, 4, 0.1), (2, 2, 0.8), (2, 4, 0.1), (2, 4, 0.1))
    assert settled == [0, 2, 2, 2, 2, 4]


def test_nothing_is_raised_near_a_threshold():
    settled, _ = walk(Course(), *[(1, 3, 0.5, 1.05)] * 4)
    assert set(settled) == {1}


def test_a_raise_that_failed_is_barred_for_longer_each_time():
    course, lengths = Course(), []
    for _ in range(4):
        _, course = walk(replace(course, bar_left=0), (1, 2, 0.4), (1, 2, 0.4))
        settled, course = walk(course, (2, 1, 1.3), (1, 1, 0.5))
        lengths.append(course.bar_length)
        assert settled == [1, 1]
        assert course.bar == 2
    assert lengths == [3, 6, 8, 8]
    settled, _ = walk(replace(course, since_change=9), (0, 4, 0.2), (0, 4, 0.2), (1, 4, 0.4), (1, 4, 0.4))
    assert settled == [0, 1, 1, 1]  # short of the bar


def test_a_bar_yields_to_twice_the_capacity():
    barred = Course(since_change=9, bar=2, bar_left=8, bar_length=8, bar_price=0.4)
    assert walk(barred, (1, 4, 0.5), (1, 4, 0.5))[0] == [1, 1]
    assert walk(barred, (1, 4, 0.4), (1, 4, 0.4))[0] == [1, 4]  # 0.4 / 2 = half of 0.4


def test_an_explained_lowering_without_a_raise_bars_nothing_but_an_unexplained_one_does():
    _, course = walk(Course(), (3, 2, 1.5))
    assert course.bar is None
    _, course = walk(Course(), (3, 2, 0.5, 1.2))
    assert (course.bar, course.bar_left) == (3, 3)


def test_what_holds_after_its_probation_is_proven_and_lifts_the_bar():
    course = Course(bar=1, bar_length=8, raised_from=0)
    _, course = walk(course, *[(1, 1, 0.5)] * 4)
    assert course.raised_from == 0
    _, course = walk(course, (1, 1, 0.5))
    assert (course.raised_from, course.proven, course.bar, course.bar_length) == (None, 1, None, 0)


def test_without_a_pressure_strides_double_until_the_first_failure_and_are_of_one_after_it():
    ok = (None, 0.0)
    steps = [(0, 4, *ok)] * 2 + [(1, 4, *ok)] * 2 + [(3, 4, *ok)] * 2
    assert walk(Course(), *steps)[0] == [0, 1, 1, 3, 3, 4]
    failed = Course(bar=4, bar_length=3)
    steps = [(0, 4, *ok)] * 2 + [(1, 4, *ok)] * 2
    assert walk(failed, *steps)[0] == [0, 1, 1, 2]


def test_without_a_pressure_a_backlog_that_goes_on_growing_takes_the_last_raise_back():
    _, course = walk(Course(), (1, 4, None, 0.0), (1, 4, None, 0.0))
    settled, course = walk(course, (2, 4, None, 0.3), (2, 4, None, 0.6), (1, 4, None, 0.5))
    assert settled == [2, 1, 1]
    assert course.bar == 2


def test_demand_is_the_pressure_and_what_is_stuck_beside_it():
    stuck = Course(watch=Watch(drain=Drain(1.5, 1.5, strikes=4)))
    assert demand(PATIENCE, Course(), reading(0, 0.6, 0.2)) == 0.6
    assert demand(PATIENCE, Course(), reading(0, 0.6, 1.5)) == 0.6  # it may drain
    assert demand(PATIENCE, stuck, reading(0, 0.6, 1.5)) == 1.5
    assert demand(PATIENCE, Course(), reading(0, None, 0.2)) == 0.2
    assert demand(PATIENCE, Course(), reading(0, None, 1.5)) is None
    assert demand(PATIENCE, Course(), reading(0, None)) is None


@pytest.mark.parametrize("change", [{"window": 0}, {"cool_down": -1}, {"first_bar": 9}, {"probation": 0}])
def test_figures_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=r"expected window, probation|longest_bar must be"):
        replace(PATIENCE, **change)
