"""The decision equals that of pymdp's own agent on the whole product of factors, and plain enumeration."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pymdp.agent import Agent as PymdpAgent

from agents.aif.beliefs import Evidence, beginning, on_device
from agents.aif.costs import CostPrior
from agents.aif.model import Tunables, build
from agents.aif.perception import PRIOR_BROKEN, PRIOR_KEPT, at_most, by_capacity, demand_shares, perceive
from agents.aif.planning import Options, compare
from agents.common.bins import N_BINS, N_FULFILLED
from agents.common.policies import Moves, policies
from agents.common.settings import worth
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

N_LEVELS = (3, 2)
SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3), (1.0, 2.0, 3.0), ((1.0, 2.0, 4.0),)),
        Knob("b", "", (1, 2), (1.0, 2.0), ((1.0, 3.0),)),
    ),
    slos=(Slo("carried", 1.0, memory=True), Slo("instant", 1.0)),
)
TUNABLES = Tunables(
    n_capacities=24,
    n_pressures=12,
    noise=0.2,
    drift=0.1,
    jump=0.05,
    quality_nats=4.0,
    violation=1.5,
    infers_capacity=True,
)
KNOWN = CostPrior(1.0, 0.0, 0.0, 0.0)  # pymdp has no belief about costs
MODEL = build(SPEC, TUNABLES, KNOWN)
CHOICE = {
    "noise": 0.2,
    "least_noise": 0.2,
    "drift": 0.1,
    "forgetting": 0.0,
    "count_forgetting": 0.0,
    "switching": 0.1,
}
CHOICE |= {"gamma": 1.0, "state_gain": 1.0, "cost_gain": 0.0, "patience": 0.0}
ARRAYS = on_device(SPEC, MODEL, policies(N_LEVELS, Moves.ABSOLUTE, 1), **CHOICE)
OPTIONS = Options(N_LEVELS, Moves.ABSOLUTE, is_deterministic=True, learns=True)

PLAN, PERCEIVE = jax.jit(compare, static_argnames="options"), jax.jit(perceive)

PRIOR = np.exp(-0.5 * ((np.arange(24) - 11) / 4) ** 2)
PRIOR /= PRIOR.sum()
BEFORE, NOW, LEVELS, PRESSURE = 2, 5, (1, 1), 9  # bins of the carried ratio, then what was seen

HERE = MODEL.settings.tolist().index(list(LEVELS))
KNOBS, CAPACITY, BACKLOG = [0, 1], 2, 3  # factors of pymdp's agent


KEPT = PRIOR_KEPT / (PRIOR_BROKEN + PRIOR_KEPT)
TO_CAPACITY = np.stack(
    [
        by_capacity(ARRAYS, demand_shares(ARRAYS.demand[0], mean, jnp.zeros(())))
        for mean in jnp.asarray(MODEL.costs[0][0, :-1], jnp.float32)
    ]
)  # (a, u, c)


def over_capacity(table, *, is_slo=True):
    """A table (..., o, u) at every setting, shape (a, ..., o, c)."""
    rows = np.stack([table @ matrix for matrix in TO_CAPACITY])
    if is_slo:
        bins = at_most(jnp.asarray(rows.swapaxes(-1, -2)), jnp.full(rows.shape[-1], KEPT))
        rows = np.asarray(bins).swapaxes(-1, -2)
    return rows


CARRIED, INSTANT = (
    over_capacity(MODEL.A_slo[kind]) for kind in MODEL.kind
)  # (a, o, o, c), bins before first
PRESSURE_ROWS = over_capacity(MODEL.A_pressure, is_slo=False)  # (a, p, c)


def whole(table):
    """Rows (settings, bins, ...) with one axis per knob, bins first."""
    return np.moveaxis(table.reshape(*N_LEVELS, *table.shape[1:]), 2, 0)


def pymdp_agent(**switches):
    """Knobs, capacity and backlog as factors of their own."""
    modalities = [(np.eye(n), [i], np.zeros(n)) for i, n in enumerate(N_LEVELS)]
    share = 4.0 / len(N_LEVELS)
    for i, knob in enumerate(SPEC.knobs):
        modalities[i][2][:] = [share * knob.worth(value) for value in knob.value]
    carried = np.moveaxis(CARRIED, 1, -1)  # (a, o, c, before)
    modalities.append((whole(carried), [*KNOBS, CAPACITY, BACKLOG], MODEL.C_slo))
    modalities.append((whole(PRESSURE_ROWS), [*KNOBS, CAPACITY], np.zeros(12)))
    modalities.append((whole(INSTANT[:, 0]), [*KNOBS, CAPACITY], MODEL.C_slo))
    likelihoods, dependencies, preferences = zip(*modalities, strict=True)
    transitions = [np.tile(np.eye(n)[:, None, :], (1, n, 1)) for n in N_LEVELS]
    transitions += [MODEL.B[..., None], np.eye(N_BINS)[..., None]]
    return PymdpAgent(
        A=[jnp.asarray(a)[None] for a in likelihoods],
        B=[jnp.asarray(b)[None] for b in transitions],
        C=[jnp.asarray(c)[None] for c in preferences],
        A_dependencies=list(dependencies),
        B_dependencies=[[f] for f in range(4)],
        categorical_obs=True,
        **switches,
    )


def one_hot(index, n):
    return jnp.asarray(np.eye(n, dtype=np.float32)[index][None, None])


def beliefs(capacity, backlog):
    """Of pymdp's factors, knobs at LEVELS; each (batch, time, states)."""
    knobs = [one_hot(level, n) for level, n in zip(LEVELS, N_LEVELS, strict=True)]
    return [*knobs, jnp.asarray(capacity[None, None]), one_hot(backlog, N_BINS)]


