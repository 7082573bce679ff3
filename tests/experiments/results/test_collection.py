"""All of it together: what is left, and what a reader is told."""

from experiments.results.collection import collected
from experiments.results.metadata import spans, tally
from tests.experiments.results.candidates import candidate


def test_a_newer_run_stands_for_an_older_one():
    found = collected(
        [candidate("new", begun="20261127-000000"), candidate("old", begun="20261126-000000")], ""
    )
    assert [one.place for one in found.candidates] == ["new"]
    assert found.n_logged == 2
    assert found.notes[0].startswith("Left out: 1 run of the same agent")


def test_another_code_is_the_first_thing_said():
    runs = [
        candidate("a"),
        candidate("b", seed=1, code_hash="eeeeeeeeeeee"),
        candidate("c", seed=1, agent="aimd"),
    ]
    first, *others = collected(runs, "").notes
    assert first.startswith("Not all of one code: rule ran with 2 versions of its own code")
    assert "cccccccccccc (1 run), eeeeeeeeeeee (1 run)" in first
    assert others == [
        "aimd has not played 1 of 2 episodes (rpi5/steady under 0): its figures are of the others, and pairs "
        "of what both have played."
    ]


def test_several_commits_of_one_code_are_said_too():
    notes = collected([candidate("a"), candidate("b", seed=1, git_commit="0123456789abcdef-dirty")], "").notes
    assert notes == [
        "Runs of 2 commits: dddddddddddd (1 run), 0123456789ab-dirty (1 run); what decides the results is "
        "the same in all runs of an agent."
    ]


def test_a_cell_that_somebody_has_not_played_is_named():
    runs = [candidate("a"), candidate("b", scenario="worker_loss"), candidate("c", agent="aimd")]
    (note,) = collected(runs, "").notes
    assert note.startswith("aimd has not played 1 of 2 episodes (rpi5/worker_loss):")


def test_numbers_and_facts_are_told_in_short():
    assert spans([0, 1, 2, 4, 7, 8]) == "0–2, 4, 7–8"
    assert tally(["x", "y", "x", ""]) == "x (2 runs), y (1 run)"
    assert tally(["x", "y"]) == "x, y"
