"""The report as files."""

import hashlib
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from experiments.report.block import Evidence
from experiments.report.report import write_report
from experiments.statistics.disturbances import ChangePoint
from tests.experiments.statistics.played import REFERENCES, episode

pytestmark = pytest.mark.timeout(300)  # draws some dozens of figures
POINTS = (ChangePoint(5, True), ChangePoint(15, False))
BROKEN = {"slos.lag": [0] * 5 + [2] * 3 + [0] * 12, "qoe": [0.8] * 5 + [0.3] * 12 + [0.8] * 3}


def evidence(**changes) -> Evidence:
    """Three agents, two cells of which one is scored, two seeds; all that can be drawn."""
    rng = np.random.default_rng(1)
    played = [
        episode(agent, cell, seed, points=POINTS, reward=rng.normal(mean, 0.1, 20), **BROKEN)
        for agent, mean in (("aif", 0.7), ("rule", 0.6), ("<b>&_mine", 0.2))
        for cell in ("a", "c")
        for seed in (0, 1)
    ]
    values = {
        "title": "A <test>",
        "episodes": played,
        "references": REFERENCES,
        "reference": "aif",
        "notes": ["Mind the <script>alert(1)</script>."],
        "facts": {"Commit": "0123abc"},
    }
    return Evidence(**(values | changes))


class Links(HTMLParser):
    """Collects everything on a page that a browser would fetch or jump to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.targets: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag, attrs):
        """One more."""
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "data", "action"):
                self.sources.append(str(value))
            elif name == "href":
                self.targets.append(str(value))
            elif name == "id":
                self.anchors.append(str(value))


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, list[Path], str]:
    """A report, what was written, and what the console got."""
    directory = tmp_path_factory.mktemp("report")
    console = Console(file=io.StringIO(), width=80)
    files = write_report(directory, evidence(), console)
    return directory, files, console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_all_that_was_written_is_named_the_page_first(written):
    directory, files, _ = written
    assert files[0] == directory / "report.html"
    assert {path.name for path in directory.iterdir()} == {path.name for path in files}
    assert {path.name for path in files} == {
        *("report.html", "table.md", "table.tex", "table.csv", "pairs.csv", "improvements.csv", "cells.csv"),
        *("slos.csv", "episodes.csv", "score.png", "plane.png", "compliance.png", "answers.png", "price.png"),
    }


def test_the_page_needs_nothing_else(written):
    text = written[1][0].read_text(encoding="utf-8")
    page = Links()
    page.feed(text)
    assert "script" not in page.tags and "link" not in page.tags
    assert page.sources and all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert page.targets and all(target.startswith("#") for target in page.targets)
    assert {target[1:] for target in page.targets} <= set(page.anchors)
    assert len(set(page.anchors)) == len(page.anchors)
    assert "url(" not in text and "@import" not in text


def test_names_are_text_on_the_page(written):
    text = written[1][0].read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in text and "&lt;b&gt;&amp;_mine" in text and "<b>" not in text


def test_the_page_says_what_was_run_and_what_to_mind(written):
    text = re.sub(r"<[^>]+>", " ", written[1][0].read_text(encoding="utf-8"))
    for words in (
        *("12 in 2 cells", "Commit", "0123abc", "Seeds per cell", "seeds needed for it"),
        "Not scored, for random or oracle is missing there: c.",
    ):
        assert words in text


def test_equal_evidence_gives_equal_files(written, tmp_path):
    def digests(directory: Path) -> dict[str, str]:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())
        }

    write_report(tmp_path, evidence(), Console(file=io.StringIO()))
    assert digests(tmp_path) == digests(written[0])


def test_the_csvs_have_what_the_page_has(written):
    directory = written[0]
    table = pd.read_csv(directory / "table.csv")
    assert table["agent"].tolist() == ["aif", "rule", "<b>&_mine"]
    assert set(table["block"]) == {"block"}
    cells = pd.read_csv(directory / "cells.csv").set_index(["cell", "agent"])
    assert cells["score"].isna().groupby("cell").all().to_dict() == {"a": False, "c": True}
    assert cells.loc[("a", "aif"), "oracle_reward"] == 0.75
    assert len(pd.read_csv(directory / "episodes.csv")) == 12
    assert len(pd.read_csv(directory / "improvements.csv")) == 6
    pairs = pd.read_csv(directory / "pairs.csv").set_index("agent")
    assert pairs.loc["rule", ["pairs", "seeds"]].tolist() == [4, 2]


def test_the_console_gets_the_leaderboard_and_what_to_mind(written):
    assert re.search(r"aif +\S+ \[\S+, \S+\]", written[2])
    assert "Note: Not scored, for random or oracle is missing there: c.\n" in written[2]
    assert "Note: Mind the <script>alert(1)</script>.\n" in written[2]


def test_a_papers_table_says_what_to_mind_too(written):
    table = (written[0] / "table.tex").read_text(encoding="utf-8")
    assert r"\par\raggedright\footnotesize Not scored, for random or oracle is missing there: c." in table


def test_without_references_agents_are_ranked_by_reward(tmp_path):
    write_report(tmp_path, evidence(references={}), Console(file=io.StringIO()))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "agents are ranked by reward" in text and "reward difference" in text
    assert pd.read_csv(tmp_path / "table.csv")["agent"].tolist() == ["aif", "rule", "<b>&_mine"]


def test_one_agent_in_one_episode_has_a_report(tmp_path):
    files = write_report(tmp_path, evidence(episodes=[episode("aif", "c")]), Console(file=io.StringIO()))
    assert all(path.exists() for path in files)
    assert "one seed only" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_blocks_are_reported_apart_and_together(tmp_path):
    played = [episode(name, "a") for name in ("ppo-a", "ppo-b", "aif")]
    other = [replace(one, block="other", cell="c") for one in played]
    files = write_report(tmp_path, evidence(episodes=played + other), Console(file=io.StringIO()))
    names = {path.name for path in files}
    assert {f"{block}-score.png" for block in ("all", "block", "other")} <= names
    assert "all-compliance.png" not in names  # scenarios of one block with each other
    assert pd.read_csv(tmp_path / "table.csv")["block"].tolist() == [
        b for b in ("all", "block", "other") for _ in "123"
    ]
