"""The table of legal transitions: complete, closed, and loud about what it does not list."""

import pytest

from pipeline.producer.states import (
    TRANSITIONS,
    Cause,
    EpisodeState,
    FrameState,
    IllegalTransitionError,
    WorkerState,
    after,
)


@pytest.mark.parametrize(
    ("start", "states"),
    [
        (EpisodeState.STANDBY, EpisodeState),
        (WorkerState.LOADING, WorkerState),
        (FrameState.QUEUED, FrameState),
    ],
)
def test_every_state_has_a_row_and_is_reached_from_the_first_one_without_leaving_its_kind(start, states):
    reached, new = set(), {start}
    while new:
        reached |= new
        new = {follows for state in new for follows in TRANSITIONS[state].values()} - reached
    assert reached == set(states)


def test_the_table_has_a_row_for_each_state_and_a_use_for_each_cause():
    assert len(TRANSITIONS) == len(EpisodeState) + len(WorkerState) + len(FrameState)
    assert {cause for row in TRANSITIONS.values() for cause in row} == set(Cause)


@pytest.mark.parametrize(
    ("state", "cause", "words"),
    [
        (
            EpisodeState.RUNNING,
            Cause.BEGIN,
            "BEGIN cannot happen in State RUNNING, only SOURCE_ENDED, CUT_SHORT",
        ),
        (WorkerState.LOADING, Cause.HAND_TASK, "HAND_TASK cannot happen in WorkerState LOADING"),
        (FrameState.JUDGED, Cause.JUDGE, "JUDGE cannot happen in FrameState JUDGED, only nothing"),
    ],
)
def test_what_is_illegal_raises_and_names_cause_and_state(state, cause, words):
    with pytest.raises(IllegalTransitionError, match=words):
        after(state, cause)
