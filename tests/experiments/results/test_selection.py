"""Which runs count, and what is said of the others."""

import pytest

from experiments.program.errors import ConfigError
from experiments.results.selection import chosen, finished, newest
from tests.experiments.results.candidates import candidate

THREE = (candidate("a"), candidate("b", seed=1), candidate("c", {"agent.target": 0.8}, agent="aimd"))


def places(candidates):
    return [one.place for one in candidates]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("", ["a", "b", "c"]),
        ("agent in ('aimd', 'ppo')", ["c"]),
        ("agent == 'rule' and seed >= 1", ["b"]),
        ("`agent.target` > 0.75", ["c"]),
        ("steps == 60 and control_interval_s == 1", ["a", "b", "c"]),
        ("not place.str.startswith('a')", ["b", "c"]),
    ],
)
def test_a_query_chooses(where, expected):
    kept, notes = chosen(THREE, where)
    assert places(kept) == expected
    assert notes == ([f"Chosen by {where}: {len(expected)} of 3 runs."] if where else [])


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("agnt == 'rule'", "'agnt' is not defined; runs have agent, "),
        ("agent ==", "is no query: "),
        ("seed", "must be true or false for each run"),
        (
            "agent == 'ppo'",
            "is true for none of 3 runs; there are agent in ['aimd', 'rule'], hardware in ['rpi5']",
        ),
        ("qoe_mean > 0.5", "'qoe_mean' is not defined"),  # nobody chooses by what came of it
    ],
)
def test_a_query_that_is_none_is_a_sentence(where, complaint):
    with pytest.raises(ConfigError) as caught:
        chosen(THREE, where)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_runs_that_did_not_finish_or_not_as_planned_are_left_out_by_name():
    broken = candidate("results/x", status="FAILED", error="worker 2 is gone.")
    harmed = candidate("d", status="DEGRADED", error="2 workers died")
    kept, notes = finished([candidate("a"), broken, candidate("c", status="KILLED"), harmed])
    assert places(kept) == ["a"]
    assert notes == [
        "Left out: 3 runs did not finish as planned (1 FAILED, 1 KILLED, 1 DEGRADED): "
        "results/x (FAILED: worker 2 is gone), c (KILLED), d (DEGRADED: 2 workers died)."
    ]


def test_nothing_that_finished_is_nothing_to_compare():
    with pytest.raises(
        ConfigError, match=r"nothing to compare: 1 run did not finish as planned \(1 RUNNING\): a"
    ):
        finished([candidate("a", status="RUNNING")])


def test_of_runs_with_one_key_the_newest_counts():
    new, old = candidate("new", begun="20261126-120000"), candidate("old", begun="20261125-235959")
    indices, notes = newest([new, candidate("other"), old], ["x", "y", "x"])
    assert indices == [0, 1]
    assert notes == [
        "Left out: 1 run of the same agent, world and seed as a newer one, which counts, the first old for "
        "new."
    ]


def test_a_run_that_two_sources_have_counts_once():
    runs = [candidate(place, begun="20261126-120000-rule") for place in ("results/main/a", "MLflow run 0")]
    indices, notes = newest(runs, ["x", "x"])
    assert len(indices) == 1
    assert notes == ["Found in more than one place, and counted once: 1 run."]
