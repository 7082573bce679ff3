"""Raises that break an SLO are not tried again for a while, each time for longer."""

from agents.aif.habits import NEVER, Habit, judged


def test_each_failed_raise_bars_trials_for_twice_as_long_and_each_good_one_for_half():
    habit = Habit(raised=10)
    assert judged(habit, 11, is_broken=False, delay=0, first_bar=4) == habit
    once = judged(habit, 12, is_broken=True, delay=0, first_bar=4)
    assert once == Habit(NEVER, 16, 1)
    twice = judged(once._replace(raised=20), 21, is_broken=True, delay=0, first_bar=4)
    assert twice == Habit(NEVER, 29, 2)
    assert judged(twice._replace(raised=40), 51, is_broken=True, delay=0, first_bar=4).n_failed == 1


def test_what_breaks_later_is_not_the_raises_doing_unless_telemetry_is_late():
    habit = Habit(raised=10)
    assert judged(habit, 14, is_broken=True, delay=0, first_bar=4) == habit
    assert judged(habit, 14, is_broken=True, delay=1, first_bar=4).n_failed == 1
