"""The agent of intelligentVehicle, as published: what it visits, what it believes, when it learns."""

from itertools import product

import numpy as np
import pytest

from agents.aci.agent import between
from agents.aci.network import Network
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from tests.agents.episodes import make


def knob(name, n):
    """One of n levels whose value and cost ascend."""
    figures = tuple(float(i + 1) for i in range(n))
    return Knob(name, "", figures, figures, (figures,))


SPEC = ElasticitySpec((knob("a", 3), knob("b", 5)), (Slo("late", 1.0), Slo("full", 1.0)))
GRID = list(product(range(3), range(5)))


def observed(spec, levels, fulfilled):
    """An interval at these levels, and whether each SLO was fulfilled."""
    readings = {
        slo.metric: slo.read(0.5 if good else 2.0) for slo, good in zip(spec.slos, fulfilled, strict=True)
    }
    return spec.encode(levels, readings, {})


def episode(agent, n_cycles, fulfils):
    """The settings that it is at, one per cycle, where `fulfils` says which SLOs a setting fulfils."""
    levels, visited = (0, 0), []
    agent.reset(0)
    for cycle in range(n_cycles):
        visited.append(levels)
        for _ in range(5 if cycle < 5 else 2):
            chosen = agent.act(observed(SPEC, levels, fulfils(levels)), {})
        levels = tuple(int(level) for level in chosen)
    return visited


def test_corners_and_centre_come_first_then_all_others_where_every_slo_holds():
    visited = episode(make("aci", SPEC), 15, lambda levels: (True, True))
    assert sorted(visited[:5]) == [(0, 0), (0, 4), (1, 2), (2, 0), (2, 4)]
    assert sorted(visited) == GRID


def test_it_ends_where_all_slos_hold_and_asks_for_no_quality():
    agent = make("aci", SPEC)
    visited = episode(agent, 40, lambda levels: (levels[0] > 0, levels[1] < 3))
    assert all(levels[0] > 0 and levels[1] < 3 for levels in visited[-10:])
    assert agent.explain()["p_all_fulfilled"] > 0.5


def test_what_it_believes_of_a_setting_is_what_it_counted_there():
    """Two settings with four samples each; the SLOs hang on the first knob alone."""
    rows = [[0, 1, 1, 1]] * 12 + [[2, 1, 0, 1]] * 9 + [[2, 1, 1, 1]] * 3
    network = Network(SPEC, np.array(rows))
    found = network.fulfilment()
    assert found[0, 1] == pytest.approx(1.0) and found[2, 1] == pytest.approx(0.25)
    network.update(np.array([[2, 1, 1, 1]] * 2))  # weighs as much as all before: (0.25 * 2 + 2) / 4
    assert network.fulfilment()[2, 1] == pytest.approx(0.625)


def test_surprise_is_minus_two_ln_likelihood_and_k_ln_n():
    """One SLO hangs on the knob of three levels, P(fulfilled) = 1, 1/2, 1/4; the other one always holds."""
    rows = [[0, 1, 1, 1]] * 12 + [[2, 1, 0, 1]] * 9 + [[2, 1, 1, 1]] * 3
    batch = np.array([[2, 1, 1, 1], [2, 1, 0, 1]])
    sizes = (2 * 3 - 2) + (2 - 1)  # of a table less its variables, per SLO
    expected = -2 * (np.log(0.25) + np.log(0.75)) + sizes * np.log(2)
    assert Network(SPEC, np.array(rows)).surprise(batch) == pytest.approx(expected)


def test_what_was_not_visited_lies_between_what_was():
    values = np.array([[0.0, np.nan, np.nan, np.nan, 0.8], [np.nan] * 5, [0.4, np.nan, np.nan, np.nan, 1.2]])
    found = between(values, ~np.isnan(values))
    assert found[1] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    line = np.array([[0.0, 0.5, np.nan, np.nan, 1.0], [np.nan] * 5, [np.nan] * 5])
    assert between(line, ~np.isnan(line))[2].tolist() == [
        0.0,
        0.5,
        0.5,
        1.0,
        1.0,
    ]  # fewer than four: the nearest


def test_a_stream_with_nothing_to_set_is_no_matter():
    still = ElasticitySpec((knob("a", 1),), SPEC.slos)
    agent = make("aci", still)
    for _ in range(12):
        assert agent.act(observed(still, (0,), (True, False)), {}).tolist() == [0]
