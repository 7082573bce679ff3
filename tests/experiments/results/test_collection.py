"""Which runs count, and what a reader is told of them and of the others."""

import pandas as pd
import pytest

from experiments.program.errors import ConfigError
from experiments.results.collection import collected, finished, metadata_of, newest, selected, tally
from tests.experiments.results.rows import row, runs

THREE = runs(row("a"), row("b", seed=1), row("c", {"agent.target": 0.8}, agent="aimd"))


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
    kept, notes = selected(THREE, where)
    assert kept["place"].tolist() == expected
    assert notes == ([f"Chosen by {where}: {len(expected)} of 3 runs."] if where else [])


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("agnt == 'rule'", "'agnt' is not defined; runs have agent, "),
        ("agent ==", "is no query: "),
        ("seed", "must be true or false for each run"),
        (
            "agent == 'ppo'",
            "is true for no run; there are agent in ['aimd', 'rule'], hardware in ['rpi5']",
        ),
        ("qoe_mean > 0.5", "'qoe_mean' is not defined"),  # nobody chooses by what came of it
        ("run == 1", "'run' is not defined"),
    ],
)
def test_a_query_that_is_none_is_a_sentence(where, complaint):
    with pytest.raises(ConfigError) as caught:
        selected(THREE, where)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_runs_that_did_not_finish_or_not_as_planned_are_left_out_by_name():
    broken = row("results/x", status="FAILED", error="worker 2 is gone.", seed=1)
    harmed = row("d", status="DEGRADED", error="2 workers died", config_hash="another")
    kept, notes = finished(runs(row("a"), broken, row("c", status="KILLED", seed=2), harmed))
    assert kept["place"].tolist() == ["a"]
    assert notes == [
        "Left out: 3 runs did not finish as planned (1 FAILED, 1 KILLED, 1 DEGRADED): "
        "results/x (FAILED: worker 2 is gone), c (KILLED), d (DEGRADED: 2 workers died)."
    ]


def test_a_run_that_was_killed_and_played_again_is_not_missed():
    kept, notes = finished(runs(row("a", status="KILLED"), row("b")))
    assert (kept["place"].tolist(), notes) == (["b"], [])


def test_nothing_that_finished_is_nothing_to_compare():
    expected = r"nothing to compare: 1 run did not finish as planned \(1 RUNNING\): a"
    with pytest.raises(ConfigError, match=expected):
        finished(runs(row("a", status="RUNNING")))


def test_of_runs_of_one_episode_the_newest_counts_and_one_that_two_sources_have_counts_once():
    three = row("new", begun="20261126-120000"), row("other"), row("old", begun="20261125-235959")
    kept, notes = newest(
        runs(*three, row("MLflow run 0", begun="20261126-120000")).assign(cell="x", variant=list("xyxx"))
    )
    assert len(kept) == 2 and set(kept["begun"]) == {"20261126-120000", "20261126-010000-other"}
    assert notes == ["Left out: 2 runs of the same agent, world and seed as another; the newest counts."]


# --- all of it together ---


def test_a_newer_run_stands_for_an_older_one():
    found = collected([row("new", begun="20261127-000000"), row("old", begun="20261126-000000")], "")
    assert found.runs["place"].tolist() == ["new"]
    assert found.n_logged == 2
    assert found.notes[0].startswith("Left out: 1 run of the same agent")


def test_another_code_is_the_first_thing_said():
    rows = [row("a"), row("b", seed=1, code_hash="eeeeeeeeeeee"), row("c", seed=1, agent="aimd")]
    (note,) = collected(rows, "").notes
    assert note.startswith("Not all of one code: rule ran with 2 versions of its own code")
    assert "cccccccccccc (1 run), eeeeeeeeeeee (1 run)" in note


def test_several_commits_of_one_code_are_a_fact_and_no_caveat():
    found = collected([row("a"), row("b", seed=1, git_commit="0123456789abcdef-dirty")], "")
    assert found.notes == []
    assert metadata_of(found, "")["Commit"] == "dddddddddddd (1 run), 0123456789ab-dirty (1 run)"


def test_facts_are_told_in_short():
    assert tally(pd.Series(["x", "y", "x", ""])) == "x (2 runs), y (1 run)"
    assert tally(pd.Series(["x", "x"])) == "x"


def test_runs_whose_simulated_twin_was_not_near_are_named():
    good, poor = ({"poor": text} for text in ("", "load near in 10%"))
    runs = [row("a", env="pipeline", certificate=good), row("b", env="pipeline", seed=1, certificate=poor)]
    (note,) = collected(runs, "").notes
    assert note.startswith("In 1 of 2 runs of the pipeline the simulated twin is not near")
    assert note.endswith("rule in rpi5/steady under 1 (load near in 10%).")
    assert collected([row("c"), row("d", env="pipeline", hardware="local")], "").notes == []
