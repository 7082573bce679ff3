"""The published heuristic, walked cycle by cycle with the published figures."""

import pytest

from agents.heuristic_thesis import steepest
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from tests.agents.episodes import make


def knob(name, n):
    """One of n levels whose value and cost ascend."""
    figures = tuple(float(i + 1) for i in range(n))
    return Knob(name, "", figures, figures, (figures,))


SPEC = ElasticitySpec((knob("f", 11), knob("r", 6), knob("q", 3)), (Slo("m", 1.0), Slo("n", 1.0)))


def walk(agent, levels, ratios):
    """The levels after each of the ratios of the first SLO, the other's being 0.1."""
    decided = []
    for ratio in ratios:
        readings = {"m": SPEC.slos[0].read(ratio), "n": SPEC.slos[1].read(0.1)}
        levels = tuple(int(i) for i in agent.act(SPEC.encode(levels, readings, {}), {}))
        decided.append(levels)
    return decided


def test_a_critical_slo_lowers_the_knob_that_is_relatively_highest():
    assert walk(make("heuristic_thesis", SPEC), (5, 5, 1), [1.1]) == [(5, 4, 1)]


def test_the_order_decides_among_equals():
    agent = make("heuristic_thesis", SPEC)
    assert walk(agent, (10, 5, 2), [1.1]) == [(10, 5, 1)]
    agent.reset(0)
    assert walk(agent, (10, 5, 1), [1.1]) == [(9, 5, 1)]


def test_after_a_move_there_are_six_cycles_without_one():
    moved = walk(make("heuristic_thesis", SPEC), (10, 5, 2), [1.1] * 9)
    assert moved == [(10, 5, 1)] * 7 + [(9, 5, 1)] * 2


def test_it_raises_the_lowest_when_twelve_samples_are_calm():
    moved = walk(make("heuristic_thesis", SPEC), (5, 1, 2), [0.5] * 12)
    assert moved == [(5, 1, 2)] * 11 + [(5, 2, 2)]


@pytest.mark.parametrize("ratios", ([0.75] * 15, [0.3 + 0.01 * i for i in range(15)], [0.5] * 11))
def test_it_does_not_without_room_while_a_ratio_rises_or_before_it_has_seen_enough(ratios):
    assert set(walk(make("heuristic_thesis", SPEC), (5, 1, 2), ratios)) == {(5, 1, 2)}


def test_no_move_undoes_the_last_one():
    agent = make("heuristic_thesis", SPEC)
    assert walk(agent, (10, 5, 1), [1.1, *[0.5] * 30])[0] == (9, 5, 1)
    agent.reset(0)
    moved = walk(agent, (1, 5, 2), [1.1, *[0.5] * 30])  # lowers q to 1; f is the lowest afterwards
    assert moved[0] == (1, 5, 1)
    assert moved[-1][2] == 1 or moved.index((2, 5, 1)) < len(moved)
    single = ElasticitySpec((knob("a", 3),), (Slo("m", 1.0),))
    agent = make("heuristic_thesis", single)
    levels = 2
    for ratio in [1.1, *[0.1] * 40]:  # one knob: lowered once, it can never be raised again
        observation = single.encode((levels,), {"m": single.slos[0].read(ratio)}, {})
        levels = int(agent.act(observation, {})[0])
    assert levels == 1


def test_the_steepest_slope_is_that_of_a_least_squares_line():
    assert steepest([[0.1, 5.0]]) == 0.0
    assert steepest([[0.0, 0.3], [0.1, 0.2], [0.2, 0.1]]) == pytest.approx(0.1)
    assert steepest([[0.0], [0.3], [0.0], [0.3]]) == pytest.approx(0.06)  # (-1.5, -0.5, 0.5, 1.5) @ y / 5


@pytest.mark.parametrize("change", [{"room": 0.0}, {"samples": 1}, {"tie": -1.0}, {"tie_order": [0, 0, 1]}])
def test_figures_out_of_range_are_refused(change):
    with pytest.raises(Exception, match=r"heuristic_thesis\.yaml"):
        make("heuristic_thesis", SPEC, **change)
