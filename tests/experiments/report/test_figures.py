"""Pictures: nobody hides the others, and axes say what they are."""

from typing import Any

import numpy as np
import pytest

from experiments.report.block import Evidence, blocks_of
from experiments.report.figures import answers, cells, compliance, curves_of, plane, price, ranks, scenario_of
from experiments.statistics.disturbances import Answer, ChangePoint
from experiments.statistics.episode import Reference
from tests.experiments.statistics.played import episode

REFERENCES = dict.fromkeys("ab", Reference(0.0, {0: 1.0}))
NEVER_HELD: dict[str, Any] = {"slos.lag": [2] * 20}
BREAKS_ONCE: dict[str, Any] = {"slos.lag": [2] + [0] * 19}


def block(*episodes, references=REFERENCES):
    """Return what is drawn of them."""
    (found,) = blocks_of(Evidence("title", episodes, references, "x"))
    return found


def test_who_is_far_below_is_named_at_the_edge_and_stretches_no_axis():
    axes = ranks(block(episode("x", reward=0.9), episode("y", reward=-3.0))).axes[0]
    assert axes.get_xlim() == pytest.approx((0.84, 1.06))  # nor does the score of random decisions
    assert [text.get_text() for text in axes.texts] == ["◂ −3.00"]


def test_without_scores_neither_does_who_earns_less_than_nothing():
    axes = ranks(block(episode("x", reward=0.9), episode("y", reward=-0.9), references={})).axes[0]
    assert axes.get_xlim() == pytest.approx((0.84, 0.96))
    assert [text.get_text() for text in axes.texts] == ["◂ −0.90"]


def test_the_plane_tells_apart_those_that_hardly_ever_break_an_slo():
    axes = plane(block(episode("x", **BREAKS_ONCE), episode("y"), episode("z", **NEVER_HELD))).axes[0]
    marks = {
        line.get_label(): np.asarray(line.get_xydata())[0, 0]
        for line in axes.lines
        if line.get_marker() != "None"
    }
    assert axes.get_xscale() == "log" and axes.xaxis_inverted()
    assert {name: round(float(x), 3) for name, x in marks.items()} == {"x": 5.0, "y": 0.1, "z": 100.0}


def test_prices_at_which_another_takes_the_lead_are_named():
    breaks: dict[str, Any] = {"slos.lag": [2] * 8 + [0] * 12}
    bold, careful, poor = episode("x", qoe=0.9, **breaks), episode("y", qoe=0.6), episode("z", qoe=0.5)
    axes = price(block(bold, careful, poor)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.75: y"]  # 0.9 - 0.4 p = 0.6


def test_a_map_has_a_row_per_cell_and_the_best_agent_first():
    played = [
        episode(agent, cell, reward=reward) for cell in "ab" for agent, reward in (("x", 0.2), ("y", 0.8))
    ]
    found = cells(block(*played))
    assert found is not None
    axes = found.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["y", "x"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert [text.get_text() for text in axes.texts][:2] == ["0.80", "0.20"]
    assert cells(block(*played[:2])) is None


# --- over time ---


def test_what_holds_over_time_is_seen_to_its_end_by_scenario_and_agent():
    played = [
        episode(agent, cell, **states) for cell in "ab" for agent, states in (("x", {}), ("y", NEVER_HELD))
    ]
    figure = compliance(block(*played))
    assert figure is not None and len(figure.axes) == 4
    for axes in figure.axes:
        x = np.asarray(axes.lines[0].get_xdata())
        assert axes.get_xlim() == (0.0, float(x[-1])) == (0.0, 10.0)  # 20 intervals of 0.5 s


def test_curves_are_running_means_by_cell_as_long_as_the_shortest():
    breaks = {"slos.lag": [2, 0, 0, 2] + [0] * 8}
    played = [episode("x", "a", 0), episode("x", "b", 0, n=12, **breaks), episode("x", "a", 1)]
    found = curves_of(played, window=2)
    assert [curves.shape for curves in found] == [(2, 12), (1, 12)]
    assert found[1][0, :5].tolist() == [0.0, 50.0, 100.0, 50.0, 50.0]  # the first of what there is


def test_scenarios_are_what_cells_have_beside_hardware():
    assert scenario_of("rpi5/worker_loss/thesis") == "worker_loss thesis"
    assert scenario_of("replayed") == "replayed"


def test_answers_are_drawn_as_the_share_that_was_dealt_with():
    states = {"slos.lag": [0] * 5 + [2] * 3 + [0] * 12}
    played = [episode("x", "a", 0, points=[ChangePoint(5, True)], **states)]
    assert played[0].recoveries == [Answer(3, False)]
    figure = answers(block(*played))
    assert figure is not None
    line = next(line for line in figure.axes[0].lines if str(line.get_label()).startswith("x"))
    assert np.asarray(line.get_xydata()).tolist() == [[0.0, 0.0], [3.0, 100.0], [10.0, 100.0]]


def test_where_nothing_happens_no_answer_is_drawn():
    assert answers(block(episode("x"))) is None
