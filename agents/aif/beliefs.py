"""What is carried from one decision to the next, what is seen, and the model on the device."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.special import xlogy

from agents.aif.costs import Costs
from agents.aif.model import Model
from agents.common.bins import N_FULFILLED
from agents.common.bottleneck import in_pressure
from envs.spec import ElasticitySpec


class Arrays(NamedTuple):
    """`agents.aif.model.Model` on the device, and the policies; axes as there."""

    ln_capacity: Array
    demand: Array
    A_slo: Array
    H_slo: Array  # entropy of A_slo, (k, o, u)
    F_slo: Array  # P(fulfilled | bin before, u), (k, o, u)
    kind: Array
    A_pressure: Array
    H_pressure: Array  # likewise, (u,)
    B: Array
    jump: Array
    C_slo: Array
    C_setting: Array
    D: Array
    weight: Array
    pressure_weight: Array
    cheapest: Array  # setting that costs each stage least, (i,)
    is_pressing: Array  # 1 for SLOs of the pressure, (s,)
    is_instant: Array  # 1 for SLOs without memory, (s,)
    nearness: Array
    costs: Costs  # before anything was seen
    noise: Array  # log-standard deviation of a pressure, before any was seen
    least_noise: Array  # and what the tables have
    drift: Array
    forgetting: Array
    count_forgetting: Array
    switching: Array  # what leaving the current levels costs, in nats
    gamma: Array  # precision of the choice among policies
    state_gain: Array  # what a nat of expected information on the capacity is worth
    cost_gain: Array  # likewise on what settings cost
    patience: Array  # later intervals for which an improvement counts
    policies: Array  # (n_policies, horizon, n_knobs)


class Belief(NamedTuple):
    """What is carried from one decision to the next.

    Attributes:
        capacity: P(capacity) of each stage, predicted for the interval to come, shape (i, c).
        backlog: bin of each SLO's ratio when that interval begins, shape (s,).
        heights: each SLO's ratio itself, as it was last seen, shape (s,).
        costs: of all settings, a leading axis per stage.
        noise: log-standard deviation of a measured pressure of each stage, at least the model's, shape (i,).
        ln_pressure: as it was last seen, shape (i,).
        broken, kept: how often each SLO was, at each setting, while there was capacity to spare: Dirichlet
            counts beyond their prior, shape (s, a).
        setting: row of the setting that was in force before.
        n_held: intervals since that was set, but for the first.
        anchor: row of the setting whose demand capacities are measured in: the last that was settled in.
    """

    capacity: Array
    backlog: Array
    heights: Array
    costs: Costs
    noise: Array
    ln_pressure: Array
    broken: Array
    kept: Array
    setting: Array
    n_held: Array
    anchor: Array


class Evidence(NamedTuple):
    """An observation in bins, by NumPy as it is handed over.

    Attributes:
        levels: per knob, shape (n_knobs,).
        heights: ratio per SLO, shape (s,).
        ratios: its bin, shape (s,).
        known: 1 where that ratio was measured, else 0, shape (s,).
        pressure: bin, of each stage's, shape (i,).
        ln_pressure: its logarithm, shape (i,).
        pressure_known: 1 if it was measured, else 0, shape (i,).
    """

    levels: Any
    heights: Any
    ratios: Any
    known: Any
    pressure: Any
    ln_pressure: Any
    pressure_known: Any


def on_device(spec: ElasticitySpec, model: Model, policy_table: NDArray[np.int64], **rest: float) -> Arrays:
    """Return the model, the policies and the rest of `Arrays`, by name, in 32 bits on the device."""
    figures = {
        "ln_capacity": np.log(model.capacity),
        "demand": model.demand,
        "A_slo": model.A_slo,
        "H_slo": entropy(model.A_slo),
        "F_slo": model.A_slo[:, :, :N_FULFILLED].sum(2),
        "A_pressure": model.A_pressure,
        "H_pressure": entropy(model.A_pressure),
        "B": model.B,
        "jump": model.jump,
        "C_slo": model.C_slo,
        "C_setting": model.C_setting,
        "D": model.D,
        "weight": model.weight,
        "pressure_weight": model.pressure_weight,
        "is_pressing": in_pressure(spec),
        "is_instant": [not slo.memory for slo in spec.slos],
        "nearness": model.nearness,
        **rest,
    }
    whole = {"kind": model.kind, "policies": policy_table, "cheapest": model.cheapest}
    return Arrays(
        **{name: jnp.asarray(figure, dtype=jnp.float32) for name, figure in figures.items()},
        **{name: jnp.asarray(figure, dtype=jnp.int32) for name, figure in whole.items()},
        costs=Costs(*(jnp.asarray(part, dtype=jnp.float32) for part in model.costs)),
    )


def entropy(likelihoods: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the entropy of each column of likelihoods (..., o, u), in nats, shape (..., u)."""
    return -xlogy(likelihoods, likelihoods).sum(axis=-2)


def beginning(arrays: Arrays, setting: int) -> Belief:
    """Return a belief: any capacity is as likely, nothing is queued, costs are as the spec says."""
    n_slos, n_stages, at = arrays.kind.size, len(arrays.demand), jnp.int32(setting)
    never = jnp.zeros((n_slos, arrays.C_setting.size))
    return Belief(
        capacity=jnp.broadcast_to(arrays.D, arrays.ln_capacity.shape),
        backlog=jnp.zeros(n_slos, jnp.int32),
        heights=jnp.zeros(n_slos),
        costs=arrays.costs,
        noise=jnp.broadcast_to(arrays.noise, n_stages),
        ln_pressure=jnp.full(n_stages, jnp.nan),
        broken=never,
        kept=never,
        setting=at,
        n_held=jnp.int32(0),
        anchor=at,
    )
