"""A contextual bandit over the joint settings: a linear model of the reward, sampled or upper-bounded.

Thompson sampling with a linear reward is Agrawal & Goyal 2013, "Thompson sampling for contextual bandits with
linear payoffs"; LinUCB is Li et al. 2010, "A contextual-bandit approach to personalized news article
recommendation". Evidence is discounted, as in Russac, Vernade & Cappé 2019, "Weighted linear bandits for
non-stationary environments". The noise is unknown too, so the conjugate prior is a normal-inverse-gamma
(Bishop 2006, exercise 3.12, gives the sums). With features φ of a setting in a context, the reward is w·φ +
noise:

    Λ = I/SIGMA² + Σ γᵗ φφᵀ,    b = Σ γᵗ φ (reward − w₀·φ),    w ~ N(w₀ + Λ⁻¹ b, ν² Λ⁻¹)
    ν² = (scale + ½ (Σ γᵗ (reward − w₀·φ)² − b·Λ⁻¹ b)) / (shape + ½ Σ γᵗ)
    THOMPSON: the best w·φ of one draw;    UCB: the best E w·φ + width · ν √(φ·Λ⁻¹ φ)

Ours differs in its features: the context says what one more
interval has told of the capacity, and the reward is explained by how far each setting is from using it up.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent, State, Transition
from agents.common.bottleneck import IDLE, Stages
from agents.common.checkpoints import packed, unpacked
from agents.common.demand import TINY
from agents.common.settings import grid_of
from agents.common.words import Word
from envs.spec import ElasticitySpec, Observed

Array = NDArray[np.float64]

KNEES = np.array([-1.0, -0.4, -0.15, 0.0, 0.2, 0.7])  # of ln(pressure), where the reward's lines may bend
EARNED = np.array([1.0, 1.0, 0.9, 0.3, 0.0, 0.0])  # share of its worth that a setting there should earn
LOST = np.array([0.0, 0.0, 0.02, 0.2, 0.4, 0.7])  # what it should lose beside that
DEEPER = 0.1  # what it should lose more per e-fold beyond the last knee
SIGMA = 3.0  # standard deviation of a coefficient beforehand, in units of the noise's
NOISE = (2.0, 0.01)  # shape and scale of the inverse gamma that the noise's variance has beforehand
NEW = 0.5  # weight of a reading in the price
HEADROOM, OVERLOAD = -0.2, 0.3  # ln(pressure) that is made of SLOs with memory at rest, and of growing ones
HOPE = 0.05  # by how much the price falls in an interval at rest where no pressure tells it
GROWTH = 0.02  # of a ratio with memory in one interval: less is taken for jitter


class Policy(Word, file="conf/agent/bandit.yaml"):
    """How the posterior becomes a decision."""

    THOMPSON = "THOMPSON"  # the best setting of one draw
    UCB = "UCB"  # the best upper bound


FIGURES = ("expected_reward", "value", "noise", "ln_pressure", "rewards_counted")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Discounted sums of a Bayesian regression about a prior mean, in units of the noise.

    Attributes:
        precision: Σ φφᵀ and the prior's, shape (f, f).
        moment: Σ φ · (reward − prior mean), shape (f,).
        squares: Σ (reward − prior mean)².
        count: Σ 1.
    """

    precision: Array
    moment: Array
    squares: float
    count: float

    @classmethod
    def none(cls, n_features: int) -> Self:
        """Return the evidence of nothing but the prior."""
        return cls(np.eye(n_features) / SIGMA**2, np.zeros(n_features), 0.0, 0.0)

    def after(self, features: Array, surprise: float, discount: float) -> Self:
        """Return the evidence one reward later; what is forgotten is evidence, never the prior."""
        prior = np.eye(len(features)) / SIGMA**2
        return type(self)(
            prior + discount * (self.precision - prior) + np.outer(features, features),
            discount * self.moment + features * surprise,
            discount * self.squares + surprise**2,
            discount * self.count + 1.0,
        )

    @property
    def noise_variance(self) -> float:
        """Return the variance of a reward, the posterior's scale / shape."""
        explained = float(self.moment @ np.linalg.solve(self.precision, self.moment))
        shape, scale = NOISE
        return (scale + max(self.squares - explained, 0.0) / 2) / (shape + self.count / 2)


def fixed_features(places: Array) -> Array:
    """Return what tells settings apart whatever the context: places of knobs, and their products."""
    n_knobs = places.shape[1]
    products = [places[:, i] * places[:, j] for i in range(n_knobs) for j in range(i, n_knobs)]
    return np.hstack([places, np.stack(products, axis=1)])


