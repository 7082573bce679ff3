"""Model predictive control by regression, as RASK does it (Sedlak et al. 2025: polynomials, then a solver).

RASK fits polynomials of the metrics on the parameters while it runs, after some first intervals of
exploration, and sets what a solver finds best under them. Ours fits ln(ratio) of every SLO, begins from the
spec's relative costs, follows a capacity that drifts or jumps, knows which ratios carry the past, keeps a
margin of the residual spread, and searches the whole grid for the best mean reward over a receding horizon.
It explores by the value of a trial, which there is only as long as it has something to learn.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Forecaster, State
from agents.common.checkpoints import packed, unpacked
from agents.common.objective import expected_reward, with_trials
from agents.mpc.outlook import Outlook, outlook_of, p_fulfilled, p_kept, worst_ratio
from agents.mpc.world import Known, World, begun, prior, see
from envs.spec import ElasticitySpec

FORECAST = 10  # intervals that a forecast looks ahead
HELD = 0.5  # share of the margin that is asked of the setting in force: it is left later than it is entered


class Mpc(Forecaster):
    """Fits what the knobs do to every SLO, and sets what then promises the best reward.

    Args:
        spec: the stream.
        horizon: intervals after setting it at which a setting is judged, ascending, each >= 1.
        margin: standard deviations of a prediction that are kept to every threshold, >= 0.
        switching_cost: by how much the mean reward must be better for a change, >= 0.
        patience: intervals within which a trial of something uncertain must pay, >= 1; 1 for no trials.
        drift, fade, cost_doubt, optimism: see `World`.

    Raises:
        ValueError: a figure out of range, or a spec with too many joint settings.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        horizon: list[int],
        margin: float,
        switching_cost: float,
        patience: int,
        drift: float,
        fade: float,
        cost_doubt: float,
        optimism: float,
    ):
        super().__init__(spec)
        where = "(conf/agent/mpc.yaml)"
        if not horizon or min(horizon) < 1 or list(horizon) != sorted(horizon):
            raise ValueError(f"horizon must be intervals >= 1 in ascending order, got {horizon} {where}")
        if min(margin, switching_cost, fade, optimism) < 0 or min(drift, cost_doubt) <= 0 or patience < 1:
            raise ValueError(
                "margin, switching_cost, fade and optimism must be >= 0, drift and cost_doubt > 0, patience "
                f">= 1, got {margin}, {switching_cost}, {fade}, {optimism}, {drift}, {cost_doubt} and "
                f"{patience} {where}"
            )
        self._horizon, self._margin, self._switching_cost = tuple(horizon), margin, switching_cost
        self._patience = patience
        self._world = World.of(spec, drift, fade, cost_doubt, optimism)
        self._grid = self._world.grid
        self._origin = prior(self._world)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget what the last episode taught; nothing here is random."""
        self._known = begun(self._origin)
        self._figures = dict.fromkeys(self._names(), 0.0)

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the setting of the best mean reward over the horizon."""
        seen = self.spec.decode(observation)
        self._known = known = see(self._world, self._known, seen)
        outlook = outlook_of(self._world, known)
        gains = np.zeros(len(self._grid.worth))
        margin = np.full(len(gains), self._margin)
        margin[known.row] *= HELD
        for intervals in self._horizon:
            p_each = p_kept(self._world, known, outlook, intervals, margin)
            p_all = p_each.min(axis=1)  # they break together, when the demand is too much
            worst = worst_ratio(self._world, known, outlook, intervals)
            gains += expected_reward(p_all, p_each, worst, self._grid.worth) / len(self._horizon)
        noise = outlook.demand_residual
        tries = with_trials(
            gains,
            self._grid.worth,
            outlook.ln_demand + margin * noise,
            outlook.demand_doubt,
            noise,
            self._patience,
        )
        values = tries - self._switching_cost * self._grid.differs(seen.levels)
        best = int(np.argmax(values))
        if outlook.ln_demand.min() > 0:  # nothing fits: what is left to do is as little as possible
            least = int(outlook.binding[outlook.ln_demand.argmin()])
            best = int(self._grid.costs[:, least].argmin())
        self._explain(best, float(gains[best]), p_each, outlook)
        return self._grid.settings[best].copy()

    def forecast(self, settings: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return forecasts from the regressions' Gaussian errors, without the margin that decisions keep."""
        outlook = outlook_of(self._world, self._known, self._grid.rows(settings))
        return p_fulfilled(self._world, self._known, outlook, FORECAST)

    def explain(self) -> dict[str, float]:
        """Return the expected reward, demand seen and expected, its residual, P(fulfilled), margin kept."""
        return dict(self._figures)

    def _names(self) -> list[str]:
        return [
            "expected_reward",
            "demand",
            "expected_demand",
            "residual",
            "backlogs",
            *("p_fulfilled_" + slo.metric for slo in self.spec.slos),
        ]

    def _explain(self, row: int, gain: float, p_each: NDArray[np.float64], outlook: Outlook) -> None:
        known = self._known
        figures = [
            gain,
            float(np.exp(np.nan_to_num(known.demand, nan=-np.inf).max())),
            float(np.exp(min(outlook.ln_demand[row], 50.0))),
            float(outlook.demand_residual[row]),
            float(known.is_backlog.sum()),
            *map(float, p_each[row]),
        ]
        self._figures = dict(zip(self._names(), figures, strict=True))

    def _checkpoint(self) -> State:
        return {"known": packed(self._known)}

    def _restore(self, state: State) -> None:
        self._known = self._origin = unpacked(Known, state["known"])
        self._figures = dict.fromkeys(self._names(), 0.0)