def evidence(known=1.0, pressure_known=1.0):
    return Evidence(
        levels=np.array(LEVELS, np.int32),
        heights=np.array([0.5, 2.0], np.float32),
        ratios=np.array([NOW, 8], np.int32),
        known=np.array([known, known], np.float32),
        pressure=np.array([PRESSURE], np.int32),
        ln_pressure=np.zeros(1, np.float32),
        pressure_known=np.array([pressure_known], np.float32),
    )


def belief_of(capacity=PRIOR, backlog=(BEFORE, 0), arrays=ARRAYS):
    """Of a world that is settled in at LEVELS."""
    return beginning(arrays, HERE)._replace(
        capacity=jnp.asarray(capacity, jnp.float32)[None], backlog=jnp.array(backlog, jnp.int32)
    )


def our_posterior(seen):
    (posterior,), surprise = PERCEIVE(ARRAYS, belief_of(), seen, jnp.int32(HERE))
    return posterior, surprise


def our_plan(arrays=ARRAYS, capacity=PRIOR, backlog=(NOW, 0), levels=LEVELS, options=OPTIONS):
    return PLAN(arrays, belief_of(capacity, backlog, arrays), jnp.array(levels), options=options)


def test_posterior_and_promise_are_those_of_pymdps_agent_over_all_factors():
    agent = pymdp_agent(use_states_info_gain=False)
    seen = [one_hot(level, n) for level, n in zip(LEVELS, N_LEVELS, strict=True)]
    seen += [one_hot(NOW, N_BINS), one_hot(PRESSURE, 12), jnp.zeros((1, 1, N_BINS))]
    priors = [belief[:, 0] for belief in beliefs(PRIOR, BEFORE)]
    theirs = eqx.filter_jit(PymdpAgent.infer_states)(agent, seen, priors)
    ours, _ = our_posterior(evidence())
    np.testing.assert_allclose(ours, jax.tree.leaves(theirs)[CAPACITY][0, -1], atol=1e-5)
    _, promised = eqx.filter_jit(PymdpAgent.infer_policies)(agent, beliefs(PRIOR, NOW))
    np.testing.assert_allclose(our_plan().pragmatic, promised[0], rtol=1e-3)


