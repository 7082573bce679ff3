"""Where there is no terminal, progress is a line now and then, and an error once."""

import io

import pytest
from rich.console import Console

from experiments.program import console as progress
from experiments.program.console import ProgressView, plain_table


def test_lines_say_how_many_are_done_and_what_was_the_last(monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    console = Console(file=io.StringIO(), record=True)
    with ProgressView(console, None, "calibration", 3, "parts") as view:
        view.say("the grid")
        view.done()
        view.done("start-up", "it broke")
        view.done("another", "it broke")
    assert console.export_text().split("\n") == [
        "calibration: 3 parts",
        "     1 of 3 parts, the last the grid",
        "failed: start-up: it broke",
        "     3 of 3 parts, the last another",
        "",
        "",
    ]


def test_a_bar_shows_how_far_it_has_come_and_elsewhere_it_is_a_line_if_that_is_wanted():
    terminal = Console(file=io.StringIO(), width=200, force_terminal=True)
    with ProgressView(terminal, None, "training pupil", None, "steps") as view:
        view.show(50, 100, "reward +0.250", False)
    printed = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert "50/100" in printed and "reward +0.250" in printed
    pipe = Console(file=io.StringIO(), width=200)
    with ProgressView(pipe, None, "training pupil", None, "steps") as view:
        view.show(50, 100, "reward +0.250", False)
        view.show(100, 100, "reward +0.500", True)
    lines = pipe.file.getvalue().split("\n")  # type: ignore[attr-defined]
    assert lines[:2] == ["training pupil", "   100 of 100 steps, reward +0.500"]


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (80, ["agent", "score", "QoE", "heuristic", "0.123", "0.5"]),
        (16, ["agent", "score", "heuristic", "0.123"]),
        (9, ["agent", "heuristic"]),
    ],
)
def test_in_a_narrow_terminal_a_table_loses_columns_and_no_digits(width, expected):
    console = Console(file=io.StringIO(), width=width)
    console.print(plain_table(("agent", "score", "QoE"), [("heuristic", "0.123", "0.5")]))
    assert console.file.getvalue().split() == expected  # type: ignore[attr-defined]
