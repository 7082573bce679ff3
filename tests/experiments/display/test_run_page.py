"""A run's page says what the run was and came to, and needs nothing but the video beside it."""

import json
import re
from pathlib import Path

import pytest

from experiments.display.run_page import write_page
from tests.experiments.display.rerun.left import run, trace
from tests.experiments.report.test_report import Links


@pytest.fixture
def directory(tmp_path) -> Path:
    """Of a run with a video and a picture."""
    directory = run(tmp_path / "r", trace())
    (directory / "output.mp4").write_bytes(b"a video")
    (directory / "trace.png").write_bytes(b"a picture")
    return directory


def page_of(directory: Path, **facts: str) -> str:
    summary = json.loads((directory / "summary.json").read_text()) | facts
    write_page(directory, "aif & <others>", summary, trace(), ["n", "s", "m"])
    return (directory / "run.html").read_text(encoding="utf-8")


def test_it_has_what_the_run_was_its_figures_its_trace_and_its_files(directory):
    text = re.sub(r"<[^>]+>", " ", page_of(directory))
    for words in ("aif &amp; &lt;others&gt;", "FINISHED", "QoE, mean", "load ÷ threshold", "surprise"):
        assert words in text
    for file in ("config.yaml", "summary.json", "trace.parquet", "logs/"):
        assert f'<a href="{file}">' in page_of(directory)


def test_it_fetches_nothing_but_the_video(directory):
    page = Links()
    page.feed(page_of(directory))
    assert "script" not in page.tags and "link" not in page.tags
    assert [source[:15] for source in page.sources] == ["output.mp4", "data:image/png;"]


def test_what_ended_a_run_is_said_on_top(directory):
    text = page_of(directory, error="the <producer> is gone")
    assert '<div class="notes" role="note">' in text and "the &lt;producer&gt; is gone" in text
