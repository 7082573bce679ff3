"""Who comes back, by a clock that does not move by itself."""

import math

import pytest

from pipeline.restarts import RestartBudget, Restarts, part_of


def test_so_many_restarts_are_allowed_within_any_so_many_seconds(caplog):
    times_s = iter((0.0, 4.0, 9.0, 10.0, 13.0, 14.0))  # at 10 the one at 0 counts no more, at 14 that at 4
    restarts = Restarts(RestartBudget(2, 10.0), lambda: next(times_s))
    found = [restarts.may_return("the collector", "collector ended with exit code -9") for _ in range(6)]
    assert found == [True, True, False, True, False, True]
    assert (restarts.n_deaths, restarts.n_restarts) == (6, 4)
    assert "collector ended with exit code -9" in caplog.messages[0]
    assert (
        "the collector is started again: it was started again 0 times in the last 10 s" in caplog.messages[0]
    )
    assert "the collector stays dead: it was started again 2 times" in caplog.messages[2]


def test_each_place_has_a_budget_of_its_own():
    restarts = Restarts(RestartBudget(1, 10.0), lambda: 0.0)
    assert [restarts.may_return(place, "") for place in ("slot 0", "slot 1", "slot 0")] == [True, True, False]


@pytest.mark.parametrize(
    ("n", "within_s", "complaint"),
    [
        (-1, 60.0, "restarts must be >= 0, got -1"),
        (1, 0.0, "restarts_within_s must be a finite number > 0, got 0"),
        (1, math.inf, "restarts_within_s must be a finite number > 0, got inf"),
        (1, math.nan, "restarts_within_s must be a finite number > 0, got nan"),
    ],
)
def test_a_budget_that_is_none_is_refused(n, within_s, complaint):
    with pytest.raises(ValueError, match=complaint):
        RestartBudget(n, within_s)


def test_each_collector_of_a_run_has_files_of_its_own():
    assert [part_of("run/output.mp4", n) for n in (1, 2, 3)] == [
        "run/output.mp4",
        "run/output.2.mp4",
        "run/output.3.mp4",
    ]
    assert part_of("", 2) == ""
