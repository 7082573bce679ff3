"""Several stages: what is believed of each, and which of them binds, are those of plain enumeration."""

import jax.numpy as jnp
import numpy as np
import pytest

from agents.aif.beliefs import on_device
from agents.aif.costs import CostPrior
from agents.aif.model import build
from agents.aif.perception import against_others, by_capacity, demand_shares
from agents.aif.planning import shares_of
from agents.common.policies import Moves, policies
from envs.spec import ElasticitySpec, Knob, Stage
from pipeline.slos import Slo
from tests.agents.aif.test_decision import CHOICE, TUNABLES

SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3), (1.0, 2.0, 3.0), ((1.0, 2.0, 4.0), (1.0, 1.5, 2.0))),
        Knob("b", "", (1, 2), (1.0, 2.0), ((1.0, 3.0), (1.0, 1.0))),
    ),
    slos=(Slo("carried", 1.0, memory=True), Slo("instant", 1.0)),
    stages=(Stage("one"), Stage("two")),
)
MODEL = build(SPEC, TUNABLES, CostPrior(1.0, 0.0, 0.0, 0.0))
ARRAYS = on_device(SPEC, MODEL, policies(SPEC.n_levels, Moves.ABSOLUTE, 1), **CHOICE)
N = TUNABLES.n_capacities
BELIEFS = np.exp(-0.5 * ((np.arange(N) - np.array([[9], [13]])) / 3) ** 2)
BELIEFS /= BELIEFS.sum(axis=1, keepdims=True)


def to_capacity():
    """P(u | c) of each stage at the second setting, (i, u, c)."""
    shares = [
        demand_shares(ARRAYS.demand[i], jnp.asarray(MODEL.costs[0][i, 1]), jnp.asarray(0.02))
        for i in range(2)
    ]
    return np.stack([by_capacity(ARRAYS, share) for share in shares])


def test_of_two_stages_an_slo_tells_each_what_the_other_leaves_open():
    table, own = np.linspace(0.9, 0.1, MODEL.ln_u.size) ** 2, to_capacity()
    told = against_others(jnp.asarray(table)[None], jnp.asarray(own), jnp.asarray(BELIEFS))[:, 0]  # (i, c)
    largest = np.maximum.outer(*[np.arange(MODEL.ln_u.size)] * 2)
    for i in range(2):
        other = own[1 - i] @ BELIEFS[1 - i]
        by_hand = np.einsum("uc,v,uv->c", own[i], other, table[largest])
        np.testing.assert_allclose(told[i], by_hand, rtol=1e-4)


def test_which_stage_binds_is_as_probable_as_by_enumeration():
    mean = jnp.asarray(MODEL.costs[0][:, :-1], jnp.float32)
    variance = jnp.full(mean.shape, 0.09)
    shares = shares_of(ARRAYS, mean, variance, jnp.asarray(BELIEFS, jnp.float32))
    rng = np.random.default_rng(0)
    expected = (BELIEFS * np.log(MODEL.capacity)).sum(axis=1)
    width = MODEL.demand[0, 1] - MODEL.demand[0, 0]
    for setting in range(len(MODEL.settings)):
        spread = np.sqrt(0.09 + width**2 / 4)
        drawn = np.asarray(mean)[:, setting, None] + spread * rng.standard_normal((2, 40_000))
        first_binds = (drawn[0] - expected[0] > drawn[1] - expected[1]).mean()
        assert float(shares.binding[0, setting].sum()) == pytest.approx(first_binds, abs=0.02)
    np.testing.assert_allclose(shares.binding.sum((0, 2)), 1, atol=0.01)


def test_one_stage_binds_for_sure():
    one = ElasticitySpec(
        knobs=tuple(Knob(k.name, "", k.levels, k.value, k.costs[:1]) for k in SPEC.knobs), slos=SPEC.slos
    )
    model = build(one, TUNABLES, CostPrior(1.0, 0.0, 0.0, 0.0))
    arrays = on_device(one, model, policies(one.n_levels, Moves.ABSOLUTE, 1), **CHOICE)
    mean = jnp.asarray(model.costs[0][:, :-1], jnp.float32)
    shares = shares_of(arrays, mean, jnp.full(mean.shape, 0.09), jnp.asarray(BELIEFS[:1]))
    np.testing.assert_array_equal(shares.binding, shares.each)


def test_every_stage_has_capacities_from_half_its_lowest_cost_and_one_grid():
    np.testing.assert_allclose(MODEL.capacity[:, 0], 0.5)
    steps = np.diff(np.log(MODEL.capacity), axis=1)
    np.testing.assert_allclose(steps, steps[0, 0])
    assert np.all(MODEL.capacity[:, -1] >= 3 * np.array([12.0, 2.0]) * (1 - 1e-9))