def test_the_posterior_is_bayes_rule_by_enumeration():
    joint = PRIOR * CARRIED[HERE, BEFORE, NOW] * PRESSURE_ROWS[HERE, PRESSURE]
    posterior, surprise = our_posterior(evidence())
    np.testing.assert_allclose(posterior, joint / joint.sum(), atol=1e-5)
    assert surprise == pytest.approx(-np.log(joint.sum()), rel=1e-4)


def test_the_expected_free_energy_is_that_of_its_definition_by_enumeration():
    """Promise: every outcome's probability times its preference. Information: what an outcome is expected to
    tell of the capacity, given the demand that leads to it.
    """
    walked = MODEL.B @ PRIOR
    promise = [
        MODEL.C_setting[a] + (CARRIED[a, NOW] @ walked) @ MODEL.C_slo + (INSTANT[a, 0] @ walked) @ MODEL.C_slo
        for a in range(6)
    ]
    np.testing.assert_allclose(our_plan().pragmatic, promise, rtol=1e-3)

    def information(table, demand):
        """Mutual information of outcome and capacity at one demand, from the joint distribution."""
        at = demand - np.arange(24) + 23
        joint = table[:, at] * walked
        apart = np.outer(joint.sum(1), joint.sum(0))
        return float((joint * np.log(joint / apart)).sum())

    told = [
        information(MODEL.A_slo[MODEL.kind[0], NOW], x) + information(MODEL.A_pressure, x)
        for x in range(MODEL.demand.size)
    ]
    means = jnp.asarray(MODEL.costs[0][0, :-1], jnp.float32)
    shares = demand_shares(ARRAYS.demand[0], means, jnp.zeros_like(means))
    np.testing.assert_allclose(our_plan().epistemic, shares @ np.array(told), atol=1e-4)


def test_one_flat_preference_for_all_that_is_critical_would_be_inverse():
    """Where CRITICAL is certain, it would leave only the knobs to choose by: why C is graded."""
    hopeless = np.eye(24)[0]
    flat = np.where(np.arange(N_BINS) < N_FULFILLED, 0.0, MODEL.C_slo[N_FULFILLED])
    for preferences, best in ((MODEL.C_slo, [0, 0]), (flat, [2, 1])):
        arrays = ARRAYS._replace(C_slo=jnp.asarray(preferences, jnp.float32))
        plan = our_plan(arrays, hopeless, backlog=(N_BINS - 1, N_BINS - 1))
        assert MODEL.settings[plan.settings[jnp.argmax(plan.pragmatic)]].tolist() == best


def test_what_is_unknown_has_no_say():
    """An even observation would have one, and so would a ratio of 0."""
    posterior, surprise = our_posterior(evidence(known=0.0, pressure_known=0.0))
    np.testing.assert_allclose(posterior, PRIOR, atol=1e-6)
    assert surprise == pytest.approx(0, abs=1e-5)


def test_relative_policies_stop_at_the_ends_and_later_steps_see_the_backlog_grow():
    table = policies(N_LEVELS, Moves.RELATIVE, 2)
    options = OPTIONS._replace(moves=Moves.RELATIVE)
    arrays = on_device(SPEC, MODEL, table, **CHOICE)
    tight = np.eye(24)[8]  # a capacity below the highest cost
    plan = our_plan(arrays, tight, (0, 0), (2, 1), options)
    up, stay = (table.tolist().index([[move] * 2] * 2) for move in (1, 0))
    assert MODEL.settings[plan.settings[up]].tolist() == [2, 1]
    assert plan.pragmatic[up] == pytest.approx(plan.pragmatic[stay])
    once = our_plan(ARRAYS, tight, (0, 0), (2, 1))
    highest = MODEL.settings.tolist().index([2, 1])
    assert MODEL.C_setting[highest] == pytest.approx(4.0 * worth(SPEC, (2, 1)))
    assert plan.pragmatic[stay] < 2 * once.pragmatic[highest]  # the second step is worse than the first
