"""An agent on the published leaderboard: what is published, what is refused, and how it is called."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from envs.procedural.world import Split, draw_again, numbers
from experiments.program.errors import ConfigError
from experiments.rank import overrides
from experiments.runs.record import write_summary
from experiments.statistics.pairs import COMPARED
from experiments.sweeps import published_leaderboard
from experiments.sweeps.sweep import write_runs
from tests.experiments.programs import call

WORLDS = [f"world_{number}" for number in numbers(Split.VALIDATION, 2, "")]


def comparison(folder: Path, cells: list[str]) -> Path:
    """What a study leaves of these."""
    episodes = [
        {"agent": agent, "stratum": "link", "cell": cell, "seed": 0, **dict.fromkeys(COMPARED, figure)}
        for agent, figure in (("rule", 0.5), ("oracle", 0.9))
        for cell in cells
    ]
    pd.DataFrame(episodes).to_csv(folder / "episodes.csv", index=False)
    references = {"random_reward": -0.2, "oracle_reward": 0.6}
    pd.DataFrame([{"cell": cell, **references} for cell in cells]).to_csv(folder / "cells.csv", index=False)
    return folder


def test_what_was_published_is_read_again_and_refused_of_another_world(tmp_path):
    path = tmp_path / "leaderboard.parquet"
    assert published_leaderboard.publish(comparison(tmp_path, WORLDS), "c0ffee", path) == 2
    found = published_leaderboard.read(path)
    assert (found.commit, list(found.worlds), set(found.episodes["agent"])) == (
        "c0ffee",
        [1_000_000, 1_000_001],
        {"rule"},
    )
    first, _ = draw_again(found.worlds, 1)
    found.check(first)
    with pytest.raises(ConfigError, match="is of commit c0ffee, whose simulator or worlds are others"):
        found.check(replace(first, slos=first.slos[:1]))


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [(["rpi5/steady"], "is no comparison of drawn worlds alone"), (None, "is no comparison: No such file")],
)
def test_only_drawn_worlds_are_published(tmp_path, cells, complaint):
    folder = tmp_path if cells is None else comparison(tmp_path, cells)
    with pytest.raises(ConfigError, match=complaint):
        published_leaderboard.publish(folder, "c0ffee", tmp_path / "leaderboard.parquet")


def test_the_commit_is_that_of_the_runs_and_only_one(tmp_path):
    studies, own = tmp_path / "studies", tmp_path / "comparisons" / "study-protocol"
    for name, commit in (("a", "c0ffee"), ("b", "c0ffee"), ("c", "decade")):
        (studies / name).mkdir(parents=True)
        write_summary(studies / name, {"git_commit": commit, "status": "FINISHED"})
    write_runs(studies, own.name, ["a", "b"])
    assert published_leaderboard.commit_of(own) == "c0ffee"
    write_runs(studies, own.name, ["a", "b", "c"])
    with pytest.raises(ConfigError, match="has runs of commits c0ffee, decade: play the study"):
        published_leaderboard.commit_of(own)


def test_a_class_alone_is_an_agent_of_ones_own():
    assert overrides(["my_package.MyAgent", "worlds=3"]) == [
        "agent=custom",
        "agent._target_=my_package.MyAgent",
        "worlds=3",
    ]


@pytest.mark.timeout(300)
def test_ones_own_agent_is_placed_among_all_others(tmp_path):
    mine = "examples.elastic_extras.elastic_extras.agent.Proportional"
    words = ("+agent.gain=0.5", "+agent.target=0.7", "worlds=2", "processes=1", f"results={tmp_path}")
    done = call("experiments.rank", *overrides([mine]), *words)
    assert done.code == 0, done.err
    assert "Where Proportional did worst" in done.out
    table = pd.read_csv(tmp_path / "comparisons" / "rank" / "standing.csv")
    assert {"Proportional", "aif", "rule"} <= set(table["agent"])
    assert table["episodes"].tolist() == [2] * len(table)
