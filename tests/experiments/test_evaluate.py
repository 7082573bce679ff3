"""The program as a user calls it: tables, pictures, resuming, and agents that fail."""

from pathlib import Path

import pandas as pd
import pytest

from tests.experiments.programs import Done, call

OURS = "{agent: static, overrides: {_target_: tests.experiments.studies.agents.%s}}"
BROKEN = [
    f"+evaluation.agents.gives={OURS % 'Gives'}",
    f"+evaluation.agents.dies={OURS % 'Dies'}",
    "+evaluation.agents.wrong={agent: static, overrides: {levels: [9, 9, 9]}}",
]
pytestmark = pytest.mark.timeout(300)  # programs with processes of their own
PICTURES = ("score.png", "plane.png", "profile.png", "improvement.png", "compliance.png", "regret.png")


def evaluate(results: Path, *overrides: str) -> Done:
    """`python -m experiments.evaluate evaluation=quick`, on one core."""
    words = ("evaluation=quick", "processes=1", f"results={results}", *overrides)
    return call("experiments.evaluate", *words)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> tuple[Path, Done]:
    """An evaluation with three agents that fail, each in its own way."""
    results = tmp_path_factory.mktemp("results")
    return results, evaluate(results, *BROKEN)


def test_agents_that_fail_are_reported_and_take_nobody_with_them(evaluated):
    results, done = evaluated
    assert done.code == 1, done.err
    assert "6 episodes failed" in done.err
    text = (results / "evaluation" / "quick" / "table.md").read_text(encoding="utf-8")
    for failure in (
        "2 episodes, the first gives in rpi5/load_burst, seed 0: no more ideas",
        "2 episodes, the first dies in rpi5/load_burst, seed 0: its process ended with exit code 3",
        "2 episodes, the first wrong in rpi5/load_burst, seed 0: agents.wrong: levels must be",
    ):
        assert failure in text
    table = pd.read_csv(results / "evaluation" / "quick" / "table.csv")
    assert sorted(table["agent"]) == ["oracle", "rule", "static-highest", "static-lowest"]
    assert set(table["episodes"]) == {2}


def test_it_leaves_tables_and_pictures(evaluated):
    directory = evaluated[0] / "evaluation" / "quick"
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


def test_what_was_played_is_not_played_again(evaluated):
    results, _ = evaluated
    files = {path: path.stat().st_mtime_ns for path in results.rglob("*.parquet")}
    before = pd.read_csv(results / "evaluation" / "quick" / "table.csv")
    assert len(files) == 20 + 2 + 3 * 2  # random, oracle, and the others
    next(path for path in files if path.parent.name == "rule").unlink()
    done = evaluate(results)
    assert done.code == 0, done.err
    assert "27 of 28 episodes are there already" in done.out
    kept = {path: path.stat().st_mtime_ns for path in results.rglob("*.parquet")}
    assert kept.keys() == files.keys()
    assert sum(kept[path] != files[path] for path in files) == 1
    after = pd.read_csv(results / "evaluation" / "quick" / "table.csv")
    told = ["agent", "score", "score_low", "score_high", "reward_mean"]
    pd.testing.assert_frame_equal(after.loc[:, told], before.loc[:, told])


@pytest.mark.real
def test_the_real_pipeline_is_measured_by_its_simulated_twin(tmp_path):
    few = ["~evaluation.agents.oracle", "~evaluation.agents.static-highest", "evaluation.highlight=[rule]"]
    cells = {"steps": "12", "control_interval_s": "0.5", "seeds": "1", "scenarios": "[steady]"}
    changed = [f"evaluation.cells.quick.{name}={value}" for name, value in cells.items()]
    done = evaluate(tmp_path, "env=pipeline", *few, *changed)
    assert done.code == 0, done.err
    directory = tmp_path / "evaluation" / "quick-pipeline"
    ranks = pd.read_csv(directory / "ranks.csv")
    assert sorted(ranks["agent"]) == ["rule", "static-lowest"]
    assert not ranks.isna().to_numpy().any()
    assert "those of the simulated twin" in (directory / "table.md").read_text(encoding="utf-8")
    assert not (directory / "answers.png").exists()  # nothing happens there
    assert "those of the simulated twin" in (directory / "report.html").read_text(encoding="utf-8")
