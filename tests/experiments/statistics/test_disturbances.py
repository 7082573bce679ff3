"""Changes of the world, and how long it takes until all is well again."""

import numpy as np

from envs.scenario import Event, EventKind, Scenario
from experiments.statistics.disturbances import (
    Answer,
    ChangePoint,
    borders,
    change_points,
    disturbances_of,
    first_lasting,
    phases,
    recoveries,
    restorations,
)
from pipeline.slos import Sense, Slo

SLOS = (Slo("latency", 100.0), Slo("rate", 5.0, sense=Sense.AT_LEAST))


def event(kind: EventKind, at_s: float, **values) -> Event:
    """At a time."""
    return Event(kind=kind, at_s=at_s, **values)


def turns(*events: Event, streams: int = 1) -> list[tuple[int, bool]]:
    """Of 100 steps of one second."""
    found = change_points(Scenario(streams=streams, events=events), SLOS, 100, 1.0, 0)
    return [(turn.step, turn.is_worse) for turn in found]


def recovered(held: np.ndarray, points, needed) -> list[Answer]:
    """Of those that count by the trace itself; what does not hold is broken."""
    return recoveries(held, points, disturbances_of(~held, np.ones(len(held)), points, needed))


def restored(qoe: np.ndarray, points) -> list[Answer]:
    """Likewise."""
    return restorations(qoe, points, disturbances_of(np.zeros(len(qoe), dtype=bool), qoe, points, {}))


def truths(text: str) -> np.ndarray:
    """A step per letter: "+" held, "." broken."""
    return np.array([letter == "+" for letter in text])


def test_more_streams_are_worse_and_fewer_better():
    kind = EventKind.STREAMS
    found = turns(event(kind, 20, value=3), event(kind, 50, value=2), event(kind, 70, value=2), streams=1)
    assert found == [(20, True), (50, False)]


def test_each_kind_of_event_has_its_worse_side():
    assert turns(
        event(EventKind.LOSE_WORKER, 10, worker=0),
        event(EventKind.JOIN_WORKER, 20, worker=0),
        event(EventKind.SLOW_WORKER, 30, worker=1, value=3.0),
        event(EventKind.SLOW_WORKER, 40, worker=1, value=1.0),
        event(EventKind.LINKS, 50, value=10.0),
        event(EventKind.LINKS, 60, value=100.0),
        event(EventKind.THRESHOLD, 70, metric="latency", value=50.0),
        event(EventKind.THRESHOLD, 80, metric="latency", value=100.0),
        event(EventKind.THRESHOLD, 90, metric="rate", value=9.0),
        event(EventKind.THRESHOLD, 95, metric="rate", value=5.0),
    ) == [(step, step in (10, 30, 50, 70, 90)) for step in (10, 20, 30, 40, 50, 60, 70, 80, 90, 95)]


def test_what_the_run_begins_with_is_no_turn():
    assert turns(event(EventKind.STREAMS, 0, value=3), event(EventKind.STREAMS, 40, value=1)) == [(40, False)]


def test_phases_end_where_the_next_begins():
    worse, better = ChangePoint(10, True), ChangePoint(15, False)
    assert phases([worse, better], 40) == [(worse, 15), (better, 40)]
    assert borders([worse, better], 40) == {10: 15}


def test_phases_that_leave_no_time_to_answer_do_not_count():
    held = truths("+" * 10 + "." * 5 + "+" * 15)
    points = [ChangePoint(10, True), ChangePoint(15, False)]
    assert recovered(held, points, {}) == []
    assert restored(np.where(held, 1.0, 0.4), [ChangePoint(10, True), ChangePoint(25, False)]) == []


def test_recovered_is_where_five_good_steps_in_a_row_begin():
    assert first_lasting(truths("..++++.+++++....")) == Answer(7, False)
    assert first_lasting(truths("+++++...........")) == Answer(0, False)


def test_who_does_not_recover_has_taken_all_the_time_there_was():
    assert first_lasting(truths(".++++.++++.")) == Answer(11, True)


def test_recovery_ends_with_the_phase():
    held = truths("+" * 10 + "." * 8 + "++" + "+" * 10)
    turned = [ChangePoint(10, True), ChangePoint(20, False)]
    # two good steps in the phase, and what comes after it is of the next
    assert recovered(held, turned, {10: True}) == [Answer(10, True)]


def test_a_disturbance_counts_only_if_holding_still_would_break_something():
    held = truths("+" * 10 + "..." + "+" * 17)
    assert recovered(held, [ChangePoint(10, True)], {10: False}) == []
    assert recovered(held, [ChangePoint(10, True)], {10: True}) == [Answer(3, False)]


def test_where_that_is_not_known_it_counts_if_something_was_broken():
    held, turns = truths("+" * 12 + "." + "+" * 17), [ChangePoint(10, True)]
    assert recovered(held, turns, {}) == [Answer(3, False)]
    unmeasured = disturbances_of(np.zeros(30, dtype=bool), np.ones(30), turns, {})
    assert recoveries(held, turns, unmeasured) == []


def test_a_turn_for_the_better_needs_no_recovery():
    held = truths("." * 30)
    assert recovered(held, [ChangePoint(10, False)], {10: True}) == []


def test_restored_is_where_nine_tenths_of_the_lost_qoe_are_back():
    # 1.0 before, 0.4 in between: 0.94 is asked for, first in the mean of the five steps from 23 on
    qoe = np.array([1.0] * 10 + [0.4] * 10 + [0.4] * 2 + [0.7] * 2 + [1.0] * 16)
    assert restored(qoe, [ChangePoint(10, True), ChangePoint(20, False)]) == [Answer(3, False)]


def test_what_was_not_lost_need_not_be_restored():
    qoe = np.array([1.0] * 10 + [0.99] * 10 + [0.5] * 20)
    assert restored(qoe, [ChangePoint(10, True), ChangePoint(20, False)]) == []
    assert restored(qoe, [ChangePoint(20, False)]) == []


def test_who_does_not_restore_has_taken_all_the_time_there_was():
    qoe = np.array([1.0] * 10 + [0.4] * 30)
    assert restored(qoe, [ChangePoint(10, True), ChangePoint(20, False)]) == [Answer(20, True)]


def test_disturbances_on_top_of_each_other_end_in_reverse_order():
    # 1.0, 0.8, 0.4; back to 0.8 at once in the fourth phase, and to 1.0 three steps into the fifth
    qoe = np.array([1.0] * 10 + [0.8] * 10 + [0.4] * 10 + [0.8] * 10 + [0.8] * 3 + [1.0] * 7)
    turned = [ChangePoint(10, True), ChangePoint(20, True), ChangePoint(30, False), ChangePoint(40, False)]
    assert restored(qoe, turned) == [Answer(0, False), Answer(3, False)]


def test_all_answer_the_same_disturbances():
    """One that never rose holds still, and one that gave up nothing: both are asked as the oracle is."""
    points = [ChangePoint(10, True), ChangePoint(20, False)]
    oracle = disturbances_of(np.zeros(40, dtype=bool), np.array([1.0] * 10 + [0.4] * 30), points, {10: True})
    assert recoveries(truths("+" * 40), points, oracle) == [Answer(0, False)]
    assert restorations(np.full(40, 0.2), points, oracle) == [Answer(0, False)]
    assert restorations(np.array([0.2] * 10 + [0.3] * 10 + [0.1] * 20), points, oracle) == [Answer(20, True)]
    others = disturbances_of(np.zeros(40, dtype=bool), np.ones(40), points, {10: False})
    assert recoveries(truths("." * 40), points, others) == []
