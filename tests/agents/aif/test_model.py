"""The generative model that a spec alone gives."""

from dataclasses import replace

import numpy as np
import pytest

from agents.aif.costs import CostPrior
from agents.aif.model import Tunables, build, capacities, random_walk
from agents.common.bins import N_BINS, N_FULFILLED
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Sense, Slo

TUNABLES = Tunables(
    n_capacities=24,
    n_pressures=12,
    noise=0.1,
    drift=0.05,
    jump=0.05,
    quality_nats=4.0,
    violation=1.5,
    infers_capacity=True,
)
PRIOR = CostPrior(slope=0.8, slope_sd=0.3, step_sd=0.1, interaction_sd=0.1)


@pytest.mark.parametrize("stream", ("video", "ledger", "lidar"))
def test_every_column_is_a_distribution(stream, streams):
    model = build(streams[stream].spec, TUNABLES, PRIOR)
    for columns in (model.A_slo, model.A_pressure, model.B[None]):
        np.testing.assert_allclose(columns.sum(axis=-2), 1, atol=1e-9)
    assert model.D.sum() == pytest.approx(1)


def test_capacities_reach_from_half_the_lowest_cost_to_three_times_the_highest():
    (bins,) = capacities(np.array([[2.0], [5.0], [40.0]]), 24)
    assert (bins[0], bins[-1]) == (pytest.approx(1.0), pytest.approx(120.0))
    np.testing.assert_allclose(np.diff(np.log(bins)), np.log(120) / 23)


def test_a_capacity_sticks_and_walks_to_neighbours_only():
    walk = random_walk(5, width=0.2, drift=0.1)
    assert walk[2].tolist() == pytest.approx([0, 0.125, 0.75, 0.125, 0])
    np.testing.assert_allclose(walk.sum(axis=0), 1)


@pytest.mark.parametrize("stream", ("video", "ledger", "lidar"))
def test_each_step_beyond_a_threshold_outweighs_all_that_the_knobs_can_earn(stream, streams):
    model = build(streams[stream].spec, TUNABLES, PRIOR)
    assert np.ptp(model.C_setting) == pytest.approx(TUNABLES.quality_nats)
    assert np.all(model.C_slo[:N_FULFILLED] == 0)
    steps = -np.diff(model.C_slo[N_FULFILLED - 1 :])
    assert np.all(steps > np.ptp(model.C_setting))


def test_settings_are_worth_what_the_qoe_makes_of_them(streams):
    model = build(streams["video"].spec, TUNABLES, PRIOR)
    row = model.settings.tolist().index([3, 1, 2])
    assert model.C_setting[row] == pytest.approx(4.0 * (15 / 25 + 90 / 270 + 1) / 3)


def test_evidence_of_one_queue_counts_once_and_that_of_the_pressure_not_twice(streams):
    assert build(streams["video"].spec, TUNABLES, PRIOR).weight.tolist() == [0.25] * 4 + [0]
    assert build(streams["lidar"].spec, TUNABLES, PRIOR).weight.tolist() == [0.25, 0, 0.25, 0.25, 0.25]
    ledger = build(streams["ledger"].spec, TUNABLES, PRIOR)
    assert (ledger.weight.tolist(), ledger.pressure_weight) == ([1], 0)


def test_one_level_and_warnings_at_the_threshold_are_legal():
    spec = ElasticitySpec(
        knobs=(Knob("only", "", (1,), (1.0,), ((2.0,),)), Knob("b", "", (1, 2), (1.0, 2.0), ((1.0, 3.0),))),
        slos=(Slo("m", 1.0, warn_at=1.0), Slo("n", 2.0, sense=Sense.AT_LEAST, memory=True)),
    )
    model = build(spec, TUNABLES, PRIOR)
    assert model.settings.tolist() == [[0, 0], [0, 1]]
    assert model.A_slo.shape == (2, N_BINS, N_BINS, model.ln_u.size)
    assert np.all(np.isfinite(model.A_slo))


@pytest.mark.parametrize(
    "change", [{"n_capacities": 12}, {"noise": 0.0}, {"violation": 1.0}, {"jump": 1.0}, {"drift": -1.0}]
)
def test_figures_out_of_range_are_refused(change):
    with pytest.raises(ValueError, match=r"aif\.yaml"):
        replace(TUNABLES, **change)


def test_demands_and_capacities_share_a_grid_that_u_is_read_from(streams):
    model = build(streams["video"].spec, TUNABLES, PRIOR)
    i, j = 5, 20
    apart = model.demand[0, i] - np.log(model.capacity[0, j])
    assert model.ln_u[i - j + 23] == pytest.approx(apart)
    (demand,) = model.demand
    assert demand[0] <= np.log(1 / 4) and demand[-1] >= np.log(6 * 16 * 68 / 6.5 * 4)


def test_a_capacity_that_is_not_inferred_is_known_and_stays(streams):
    model = build(streams["video"].spec, replace(TUNABLES, infers_capacity=False), PRIOR)
    assert model.D.max() == 1
    assert model.jump == 0
    np.testing.assert_array_equal(model.B, np.eye(24))
    (cov,) = model.costs[1]
    assert cov[-1, -1] == 0  # the capacity
    assert cov[0, 0] > 1  # what the lowest setting costs in units of it


def test_without_a_pressure_costs_are_taken_for_what_the_spec_says(streams):
    model = build(streams["ledger"].spec, TUNABLES, PRIOR)
    (mean,), (cov,) = model.costs
    assert np.all(cov[:-1, :-1] == 0)
    assert mean[-2] - mean[0] == pytest.approx(np.log(4.0 * 3.5))
