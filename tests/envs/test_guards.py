"""What of a decision is let through."""

import pytest

from envs.guards import NO_GUARDS, Gate, Guards, Paused
from tests.envs.fakes import spec

NOW = (1, 1, 0)


@pytest.mark.parametrize(
    ("guards", "wanted", "admitted"),
    [
        (NO_GUARDS, (2, 0, 1), (2, 0, 1)),
        (Guards(lowest=(1, 1, 0)), (0, 0, 1), (1, 1, 1)),
        (Guards(highest=(1, 1, 0)), (2, 0, 1), (1, 0, 0)),
        (Guards(paused=Paused.UP), (2, 0, 1), (1, 0, 0)),
        (Guards(paused=Paused.DOWN), (2, 0, 1), (2, 1, 1)),
        (Guards(paused=Paused.BOTH), (2, 0, 1), NOW),
        (Guards(highest=(0, 1, 1), paused=Paused.DOWN), (2, 1, 0), NOW),
    ],
)
def test_a_decision_goes_as_far_as_it_may(guards, wanted, admitted):
    assert Gate(guards, spec()).admitted(wanted, NOW) == admitted


def test_changes_are_so_many_intervals_apart():
    gate, levels, seen = Gate(Guards(every=3), spec()), NOW, []
    for wanted in [(2, 1, 1), (0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 0, 0)]:
        levels = gate.admitted(wanted, levels)
        seen.append(levels)
    assert seen == [(2, 1, 1), (2, 1, 1), (2, 1, 1), (0, 0, 0), (0, 0, 0)]
    gate.begin()
    assert gate.admitted((1, 0, 0), levels) == (1, 0, 0), "an episode does not wait for the one before"


@pytest.mark.parametrize(
    ("guards", "sentence"),
    [
        (Guards(every=0), "guards.every must be >= 1, got 0"),
        (Guards(lowest=(3, 0, 0)), "an action is one integer below"),
        (Guards(lowest=(2, 0, 0), highest=(1, 1, 1)), r"guards\.lowest must not be above guards\.highest"),
    ],
)
def test_limits_that_cannot_be_are_refused(guards, sentence):
    with pytest.raises(ValueError, match=sentence):
        Gate(guards, spec())
