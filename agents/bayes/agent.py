"""Bayesian model predictive control: RASK's idea (Sedlak et al. 2025) with a posterior instead of a fit.

The model is NumPyro's (Phan, Pradhan & Jankowiak 2019); inference is by Laplace's method, interval after
interval, for a sampler as NUTS would take longer than an interval. Decisions are taken on samples of the
posterior, so that what is uncertain counts by what it may cost and by what a trial may gain.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from agents.base import Forecaster, State, Transition
from agents.bayes.filtering import Stories, update
from agents.bayes.layout import drifts, jumps, layout_of, prior
from agents.bayes.model import Gaussian
from agents.bayes.planning import Answer, Question, choose, foresee
from agents.bayes.reading import Past, Reader, nothing_yet
from agents.common.checkpoints import packed, unpacked
from agents.common.settings import grid_of
from envs.spec import ElasticitySpec

FORECAST = 10  # intervals that a forecast looks ahead


class Bayes(Forecaster):
    """Believes a distribution over models of the stream, and sets what is best over all of them.

    Args:
        spec: the stream.
        horizon: intervals after setting it at which a setting is judged, ascending, each >= 1.
        samples: of the posterior, per decision, >= 8.
        margin: standard deviations of the noise that are kept to every threshold, >= 0.
        switching_cost: by how much the mean reward must be better for a change, >= 0.
        patience: intervals within which a trial of something uncertain must pay, >= 1; 1 for no trials.
        drift: log-standard deviation of the load's walk in one interval, > 0.
        fade: likewise of everything else, >= 0.
        jump: probability in an interval that the load is another one altogether, in (0, 0.5).
        cost_doubt: share by which the spec's ln(cost) of a knob may be wrong, a standard deviation, > 0.
        optimism: by how much ln(load) is taken to fall in an interval in which nothing tells it, >= 0.

    Raises:
        ValueError: a figure out of range, or a spec with too many joint settings.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        horizon: list[int],
        samples: int,
        margin: float,
        switching_cost: float,
        patience: int,
        drift: float,
        fade: float,
        jump: float,
        cost_doubt: float,
        optimism: float,
    ):
        super().__init__(spec)
        where = "(conf/agent/bayes.yaml)"
        if not horizon or min(horizon) < 1 or list(horizon) != sorted(horizon):
            raise ValueError(f"horizon must be intervals >= 1 in ascending order, got {horizon} {where}")
        if samples < 8 or patience < 1 or not 0 < jump < 0.5:
            raise ValueError(
                f"expected samples >= 8, patience >= 1 and jump in (0, 0.5), got {samples}, {patience} and "
                f"{jump} {where}"
            )
        if min(margin, switching_cost, fade, optimism) < 0 or min(drift, cost_doubt) <= 0:
            raise ValueError(
                "margin, switching_cost, fade and optimism must be >= 0, drift and cost_doubt > 0, got "
                f"{margin}, {switching_cost}, {fade}, {optimism}, {drift} and {cost_doubt} {where}"
            )
        self._grid = grid_of(spec)
        self._layout = layout_of(spec, self._grid)
        self._reader = Reader(spec, self._grid, self._layout)
        mean, sigma = prior(self._layout, self._grid.spans, cost_doubt)
        self._origin = gaussian(mean, np.diag(sigma))
        self._load_doubt = float(sigma[0])  # of every stage
        steady = drifts(self._layout, drift, fade)
        sigmas = np.stack([steady, *np.hypot(steady, jumps(self._layout))])
        self._stories = Stories(on_device(sigmas), on_device(np.log([1 - 1.1 * jump, jump, 0.1 * jump])))
        self._samples, self._optimism = samples, optimism
        self._figures = {"margin": margin, "switching_cost": switching_cost, "patience": float(patience)}
        self._horizon = on_device(np.array(horizon))
        self._features, self._worth = on_device(self._grid.features), on_device(self._grid.worth)
        self._costs = on_device(self._grid.costs)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget what the last episode taught: any load is as likely."""
        rng = np.random.default_rng(seed)
        half = rng.standard_normal(((self._samples + 1) // 2, self._layout.size))
        self._standard = on_device(np.concatenate([half, -half])[: self._samples])
        root = np.array(self._origin.root)
        covariance = root @ root.T
        loads = np.arange(self._layout.n_stages)
        covariance[loads, loads] = np.maximum(covariance[loads, loads], self._load_doubt**2)
        self._belief = gaussian(np.array(self._origin.mean), np.linalg.cholesky(covariance))
        self._past = nothing_yet(self._layout)
        self._shares = np.array([1.0, 0.0, 0.0])
        self._taken: NDArray[np.float32] | None = None
        self._answer: Answer | None = None

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the setting of the highest expected reward, over samples of the posterior."""
        seen = self.spec.decode(observation)
        if self._taken is None or not np.array_equal(self._taken, observation):
            self._take(observation)
        self._taken = None
        question = self._question(np.asarray(~self._grid.differs(seen.levels), dtype=np.float32))
        answer: Answer = jax.device_get(choose(self._layout, self._belief, question))
        self._answer = answer
        return self._grid.settings[int(answer.best)].copy()

    def learn(self, transition: Transition) -> None:
        """Update the belief, so that the next decision need not."""
        self._take(transition.next_observation)
        self._taken = np.array(transition.next_observation)

    def warm_up(self) -> None:
        """Compile; some seconds the first time."""
        unknown = self.spec.decode(self.spec.encode(self.spec.lowest, {}, {}))
        nothing, _ = self._reader.read(self._past, unknown)
        question = self._question(np.zeros(len(self._worth), dtype=np.float32))
        jax.block_until_ready(update(self._layout, self._belief, self._stories, nothing))
        jax.block_until_ready(choose(self._layout, self._belief, question))

    def forecast(self, settings: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return forecasts of the posterior predictive, without the margin that decisions keep."""
        question = self._question(np.zeros(len(self._worth), dtype=np.float32))
        chances = foresee(self._layout, self._belief, question, jnp.float32(FORECAST))
        return np.asarray(chances, dtype=float)[self._grid.rows(settings)]

    def explain(self) -> dict[str, float]:
        """Return the expected reward, a trial's worth, demand, its doubt, P(a jump), P(fulfilled) per SLO."""
        names = [*Answer._fields[1:-1], "p_jump", *("p_fulfilled_" + slo.metric for slo in self.spec.slos)]
        if self._answer is None:
            return dict.fromkeys(names, 0.0)
        *figures, p_fulfilled = self._answer[1:]
        values = [*figures, 1.0 - self._shares[0], *p_fulfilled]
        return {name: float(value) for name, value in zip(names, values, strict=True)}

    def _take(self, observation: NDArray[np.float32]) -> None:
        reading, self._past = self._reader.read(self._past, self.spec.decode(observation))
        if self._past.readings:
            self._belief, shares = update(self._layout, self._belief, self._stories, reading)
            self._shares = np.asarray(shares)
            if not reading.is_measured and not self._past.is_moving:
                hoped = self._belief.mean.at[: self._layout.n_stages].add(-self._optimism)
                self._belief = self._belief._replace(mean=hoped)

    def _question(self, held: NDArray[np.float32]) -> Question:
        return Question(
            features=self._features,
            costs=self._costs,
            worth=self._worth,
            held=jnp.asarray(held),
            ratios=on_device(self._past.ratios),
            standard=self._standard,
            horizon=self._horizon,
            **{name: jnp.float32(figure) for name, figure in self._figures.items()},
        )

    def _checkpoint(self) -> State:
        return {
            "mean": np.asarray(self._belief.mean),
            "root": np.asarray(self._belief.root),
            "standard": np.asarray(self._standard),
            "shares": self._shares,
            "past": packed(self._past),
        }

    def _restore(self, state: State) -> None:
        self._belief = self._origin = gaussian(state["mean"], state["root"])
        self._standard = on_device(state["standard"])
        self._shares = state["shares"]
        self._past = unpacked(Past, state["past"])
        self._taken = self._answer = None


def gaussian(mean: NDArray[Any], root: NDArray[Any]) -> Gaussian:
    """Return a belief on the device, always of the types that the compiled code was made for."""
    return Gaussian(on_device(mean), on_device(root))


def on_device(figures: NDArray[Any]) -> jax.Array:
    """Return figures on the device, in 32 bits."""
    return jnp.asarray(figures, dtype=jnp.float32)
