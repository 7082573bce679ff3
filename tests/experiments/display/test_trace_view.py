"""A trace in a terminal: what each line says of it, and how it fits."""

import io

import numpy as np
import pytest
from rich.console import Console

from experiments.display.events import TimedEvent
from experiments.display.trace_view import blocks_of, rows_of, trace_view
from tests.experiments.display.rerun.left import trace

GRADES = ("n", "s", "m")


def shown(width: int, events=(), **columns) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(trace_view(trace(**columns), GRADES, events, width))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_line_says_what_each_figure_was_over_time_and_what_it_came_to():
    text = "\n".join(shown(120))
    for words in ("0 to 2 s", "last 20 /s", "last n", "holds 66.7 %", "mean 0.47", "surprise"):
        assert words in text
    fps = next(line for line in shown(120) if line.startswith("fps"))
    assert fps.split() == ["fps", "██▆▆", "last", "20", "/s", "20", "/s", "30", "/s"]


def test_blocks_are_means_of_as_many_steps_and_say_where_an_slo_was_broken():
    rows = {row.name: row for row in rows_of(trace(), GRADES)}
    load = rows["load ÷ threshold"]
    assert [is_broken for _, is_broken in blocks_of(load, 4)] == [False, True, False, False]
    assert blocks_of(load, 4)[3][0] == " "  # nothing was measured
    assert [is_broken for _, is_broken in blocks_of(load, 2)] == [True, False]
    assert len(blocks_of(load, 100)) == 4


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_longer_than_the_terminal_and_none_is_cut(width):
    n = 500
    lines = [line for line in shown(width, **long(n)) if line]
    assert all(len(line) <= width for line in lines)
    assert not any("…" in line for line in lines)


def long(n: int) -> dict[str, np.ndarray]:
    """Columns of a trace of that many steps."""
    standard = trace()
    return {name: np.resize(standard[name].to_numpy(), n) for name in standard.columns}


def test_events_are_listed_at_their_times_and_counted_where_they_are_many():
    lost = TimedEvent(1, "worker 0 is lost", True)
    assert "     0 s  worker 0 is lost" in shown(100, [lost])  # it begins at 0.5 s
    assert not any("lost" in line for line in shown(100, [lost._replace(step=9)]))
    assert shown(100, [lost] * 20)[-1].strip() == "and 12 other events"
