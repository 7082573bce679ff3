"""Active inference over a stream's knobs, with the world's capacity as a hidden state.

The scheme is pymdp's (Heins et al. 2022, "pymdp: A Python library for active inference in discrete state
spaces", JOSS 7(73)); that it can drive elasticity follows Sedlak et al., "Active inference on the edge". Ours
differs from theirs in inferring a capacity instead of learning a network of SLOs.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from agents.aif.decision import Arrays, Belief, Evidence, Figures, Options, decide
from agents.aif.likelihood import pressure_edges, ratio_edges
from agents.aif.model import Model, Tunables, build, in_pressure
from agents.aif.policies import Moves, Selection, policies
from agents.base import Agent, State
from envs.spec import ElasticitySpec, Observed


class ActiveInference(Agent):
    """Infers the capacity from what the SLOs show, and sets the levels that promise most of it.

    Args:
        spec: the stream.
        n_capacities, n_pressures, noise, drift, jump, quality_nats, violation: see `Tunables`.
        switching_cost: what leaving the current levels costs, as a share of `quality_nats`, >= 0.
        moves: what a policy's steps are.
        horizon: steps of a policy, 1 to 3.
        gamma: precision of the choice among policies, > 0.
        information_gain: whether to value what a setting would tell of the capacity.
        selection: how one policy is chosen.

    Raises:
        ValueError: a figure out of range, or a spec with too many joint settings or policies.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        n_capacities: int,
        n_pressures: int,
        noise: float,
        drift: float,
        jump: float,
        quality_nats: float,
        violation: float,
        switching_cost: float,
        moves: Moves,
        horizon: int,
        gamma: float,
        information_gain: bool,
        selection: Selection,
    ):
        super().__init__(spec)
        if gamma <= 0 or switching_cost < 0:
            raise ValueError(
                f"gamma must be > 0 and switching_cost >= 0, got {gamma} and {switching_cost} "
                "(conf/agent/aif.yaml)"
            )
        moves, selection = Moves(moves), Selection(selection)  # words, where no schema made them more
        table = policies(spec.n_levels, moves, horizon)
        self.model = build(
            spec, Tunables(n_capacities, n_pressures, noise, drift, jump, quality_nats, violation)
        )
        self._arrays = on_device(self.model, table, switching_cost * quality_nats)
        self._options = Options(spec.n_levels, moves, gamma, information_gain, selection)
        self._edges = [ratio_edges(slo.warn_at) for slo in spec.slos]
        self._pressure_edges = pressure_edges(n_pressures)
        self._in_pressure = in_pressure(spec)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode: any capacity is as likely, and nothing is queued."""
        self._key = jax.random.key(seed)
        nothing = np.zeros(len(self.spec.slos), dtype=np.int32)
        self._belief = on_belief(self.model.D, nothing)
        self._figures: Figures | None = None

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """The first step of the policy of least expected free energy."""
        seen = self._bins(self.spec.decode(observation))
        levels, self._belief, self._key, figures = decide(
            self._arrays, self._belief, seen, self._key, self._options
        )
        self._figures = jax.device_get(figures)
        return np.asarray(levels, dtype=np.int64)

    def warm_up(self) -> None:
        """Compile; some seconds the first time."""
        seen = self._bins(self.spec.decode(self.spec.encode(self.spec.lowest, {}, {})))
        jax.block_until_ready(decide(self._arrays, self._belief, seen, self._key, self._options))

    def explain(self) -> dict[str, float]:
        """See `Figures`; P(fulfilled) under each SLO's own name; all 0 before the first decision."""
        names = ["p_fulfilled_" + slo.metric for slo in self.spec.slos]
        if self._figures is None:
            return dict.fromkeys([*Figures._fields[:-1], *names], 0.0)
        *figures, p_fulfilled = self._figures
        values = [*figures, *p_fulfilled]
        return {
            name: float(value) for name, value in zip([*Figures._fields[:-1], *names], values, strict=True)
        }

    def _bins(self, observed: Observed) -> Evidence:
        bins = [np.searchsorted(*pair) for pair in zip(self._edges, observed.ratios, strict=True)]
        pressing = observed.ratios[self._in_pressure & observed.known]
        return Evidence(
            levels=observed.levels.astype(np.int32),
            ratios=np.array(bins, dtype=np.int32),
            known=observed.known.astype(np.float32),
            pressure=np.int32(np.searchsorted(self._pressure_edges, pressing.max(initial=0.0))),
            pressure_known=np.float32(pressing.size > 0),
        )

    def _checkpoint(self) -> State:
        return {
            "capacity": np.asarray(self._belief.capacity),
            "backlog": np.asarray(self._belief.backlog),
            "key": np.asarray(jax.random.key_data(self._key)),
        }

    def _restore(self, state: State) -> None:
        self._belief = on_belief(state["capacity"], state["backlog"])
        self._key = jax.random.wrap_key_data(jnp.asarray(state["key"]))
        self._figures = None


def on_belief(capacity: NDArray[Any], backlog: NDArray[Any]) -> Belief:
    """A belief on the device, always of the types that the compiled code was made for."""
    return Belief(jnp.asarray(capacity, dtype=jnp.float32), jnp.asarray(backlog, dtype=jnp.int32))


def on_device(model: Model, policy_table: NDArray[np.int64], switching: float) -> Arrays:
    """The model and the policies as arrays of 32 bits on the device."""
    figures = {
        "ln_capacity": np.log(model.capacity),
        "A_slo": model.A_slo,
        "H_slo": entropy(model.A_slo),
        "A_pressure": model.A_pressure,
        "H_pressure": entropy(model.A_pressure),
        "B": model.B,
        "jump": model.jump,
        "C_slo": model.C_slo,
        "C_setting": model.C_setting,
        "weight": model.weight,
        "pressure_weight": model.pressure_weight,
        "switching": switching,
    }
    return Arrays(
        **{name: jnp.asarray(figure, dtype=jnp.float32) for name, figure in figures.items()},
        kind=jnp.asarray(model.kind, dtype=jnp.int32),
        policies=jnp.asarray(policy_table, dtype=jnp.int32),
    )


def entropy(likelihoods: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each column of likelihoods (..., o, c), in nats, shape (..., c)."""
    return -xlogy(likelihoods, likelihoods).sum(axis=-2)