class Bandit(Agent):
    """Learns what a setting earns in a context, and mostly sets what earns most.

    Args:
        spec: the stream.
        policy: THOMPSON or UCB.
        width: of a draw or of a bound, in posterior standard deviations, >= 0; 0 is greedy.
        discount: share of the evidence that is left after an interval, in (0, 1].
        switching_cost: what leaving the setting in force must earn more, >= 0.

    Raises:
        ValueError: a figure out of range, or a spec with too many joint settings.
    """

    def __init__(
        self, spec: ElasticitySpec, policy: Policy, width: float, discount: float, switching_cost: float
    ):
        super().__init__(spec)
        if width < 0 or switching_cost < 0 or not 0 < discount <= 1:
            raise ValueError(
                f"expected width and switching_cost >= 0 and discount in (0, 1], got {width}, "
                f"{switching_cost} and {discount} (conf/agent/bandit.yaml)"
            )
        self._policy = Policy(policy)  # a word, where no schema made it more
        self._width, self._discount, self._switching_cost = width, discount, switching_cost
        self._grid = grid_of(spec)
        self._ln_costs = np.log(self._grid.costs)
        self._stages = Stages(spec)
        self._memory = np.array([slo.memory for slo in spec.slos])
        self._fixed = fixed_features(np.array([spec.positions(levels) for levels in self._grid.settings]))
        self._guess = np.concatenate([-LOST, EARNED, [-DEEPER], np.zeros(self._fixed.shape[1])])
        self._first_prices = -(self._ln_costs.max(axis=0) + self._ln_costs.min(axis=0)) / 2
        self._origin = Evidence.none(len(self._guess))
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget what the last episode taught."""
        self._rng = np.random.default_rng(seed)
        self._evidence = self._origin
        self._prices = self._first_prices
        self._backlog = np.zeros(len(self.spec.slos))
        self._chosen: Array | None = None
        self._figures: dict[str, float] = dict.fromkeys(FIGURES, 0.0)

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the best setting of one draw from the posterior, or the one of the best upper bound."""
        seen = self.spec.decode(observation)
        row = self._grid.row(seen.levels)
        self._prices = self._new_prices(seen, self._ln_costs[row])
        ln_pressure = (self._prices + self._ln_costs).max(axis=1)
        self._backlog = np.where(self._memory & seen.known, seen.ratios, 0.0)
        features = self._features(ln_pressure)
        root = np.linalg.cholesky(self._evidence.precision)
        mean = self._guess + np.linalg.solve(self._evidence.precision, self._evidence.moment)
        noise = math.sqrt(self._evidence.noise_variance)
        expected = features @ mean
        if self._policy is Policy.THOMPSON:
            deviates = self._rng.standard_normal(len(mean))
            values = expected + self._width * noise * (features @ np.linalg.solve(root.T, deviates))
        else:
            spread = np.linalg.norm(np.linalg.solve(root, features.T), axis=0)
            values = expected + self._width * noise * spread
        held = np.arange(len(values)) == row
        best = int(np.argmax(values - self._switching_cost * ~held))
        if ln_pressure.min() > 0:  # nothing fits: what is left to do is as little as possible
            best = int(np.argmin(ln_pressure))
        self._chosen = features[best]
        figures = expected[best], values[best], noise, ln_pressure[best], self._evidence.count
        self._figures = dict(zip(FIGURES, map(float, figures), strict=True))
        return self._grid.settings[best].copy()

    def learn(self, transition: Transition) -> None:
        """Count the reward that the last decision earned, as far as anybody can tell."""
        if self._chosen is not None and not math.isnan(transition.reward):
            surprise = transition.reward - float(self._chosen @ self._guess)
            self._evidence = self._evidence.after(self._chosen, surprise, self._discount)
            self._chosen = None

    def explain(self) -> dict[str, float]:
        """Return the reward expected and as valued, the noise, ln(pressure) expected, and rewards counted."""
        return dict(self._figures)

    def _features(self, ln_pressure: Array) -> Array:
        """Return the features of settings that are expected to press so, shape (n, n_features)."""
        beyond = np.maximum(ln_pressure - KNEES[-1], 0.0)[:, None]
        places = np.clip(ln_pressure, KNEES[0], KNEES[-1])
        hats = np.stack([np.interp(places, KNEES, peak) for peak in np.eye(len(KNEES))], axis=1)
        return np.hstack([hats, hats * self._grid.worth[:, None], beyond, self._fixed])

    def _new_prices(self, seen: Observed, ln_costs: Array) -> Array:
        """Return ln(pressure) − ln(cost) of each stage, what the world asks for a unit of cost."""
        pressures = self._stages.pressures(seen.ratios, seen.known, seen.loads)
        if not np.isnan(pressures).all():
            read = np.log(np.maximum(pressures, TINY)) - ln_costs
            new = read if self._evidence.count == 0 else (1 - NEW) * self._prices + NEW * read
            return np.where(pressures >= IDLE, new, self._prices)
        known = self._memory & seen.known
        if not known.any():
            return self._prices
        growth = (seen.ratios - self._backlog)[known].max()
        binds = np.arange(len(ln_costs)) == np.argmax(self._prices + ln_costs)
        if growth > GROWTH:
            return np.where(binds, np.maximum(self._prices, OVERLOAD - ln_costs), self._prices)
        if growth < -GROWTH:
            return self._prices
        return np.minimum(self._prices, HEADROOM - ln_costs) - HOPE

    def _checkpoint(self) -> State:
        generator = np.array(json.dumps(self._rng.bit_generator.state))
        context = {"prices": self._prices, "backlog": self._backlog, "rng": generator}
        return context | {"evidence": packed(self._evidence)}

    def _restore(self, state: State) -> None:
        self._evidence = self._origin = unpacked(Evidence, state["evidence"])
        self._prices, self._backlog = state["prices"], state["backlog"]
        self._rng.bit_generator.state = json.loads(str(state["rng"]))
        self._chosen = None
        self._figures = dict.fromkeys(FIGURES, 0.0)
