"""Curves, before they are drawn."""

import numpy as np

from experiments.report.block import Evidence, blocks_of
from experiments.report.over_time import answers, curves_of, scenario_of, smoothed
from experiments.statistics.disturbances import Answer, ChangePoint
from tests.experiments.statistics.played import episode


def block(*episodes):
    """Return what is drawn of them."""
    (found,) = blocks_of(Evidence("title", episodes, {}, "x"))
    return found


def test_a_running_mean_begins_with_what_there_is():
    assert smoothed(np.array([4.0, 2.0, 0.0, 6.0]), 2).tolist() == [4.0, 3.0, 1.0, 3.0]


def test_curves_are_as_long_as_the_shortest_and_by_cell():
    played = [episode("x", "a", 0), episode("x", "b", 0, n=12), episode("x", "a", 1)]
    found = curves_of(played, lambda e: e.rewards)
    assert [curves.shape for curves in found] == [(2, 12), (1, 12)]


def test_what_has_no_score_has_no_curve():
    assert curves_of([episode("x", "a", 0)], lambda e: np.full(3, np.nan)) == []


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
