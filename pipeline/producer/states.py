"""Which state follows which: of the episode, of a worker and of a frame, as the producer knows them.

The **episode** stands by until it is begun, by itself or by START. While it runs, frames are offered. Its
source's end, STOP, or a START that wants another one let it drain: nothing more is offered, and what is in
flight is waited for, first for the workers, then for the collector's word on what they did not bring. With
the last verdict it has ended, and the next START begins another. STOP is obeyed in every state, and drains
even what has ended, since everybody has yet to be told END, for which there is one way.

A **worker** loads its models from when it is let in (until then it is an applicant, see `admission`). Once it
is ready it is so for good, and only then it is handed tasks. It is gone when it leaves, falls silent, cannot
be reached or registers anew: whoever comes back is another one, and starts by loading.

A **frame** is queued when it is offered, and leased to the worker that it is handed to. A lease ends in four
ways: the collector has received the result; it comes back to the queue; it has come back too often and is
given up; or its outcome is set. Messages are late and overtake one another, so a result may be received of
a frame that is queued again, or even given up: work that is done counts. What the collector had received
is given up when that is replaced, for it is gone with it. An outcome is set once, and from every state.

A cause that its state does not list is no peer's fault: what peers say out of turn is answered with ERROR,
or ignored, by whoever asks `is_legal` first. It is this program's, and raises IllegalTransitionError.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from pipeline.messages import State as EpisodeState


class WorkerState(StrEnum):
    """The states of a worker."""

    LOADING = "LOADING"  # is told of settings, gets no task
    READY = "READY"  # its models are loaded and warm
    GONE = "GONE"


class FrameState(StrEnum):
    """The states of a frame."""

    QUEUED = "QUEUED"
    LEASED = "LEASED"
    RECEIVED = "RECEIVED"  # safe at the collector, verdict to come
    GIVEN_UP = "GIVEN_UP"  # no worker will bring it; the collector has the last word, it may have the result
    JUDGED = "JUDGED"


class Cause(StrEnum):
    """What moves something from a state to the next."""

    BEGIN = "BEGIN"
    SOURCE_ENDED = "SOURCE_ENDED"
    CUT_SHORT = "CUT_SHORT"
    DRAINED = "DRAINED"

    LOADED = "LOADED"
    HAND_TASK = "HAND_TASK"
    REMOVE = "REMOVE"

    HAND_OUT = "HAND_OUT"
    TAKE_BACK = "TAKE_BACK"
    RECEIVE = "RECEIVE"
    GIVE_UP = "GIVE_UP"
    JUDGE = "JUDGE"


AnyState = EpisodeState | WorkerState | FrameState

_E, _W, _F = EpisodeState, WorkerState, FrameState
TRANSITIONS: Mapping[AnyState, Mapping[Cause, AnyState]] = {
    _E.STANDBY: {Cause.BEGIN: _E.RUNNING, Cause.CUT_SHORT: _E.DRAINING},
    _E.RUNNING: {Cause.SOURCE_ENDED: _E.DRAINING, Cause.CUT_SHORT: _E.DRAINING},
    _E.DRAINING: {Cause.DRAINED: _E.ENDED, Cause.CUT_SHORT: _E.DRAINING},
    _E.ENDED: {Cause.BEGIN: _E.RUNNING, Cause.CUT_SHORT: _E.DRAINING},
    #
    _W.LOADING: {Cause.LOADED: _W.READY, Cause.REMOVE: _W.GONE},
    _W.READY: {Cause.HAND_TASK: _W.READY, Cause.REMOVE: _W.GONE},
    _W.GONE: {},
    #
    _F.QUEUED: {
        Cause.HAND_OUT: _F.LEASED,
        Cause.RECEIVE: _F.RECEIVED,
        Cause.GIVE_UP: _F.GIVEN_UP,
        Cause.JUDGE: _F.JUDGED,
    },
    _F.LEASED: {
        Cause.TAKE_BACK: _F.QUEUED,
        Cause.RECEIVE: _F.RECEIVED,
        Cause.GIVE_UP: _F.GIVEN_UP,
        Cause.JUDGE: _F.JUDGED,
    },
    _F.RECEIVED: {Cause.GIVE_UP: _F.GIVEN_UP, Cause.JUDGE: _F.JUDGED},
    _F.GIVEN_UP: {Cause.RECEIVE: _F.RECEIVED, Cause.JUDGE: _F.JUDGED},
    _F.JUDGED: {},
}

S = TypeVar("S", EpisodeState, WorkerState, FrameState)


class IllegalTransitionError(AssertionError):
    """This program is at fault; the text names cause and state."""


def is_legal(state: AnyState, cause: Cause) -> bool:
    """Tell whether this may happen to what is in this state."""
    return cause in TRANSITIONS[state]


def after(state: S, cause: Cause) -> S:
    """Return the state that follows. Raises IllegalTransitionError: none does."""
    try:
        return TRANSITIONS[state][cause]  # type: ignore[return-value]  # rows stay within their enum
    except KeyError:
        legal = ", ".join(TRANSITIONS[state]) or "nothing"
        kind = type(state).__name__
        raise IllegalTransitionError(f"{cause} cannot happen in {kind} {state}, only {legal}") from None
