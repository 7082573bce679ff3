"""What a person sees while a run goes on."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from experiments.display.views import LiveView, picture, step_line
from experiments.program.console import block, counted, figure, level_text
from experiments.runs.episode import Step, Steps, play
from tests.experiments.world import SPEC, Script, World


def steps(*script: tuple[int, ...]) -> list[Step]:
    kept = Steps()
    play(Script(SPEC, script), World(len(script)), 0, [kept])
    return kept.seen


def drawn(history: list[Step], width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(picture("a title", SPEC, history, "a progress bar", (width, 40)))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_line_tells_setting_quality_and_what_is_broken():
    line = step_line(steps((5, 3, 1))[0], SPEC)
    assert line.startswith("30 /s · 360 px · s")
    assert line.endswith("broken: load")
    assert "QoE 1.00" in line


def test_a_line_says_so_when_all_slos_hold():
    assert step_line(steps((0, 0, 0))[0], SPEC).endswith("all SLOs hold")


def test_a_line_does_not_say_that_they_hold_where_that_is_not_known():
    (step,) = steps((0, 0, 0))
    blind = replace(step, info={**step.info, "known": {**step.info["known"], "load": False}})
    assert step_line(blind, SPEC).endswith("not measured: load")


def test_line_and_picture_tell_who_died_and_came_back():
    (step,) = steps((0, 0, 0))
    harmed = replace(step, info={**step.info, "deaths": 3, "restarts": 2})
    assert step_line(harmed, SPEC).endswith("all SLOs hold  3 died, 2 started again")
    assert "3 died, 2 started again" in drawn([harmed])


def test_the_picture_has_knobs_slos_rates_and_the_agents_own_figures():
    text = drawn(steps((0, 0, 0), (5, 3, 1)))
    for part in (
        "30 /s",
        "360 px",
        "CRITICAL 1.50",
        "QoE",
        "delivered",
        "expected capacity",
        "live workers",
    ):
        assert part in text, part


def test_a_narrow_terminal_shortens_the_history_not_the_present():
    text = drawn(steps(*[(0, 0, 0)] * 30, (5, 3, 1)), width=90)
    assert max(map(len, text.splitlines())) <= 90
    assert "CRITICAL" in text
    assert "█" in text


def test_the_live_view_leaves_its_last_picture_standing():
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with LiveView(console, "a title", SPEC, 2) as view:
        view.say("models load")
        for step in steps((0, 0, 0), (1, 1, 1)):
            view.step(step)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "2/2" in printed
    assert "models load" in printed


def test_the_live_view_draws_no_faster_than_anybody_can_see(monkeypatch):
    now_s = 0.0
    monkeypatch.setattr("experiments.display.views.monotonic", lambda: now_s)
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    drawn_at = []
    with LiveView(console, "a title", SPEC, 40) as view:
        view._live.auto_refresh = False
        view._live.update = lambda *_, **__: drawn_at.append(now_s)  # type: ignore[method-assign]
        for step in steps(*[(0, 0, 0)] * 40):
            view.step(step)
            now_s += 0.1
        n_drawn = len(drawn_at)
    assert drawn_at[:3] == pytest.approx([0.0, 0.3, 0.6])
    assert n_drawn == 14
    assert len(drawn_at) == 15, "and the last picture in any case"


def test_words():
    assert level_text(SPEC.knobs[0], 0) == "5 /s"
    assert level_text(SPEC.knobs[2], 0) == "n"
    assert "".join(block(x, top=1.0) for x in (0.0, 0.5, 1.0, 9.0, float("nan"))) == "▁▅██ "
    assert [figure(x) for x in (1234.5, 12.345, 0.0, 0.01234, float("inf"), None)] == [
        "1,234",
        "12.3",
        "0.00",
        "0.012",
        "∞",
        "–",
    ]
    assert (counted(1, "worker"), counted(2, "worker")) == ("1 worker", "2 workers")
