"""The decision equals that of pymdp's own agent on the whole product of factors."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pymdp.agent import Agent as PymdpAgent

from agents.aif.agent import on_belief, on_device
from agents.aif.decision import Evidence, Options, compare, perceive
from agents.aif.likelihood import N_BINS, N_FULFILLED
from agents.aif.model import Tunables, build
from agents.aif.policies import Moves, Selection, policies
from agents.ladders import worth
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

N_LEVELS = (3, 2)
SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3), (1.0, 2.0, 3.0), (1.0, 2.0, 4.0)),
        Knob("b", "", (1, 2), (1.0, 2.0), (1.0, 3.0)),
    ),
    slos=(Slo("carried", 1.0, memory=True), Slo("instant", 1.0)),
)
MODEL = build(
    SPEC,
    Tunables(
        n_capacities=24, n_pressures=12, noise=0.2, drift=0.1, jump=0.05, quality_nats=4.0, violation=1.5
    ),
)
ARRAYS = on_device(MODEL, policies(N_LEVELS, Moves.ABSOLUTE, 1), switching=0.1)
OPTIONS = Options(N_LEVELS, Moves.ABSOLUTE, 1.0, True, Selection.DETERMINISTIC)

PLAN, PERCEIVE = jax.jit(compare, static_argnames="options"), jax.jit(perceive)

PRIOR = np.exp(-0.5 * ((np.arange(24) - 11) / 4) ** 2)
PRIOR /= PRIOR.sum()
BEFORE, NOW, LEVELS, PRESSURE = 2, 5, (1, 1), 9  # bins of the carried ratio, then what was seen

HERE = MODEL.settings.tolist().index(list(LEVELS))
KNOBS, CAPACITY, BACKLOG = [0, 1], 2, 3  # factors of pymdp's agent


def whole(table):
    """Rows (settings, ...) of the model with one axis per knob, bins first."""
    return np.moveaxis(table.reshape(*N_LEVELS, *table.shape[1:]), 2, 0)


def pymdp_agent(*, instant, **switches):
    """Knobs, capacity and backlog as factors of their own; the SLO named in the flag is optional."""
    modalities = [(np.eye(n), [i], np.zeros(n)) for i, n in enumerate(N_LEVELS)]
    share = 4.0 / len(N_LEVELS)
    for i, knob in enumerate(SPEC.knobs):
        modalities[i][2][:] = [share * knob.worth(value) for value in knob.value]
    table = np.moveaxis(MODEL.A_slo[MODEL.kind[0]], 0, -1)  # (a, o, c, before)
    modalities.append((whole(table), [*KNOBS, CAPACITY, BACKLOG], MODEL.C_slo[0]))
    table = MODEL.A_pressure
    modalities.append((whole(table), [*KNOBS, CAPACITY], np.zeros(table.shape[1])))
    if instant:
        table = MODEL.A_slo[MODEL.kind[1], 0]
        modalities.append((whole(table), [*KNOBS, CAPACITY], MODEL.C_slo[1]))
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
        ratios=np.array([NOW, 8], np.int32),
        known=np.array([known, known], np.float32),
        pressure=np.int32(PRESSURE),
        pressure_known=np.float32(pressure_known),
    )


def our_posterior(seen):
    belief = on_belief(PRIOR, np.array([BEFORE, 0]))
    return PERCEIVE(ARRAYS, belief, seen, HERE)


def our_plan(arrays=ARRAYS, capacity=PRIOR, backlog=(NOW, 0), levels=LEVELS, options=OPTIONS):
    return PLAN(arrays, np.float32(capacity), np.array(backlog), np.array(levels), options=options)


def test_posterior_and_promise_are_those_of_pymdps_agent_over_all_factors():
    agent = pymdp_agent(instant=True, use_states_info_gain=False)
    seen = [one_hot(level, n) for level, n in zip(LEVELS, N_LEVELS, strict=True)]
    seen += [one_hot(NOW, N_BINS), one_hot(PRESSURE, 12), jnp.zeros((1, 1, N_BINS))]
    priors = [belief[:, 0] for belief in beliefs(PRIOR, BEFORE)]
    theirs = eqx.filter_jit(PymdpAgent.infer_states)(agent, seen, priors)
    ours, _ = our_posterior(evidence())
    np.testing.assert_allclose(ours, jax.tree.leaves(theirs)[CAPACITY][0, -1], atol=1e-5)
    _, promised = eqx.filter_jit(PymdpAgent.infer_policies)(agent, beliefs(PRIOR, NOW))
    np.testing.assert_allclose(our_plan().pragmatic, promised[0], rtol=1e-4)


def test_what_policies_would_tell_is_what_pymdps_agent_expects_of_them():
    """Without the instant SLO, whose evidence counts as the pressure."""
    agent = pymdp_agent(instant=False, use_utility=False)
    _, told = eqx.filter_jit(PymdpAgent.infer_policies)(agent, beliefs(PRIOR, NOW))
    np.testing.assert_allclose(our_plan().epistemic, told[0], atol=1e-4)


def test_one_flat_preference_for_all_that_is_critical_would_be_inverse():
    """Where CRITICAL is certain, it would leave only the knobs to choose by: why C is graded."""
    hopeless = np.eye(24)[0]
    flat = np.where(np.arange(N_BINS) < N_FULFILLED, 0.0, MODEL.C_slo[0, N_FULFILLED])
    for preferences, best in ((MODEL.C_slo, [0, 0]), (np.tile(flat, (2, 1)), [2, 1])):
        arrays = ARRAYS._replace(C_slo=jnp.asarray(preferences, jnp.float32))
        plan = our_plan(arrays, hopeless, backlog=(N_BINS - 1, N_BINS - 1))
        assert plan.targets[jnp.argmax(plan.pragmatic)].tolist() == best


def test_surprise_is_the_negative_logarithm_of_the_evidence():
    carried = MODEL.A_slo[MODEL.kind[0], BEFORE, HERE, NOW]
    expected = -np.log(PRIOR @ (carried * MODEL.A_pressure[HERE, PRESSURE]))
    assert our_posterior(evidence())[1] == pytest.approx(expected, rel=1e-4)


def test_what_is_unknown_has_no_say():
    """An even observation would have one, and so would a ratio of 0."""
    posterior, surprise = our_posterior(evidence(known=0.0, pressure_known=0.0))
    np.testing.assert_allclose(posterior, PRIOR, atol=1e-6)
    assert surprise == pytest.approx(0, abs=1e-5)


def test_relative_policies_stop_at_the_ends_and_later_steps_see_the_backlog_grow():
    table = policies(N_LEVELS, Moves.RELATIVE, 2)
    options = OPTIONS._replace(moves=Moves.RELATIVE)
    arrays = on_device(MODEL, table, switching=0.0)
    tight = np.eye(24)[8]  # a capacity below the highest cost
    plan = our_plan(arrays, tight, (0, 0), (2, 1), options)
    up, stay = (table.tolist().index([[move] * 2] * 2) for move in (1, 0))
    assert plan.targets[up].tolist() == [2, 1]
    assert plan.pragmatic[up] == pytest.approx(plan.pragmatic[stay])
    once = our_plan(ARRAYS, tight, (0, 0), (2, 1))
    highest = MODEL.settings.tolist().index([2, 1])
    assert MODEL.C_setting[highest] == pytest.approx(4.0 * worth(SPEC, (2, 1)))
    assert plan.pragmatic[stay] < 2 * once.pragmatic[highest]  # the second step is worse than the first
