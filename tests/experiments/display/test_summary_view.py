"""A run that is over: what each line of its trace says, how it fits a terminal, and its page."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from experiments.display.lines import TimedEvent, lines_of
from experiments.display.summary_view import print_summary, write_page
from experiments.display.views import trace_view
from tests.experiments.display.left import run, trace
from tests.experiments.report.test_report import Links

GRADES = ("n", "s", "m")


def shown(width: int, events=(), **columns) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(trace_view(trace(**columns), GRADES, events, width))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_line_says_what_each_figure_was_over_time_and_what_it_came_to():
    text = "\n".join(shown(120))
    for words in ("0 to 2 s", "last 20 /s", "last n", "holds 66.7 %", "mean 0.47, 0.40 to 0.60", "surprise"):
        assert words in text
    fps = next(line for line in shown(120) if line.startswith("fps"))
    assert fps.split() == ["fps", "last", "20", "/s", "██▆▆"]


def test_blocks_are_means_of_as_many_steps_and_say_where_an_slo_was_broken():
    lines = {line.title: line for line in lines_of(trace(), GRADES)}
    load = lines["load ÷ threshold"]
    assert [is_broken for _, is_broken in load.blocks(4)] == [False, True, False, False]
    assert load.blocks(4)[3][0] == " "  # nothing was measured
    assert [is_broken for _, is_broken in load.blocks(2)] == [True, False]
    assert len(load.blocks(100)) == 4


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_longer_than_the_terminal_and_none_is_cut(width):
    n = 500
    lines = [line for line in shown(width, **long(n)) if line]
    assert all(len(line) <= width for line in lines)
    assert not any("…" in line for line in lines)


def test_a_narrow_terminal_has_every_figure_of_a_run_and_all_of_its_words(tmp_path):
    directory = run(tmp_path / "one", trace())
    summary = json.loads((directory / "summary.json").read_text())
    summary["detections"] = (
        "emulated: drawn from the scene's truth by what trained weights were measured to find"
    )
    console = Console(file=io.StringIO(), width=60)
    print_summary(console, summary, directory, "")
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for words in ("FINISHED", "all SLOs hold", "66.7 % of the steps", "0.475", "measured to find"):
        assert words in " ".join(text.split())


def long(n: int) -> dict[str, np.ndarray]:
    """Columns of a trace of that many steps."""
    standard = trace()
    return {name: np.resize(standard[name].to_numpy(), n) for name in standard.columns}


def test_events_are_listed_at_their_times_and_counted_where_they_are_many():
    lost = TimedEvent(1, "worker 0 is lost")
    assert "     0 s  worker 0 is lost" in shown(100, [lost])  # it begins at 0.5 s
    assert not any("lost" in line for line in shown(100, [lost._replace(step=9)]))
    assert shown(100, [lost] * 20)[-1].strip() == "and 12 other events"


# --- the page ---


@pytest.fixture
def directory(tmp_path) -> Path:
    """Of a run with a video and a picture."""
    directory = run(tmp_path / "r", trace())
    (directory / "output.mp4").write_bytes(b"a video")
    (directory / "trace.png").write_bytes(b"a picture")
    return directory


def page_of(directory: Path, **facts: str) -> str:
    summary = json.loads((directory / "summary.json").read_text()) | facts
    write_page(directory, "aif & <others>", summary, trace(), GRADES)
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
