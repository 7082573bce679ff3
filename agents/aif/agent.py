"""Active inference over a stream's knobs: each stage's capacity is a hidden state, and costs are learned.

The scheme is pymdp's (Heins et al. 2022, "pymdp: A Python library for active inference in discrete state
spaces", JOSS 7(73)); that it can drive elasticity follows Sedlak et al., "Active inference on the edge". Ours
differs from theirs in inferring a capacity instead of learning a network of SLOs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from agents.aif.beliefs import Belief, Evidence, beginning, on_device
from agents.aif.costs import MAX_LEARNED, CostPrior, Costs
from agents.aif.decision import Figures, Selection, decide, forecast
from agents.aif.likelihood import pressure_edges
from agents.aif.model import Tunables, build
from agents.aif.picture import Picture, picture_of
from agents.aif.planning import Options
from agents.base import Forecaster, State
from agents.common.bins import ratio_edges
from agents.common.bottleneck import IDLE, Stages
from agents.common.policies import Moves, policies
from envs.spec import ElasticitySpec, Observed


class ActiveInference(Forecaster):
    """Infers the capacity and the costs from what the SLOs show, and sets the levels that promise most of it.

    Args:
        spec: the stream.
        n_capacities, n_pressures, drift, jump, quality_nats, violation, infers_capacity: see `Tunables`.
        noise, least_noise: log-standard deviation of a measured load before any was seen, and at the least.
        learns_costs: false = what settings cost is taken from the spec.
        cost_prior: how far the spec's costs are trusted otherwise.
        forgetting: share of what was learned of costs that is lost in each interval, in [0, 1).
        count_forgetting: likewise of the counts of SLOs broken while there was capacity to spare.
        switching_cost: what leaving the current levels costs, as a share of `quality_nats`, >= 0.
        moves: what a policy's steps are.
        horizon: steps of a policy, 1 to 3.
        gamma: precision of the choice among policies, > 0.
        state_gain: what a nat of expected information on the capacity is worth, >= 0.
        cost_gain: likewise of expected information on what settings cost.
        patience: later intervals for which it counts that a setting may prove cheaper than expected, >= 0.
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
        least_noise: float,
        drift: float,
        jump: float,
        quality_nats: float,
        violation: float,
        infers_capacity: bool,
        learns_costs: bool,
        cost_prior: CostPrior,
        forgetting: float,
        count_forgetting: float,
        switching_cost: float,
        moves: Moves,
        horizon: int,
        gamma: float,
        state_gain: float,
        cost_gain: float,
        patience: float,
        selection: Selection,
    ):
        super().__init__(spec)
        check(gamma, (forgetting, count_forgetting), (switching_cost, state_gain, cost_gain, patience))
        moves, selection = Moves(moves), Selection(selection)  # words, where no schema made them more
        table = policies(spec.n_levels, moves, horizon)
        self.model = build(
            spec,
            Tunables(
                n_capacities, n_pressures, least_noise, drift, jump, quality_nats, violation, infers_capacity
            ),
            cost_prior,
        )
        n_settings = len(self.model.settings)
        if learns_costs and n_settings > MAX_LEARNED:
            raise ValueError(
                f"costs can be learned of at most {MAX_LEARNED} joint settings, got {n_settings}: "
                "give the knobs fewer levels, or say learns_costs=false (conf/agent/aif.yaml)"
            )
        self._arrays = on_device(
            spec,
            self.model,
            table,
            noise=noise,
            least_noise=least_noise,
            drift=drift if infers_capacity else 0.0,
            forgetting=forgetting,
            count_forgetting=count_forgetting,
            switching=switching_cost * quality_nats,
            gamma=gamma,
            state_gain=state_gain,
            cost_gain=cost_gain if learns_costs else 0.0,
            patience=patience if learns_costs else 0.0,
        )
        is_deterministic = selection is Selection.DETERMINISTIC
        self._options = Options(spec.n_levels, moves, is_deterministic, learns_costs)
        self._edges = [ratio_edges(slo.warn_at) for slo in spec.slos]
        self._pressure_edges = pressure_edges(n_pressures)
        self._stages = Stages(spec)
        self._known_before = self._arrays.costs  # of costs, when an episode begins
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode: any capacity is as likely, nothing is queued, costs are as loaded."""
        self._key = jax.random.key(seed)
        at = int(np.ravel_multi_index(self.spec.highest, self.spec.n_levels))
        self._belief = beginning(self._arrays, at)._replace(costs=self._known_before)
        self._now = self._belief
        self._figures: Figures | None = None

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the first step of the policy of least expected free energy."""
        seen = self._evidence(self.spec.decode(observation))
        levels, self._now, capacity, self._key, self._figures = decide(
            self._arrays, self._belief, seen, self._key, self._options
        )
        self._belief = self._now._replace(capacity=capacity)
        return np.asarray(levels, dtype=np.int64)

    def forecast(self, settings: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return forecasts from the capacity, the backlogs and the costs as they are believed to be."""
        rows = np.ravel_multi_index(tuple(np.asarray(settings).T), self.spec.n_levels)
        p_fulfilled = forecast(self._arrays, self._now, jnp.asarray(rows, dtype=jnp.int32))
        return np.clip(np.asarray(p_fulfilled, dtype=np.float64), 0.0, 1.0)

    def warm_up(self) -> None:
        """Compile; some seconds the first time."""
        seen = self._evidence(self.spec.decode(self.spec.encode(self.spec.lowest, {}, {})))
        jax.block_until_ready(decide(self._arrays, self._belief, seen, self._key, self._options))

    def explain(self) -> dict[str, float]:
        """See `Figures`; P(fulfilled) under each SLO's own name; all 0 before the first decision."""
        names = ["p_fulfilled_" + slo.metric for slo in self.spec.slos]
        if self._figures is None:
            return dict.fromkeys([*Figures._fields[:-1], *names], 0.0)
        *figures, p_fulfilled = jax.device_get(self._figures)
        values = [*figures, *p_fulfilled]
        return {
            name: float(value) for name, value in zip([*Figures._fields[:-1], *names], values, strict=True)
        }

    def picture(self) -> Picture:
        """Return what was believed and compared in the last decision."""
        return picture_of(self._arrays, self._now, self._options)

    def _evidence(self, observed: Observed) -> Evidence:
        bins = [np.searchsorted(*pair) for pair in zip(self._edges, observed.ratios, strict=True)]
        pressures = self._stages.pressures(observed.ratios, observed.known, observed.loads)
        pressures = np.nan_to_num(pressures, nan=0.0)
        return Evidence(
            levels=observed.levels.astype(np.int32),
            heights=observed.ratios.astype(np.float32),
            ratios=np.array(bins, dtype=np.int32),
            known=observed.known.astype(np.float32),
            pressure=np.searchsorted(self._pressure_edges, pressures).astype(np.int32),
            ln_pressure=np.log(np.maximum(pressures, IDLE)).astype(np.float32),
            pressure_known=(pressures >= IDLE).astype(np.float32),
        )

    def _checkpoint(self) -> State:
        belief = self._belief._asdict()
        costs = {f"costs.{name}": value for name, value in belief.pop("costs")._asdict().items()}
        key = jax.random.key_data(self._key)
        return {name: np.asarray(value) for name, value in {**belief, **costs, "key": key}.items()}

    def _restore(self, state: State) -> None:
        costs = Costs(*(jnp.asarray(state[f"costs.{name}"]) for name in Costs._fields))
        rest = {name: jnp.asarray(state[name]) for name in Belief._fields if name != "costs"}
        self._belief = self._now = Belief(**rest, costs=costs)
        self._known_before = costs
        self._key = jax.random.wrap_key_data(jnp.asarray(state["key"]))
        self._figures = None


def check(gamma: float, shares: Sequence[float], amounts: Sequence[float]) -> None:
    """Raise ValueError if one of them is out of range."""
    if gamma <= 0 or min(amounts) < 0 or not all(0 <= share < 1 for share in shares):
        raise ValueError(
            "expected gamma > 0, switching_cost, state_gain, cost_gain and patience >= 0 and both kinds of "
            f"forgetting in [0, 1), got {gamma}, {amounts} and {shares} (conf/agent/aif.yaml)"
        )
