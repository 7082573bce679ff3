"""Where there is no terminal, progress is a line now and then, and an error once."""

import io

from rich.console import Console

from experiments.display import progress
from experiments.display.progress import ProgressView


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
