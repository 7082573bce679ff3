"""The program as a user calls it: tables, pictures, resuming, and agents that fail."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.experiments.programs import Done, call

OURS = "{agent: static, overrides: {_target_: tests.experiments.sweeps.agents.%s}}"
BROKEN = [
    f"+study.agents.gives={OURS % 'Gives'}",
    f"+study.agents.dies={OURS % 'Dies'}",
    "+study.agents.wrong={agent: static, overrides: {levels: [9, 9, 9]}}",
]
pytestmark = pytest.mark.timeout(300)  # programs with processes of their own
PICTURES = ("score.png", "plane.png", "compliance.png", "price.png")


def studied(results: Path, *overrides: str) -> Done:
    """`python -m experiments.study study=quick`, on one core."""
    words = ("study=quick", "processes=1", f"results={results}", *overrides)
    return call("experiments.study", *words)


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> tuple[Path, Done]:
    """A study with three agents that fail, each in its own way."""
    results = tmp_path_factory.mktemp("results")
    return results, studied(results, *BROKEN)


def test_agents_that_fail_are_reported_and_take_nobody_with_them(quick):
    results, done = quick
    assert done.code == 1, done.err
    assert "6 runs failed" in done.err
    text = (results / "comparisons" / "study-quick" / "table.md").read_text(encoding="utf-8")
    for failure in (
        "2 runs, the first gives in rpi5/load_burst, seed 0: ArithmeticError: no more ideas (",
        "2 runs, the first dies in rpi5/load_burst, seed 0: its process ended with exit code 3",
        "2 runs, the first wrong in rpi5/load_burst, seed 0: agent: levels must be",
    ):
        assert failure in text
    table = pd.read_csv(results / "comparisons" / "study-quick" / "table.csv")
    assert sorted(table["agent"]) == ["oracle", "rule", "static-highest", "static-lowest"]
    assert set(table["episodes"]) == {2}


def test_it_leaves_tables_and_pictures(quick):
    directory = quick[0] / "comparisons" / "study-quick"
    assert all((directory / name).stat().st_size > 10_000 for name in PICTURES)
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml") >= len(PICTURES)
    assert "rpi5/load_burst" in page and "no more ideas" in page
    table = pd.read_csv(directory / "table.csv").set_index("agent")
    assert table["score"].to_dict()["oracle"] == 1.0
    assert max(table["score"].to_list()) <= 1.01
    cells = pd.read_csv(directory / "cells.csv")
    assert set(cells["cell"]) == {"rpi5/load_burst"}
    pairs = pd.read_csv(directory / "pairs.csv").set_index("agent")
    assert pairs["score_difference_low"].to_dict()["static-highest"] > 0  # rule is better than that
    assert len(pd.read_csv(directory / "episodes.csv")) == 8


def test_what_was_played_is_not_played_again(quick):
    results, _ = quick
    runs = results / "studies"

    def finished() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(runs.glob("*/summary.json")):
            summary = json.loads(path.read_text())
            if summary["status"] == "FINISHED":
                found.setdefault(summary["agent"], []).append(path.parent.name)
        return found

    before, table = finished(), pd.read_csv(results / "comparisons" / "study-quick" / "table.csv")
    assert {agent: len(own) for agent, own in before.items()} == {
        "oracle": 2,
        "random": 20,
        "rule": 2,
        "static": 4,
    }
    shutil.rmtree(runs / before["rule"][0])
    done = studied(results)
    assert done.code == 0, done.err
    assert "27 of 28 runs are there already" in done.out
    after = finished()
    assert after["rule"][0] == before["rule"][1] and len(after["rule"]) == 2
    assert {**after, "rule": []} == {**before, "rule": []}
    now = pd.read_csv(results / "comparisons" / "study-quick" / "table.csv")
    told = ["agent", "score", "score_low", "score_high", "reward"]
    pd.testing.assert_frame_equal(now.loc[:, told], table.loc[:, told])


def test_its_runs_are_runs_like_any_other(quick):
    results, _ = quick
    done = call(
        "experiments.compare", f"runs={results / 'studies' / 'sweeps' / 'study-quick'}", f"results={results}"
    )
    assert done.code == 0, done.err
    (table,) = (results / "comparisons").glob("studies-study-quick/table.csv")
    scores = pd.read_csv(table).set_index("agent")["score"]
    ours = pd.read_csv(results / "comparisons" / "study-quick" / "table.csv").set_index("agent")["score"]
    assert scores.to_dict()["rule"] == ours.to_dict()["rule"]


def test_without_a_name_it_says_which_there_are():
    done = call("experiments.study")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        "experiments.study: say which study: study=ablations, held_out, named, native, protocol, "
    )


@pytest.mark.nightly
@pytest.mark.real
def test_the_real_pipeline_is_measured_by_its_simulated_twin(tmp_path):
    few = ["~study.agents.oracle", "~study.agents.static-highest", "study.highlight=[rule]"]
    cells = {"steps": "12", "control_interval_s": "0.5", "seeds": "1", "scenarios": "[steady]"}
    changed = [f"study.cells.quick.{name}={value}" for name, value in cells.items()]
    done = studied(tmp_path, "env=pipeline", *few, *changed)
    assert done.code == 0, done.err
    directory = tmp_path / "comparisons" / "study-quick-pipeline"
    assert sorted(pd.read_csv(directory / "table.csv")["agent"]) == ["rule", "static-lowest"]
    said = (directory / "table.md").read_text(encoding="utf-8")
    assert "rank correlation with the simulator's scores" in said
    assert not (directory / "answers.png").exists()  # nothing happens there
    assert "those of the simulated twin" in (directory / "report.html").read_text(encoding="utf-8")
