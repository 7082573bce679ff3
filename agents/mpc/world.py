"""The world as regressions see it: how a reading changes what is known, and what is then to be expected.

Every SLO has a regression of ln(ratio), and so has the *demand*: the largest ratio among the SLOs that follow
the work of the interval at once. Where a spec has none of these, or none was measured, the demand is read off
from how the ratios with memory moved.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from agents.common.demand import LAG, LAG_LEFT, MENDED, SOFT, TINY, UNKNOWN
from agents.common.pressure import in_pressure
from agents.common.settings import Grid
from agents.mpc import backlog
from agents.mpc.regression import Fit, forget, predict, update
from envs.spec import RATIO_CAP, ElasticitySpec, Observed

Array = NDArray[np.float64]

LARGEST = 20.0  # ln(demand) up to which demands are told apart
STANDSTILL = 0.03  # change of a ratio in one interval that is taken for jitter
AT_REST = -0.1  # ln(demand) that ratios at rest are taken to be a sign of, at the most
STUCK = 0.3  # by how much ln(demand) is above what was believed, if a broken ratio with memory stays so
VAGUE = 0.3  # log-standard deviation of a demand that was read off from ratios with memory
RESIDUAL, CALM = (
    0.1,
    0.04,
)  # log-standard deviations left open at first, CALM of ratios with memory
REST_DOUBT = 0.3  # log-standard deviation of what a knob may do to SLOs that do not follow the work


@dataclass(frozen=True, slots=True)
class Known:
    """What is known at the end of an interval.

    Attributes:
        fit: of every SLO's ln(ratio), and of ln(demand) in the last row.
        growth: sums for the rates of `agents.mpc.backlog`, shape (2, n_slos).
        lag: how much of a change a reading may not show yet, per row of the fit, shape (n_slos + 1,).
        row: of the setting in force, -1 before the first reading.
        ratios: last known, 0 before, shape (n_slos,).
        is_backlog: which SLOs with memory are held up by the past, shape (n_slos,).
        demand: ln of the last interval's, NaN if it is unknown.
        readings: taken in so far.
    """

    fit: Fit
    growth: Array
    lag: Array
    row: int
    ratios: Array
    is_backlog: NDArray[np.bool_]
    demand: float
    readings: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of every setting, n of them; of ratios that rest, without the past.

    Attributes:
        ln_ratio: mean per SLO, less the ratio's own threshold: broken above 0, shape (n, n_slos).
        sigma: its standard deviation, residual included, shape (n, n_slos).
        residual: of it, what the regression leaves open, shape (n_slos + 1,).
        ratio: its median, shape (n, n_slos).
        ln_demand, demand_sigma: likewise, shape (n,).
        demand_doubt: what of that is want of knowledge, shape (n,).
        rates: of the backlogs, shape (n_slos,).
    """

    ln_ratio: Array
    sigma: Array
    residual: Array
    ratio: Array
    ln_demand: Array
    demand_sigma: Array
    demand_doubt: Array
    rates: Array


class World:
    """The regressions of one spec; what they know is passed in and out.

    Args:
        spec: the stream.
        grid: its joint settings.
        drift: log-standard deviation of what no knob explains, from one interval to the next, > 0.
        fade: likewise of what the knobs explain, >= 0.
        cost_doubt: share by which the spec's ln(cost) of a knob may be wrong, a standard deviation, > 0.
        optimism: by how much ln(demand) is taken to fall in an interval in which nothing tells it, >= 0.
    """

    def __init__(
        self, spec: ElasticitySpec, grid: Grid, drift: float, fade: float, cost_doubt: float, optimism: float
    ):
        self.grid = grid
        self.drift, self.fade, self.cost_doubt, self.optimism = drift, fade, cost_doubt, optimism
        self.memory = np.array([slo.memory for slo in spec.slos])
        self.prompt = in_pressure(spec)
        self.soft = np.where(self.memory, SOFT, 0.0)
        self.threshold = np.log1p(self.soft)

    def prior(self) -> Known:
        """What the spec alone says: demands go as the cost, the rest hardly as anything."""
        n_slos, spans = len(self.memory), self.grid.spans
        follows_work = np.append(self.prompt, True)[:, None]
        at_least = np.append(~self.memory & ~self.prompt, False)
        mean = np.zeros((n_slos + 1, 1 + 2 * len(spans)))
        mean[:, 1::2] = np.where(follows_work, spans, np.where(at_least[:, None], MENDED * spans, 0.0))
        mean[:, 0] = np.where(follows_work[:, 0], 0.0, np.log(0.3)) - 0.5 * mean[:, 1::2].sum(axis=1)
        sigma = np.full_like(mean, UNKNOWN)
        sigma[:, 1::2] = np.where(follows_work, self.cost_doubt * (1 + spans), REST_DOUBT)
        sigma[:, 2::2] = np.where(follows_work, 2 * self.cost_doubt, REST_DOUBT)
        cov = sigma[:, :, None] ** 2 * np.eye(mean.shape[1])
        residual = np.where(np.append(self.memory, False), CALM, RESIDUAL)
        culprits = np.where(
            follows_work[:, :, None], np.eye(mean.shape[1])[0] * np.eye(mean.shape[1]), np.eye(mean.shape[1])
        )
        fit = Fit(mean, cov, residual**2, np.zeros(n_slos + 1), culprits)
        return self.begun(Known(fit, np.zeros((2, n_slos)), *self._nothing(), readings=0))

    def begun(self, known: Known) -> Known:
        """The same knowledge at the beginning of an episode: the capacity may be another one."""
        cov = known.fit.cov.copy()
        cov[:, 0, 0] = np.maximum(cov[:, 0, 0], UNKNOWN**2)
        fit = replace(known.fit, cov=cov, surprises=np.zeros(len(cov)))
        return Known(fit, known.growth, *self._nothing(), readings=0)

    def _nothing(self) -> tuple[Array, int, Array, NDArray[np.bool_], float]:
        n_slos = len(self.memory)
        return np.zeros(n_slos + 1), -1, np.zeros(n_slos), np.zeros(n_slos, bool), float("nan")

    def see(self, known: Known, seen: Observed) -> Known:
        """What is known one interval later."""
        row = self.grid.row(seen.levels)
        if not seen.known.any():
            return replace(known, row=row, ratios=np.zeros(len(seen.ratios)), demand=float("nan"))
        ratios = np.where(seen.known, seen.ratios, known.ratios)
        is_first = known.readings == 0
        growth = np.zeros(len(ratios)) if is_first else ratios - known.ratios
        drift = np.append(np.where(self.memory, 0.2, 1.0), 1.0) * self.drift
        fit = known.fit if is_first else forget(known.fit, drift, self.fade)
        lag = self._lag(known, row)
        demand, is_measured, fit = self._demand(known, seen, row, growth, fit)
        is_backlog = self._backlog(known, ratios, growth, demand)
        readings = np.append(np.log(np.maximum(ratios, TINY) + self.soft), demand)
        before = np.append(np.log(np.maximum(known.ratios, TINY) + self.soft), known.demand)
        moved = np.zeros(len(lag)) if is_first else np.nan_to_num(readings - before)
        doubt = lag**2 if is_backlog.any() else np.minimum(lag**2, 4 * moved**2)
        doubt[:-1] += np.where(self.prompt, 0.0, (2 * max(np.nan_to_num(demand), 0.0)) ** 2)
        doubt[:-1] += np.where(self.memory, moved[:-1] ** 2, 0.0)
        doubt[-1] += 0.0 if is_measured else VAGUE**2
        still = ~self.memory | (row == known.row) | is_first  # what carries the past, carries a change's too
        usable = np.append(seen.known & ~is_backlog & still, np.isfinite(demand))
        expected = fit.mean @ self.grid.features[row]
        capped = np.append(ratios >= RATIO_CAP, demand >= np.log(RATIO_CAP))
        usable &= ~(capped & (expected > readings))
        fit = update(fit, self.grid.features[row], np.nan_to_num(readings), usable, doubt)
        sums = known.growth
        if is_measured and demand > 0 and not is_first:
            sums = backlog.count_growth(sums, growth, np.exp(demand), self.memory & seen.known)
        return Known(fit, sums, lag, row, ratios, is_backlog, demand, known.readings + 1)

    def _lag(self, known: Known, row: int) -> Array:
        lag = known.lag * LAG_LEFT[int(known.is_backlog.any())]
        if known.row < 0 or row == known.row:
            return lag
        step = self.grid.features[row] - self.grid.features[known.row]
        return lag + LAG * np.abs(known.fit.mean @ step)

    def _demand(
        self, known: Known, seen: Observed, row: int, growth: Array, fit: Fit
    ) -> tuple[float, bool, Fit]:
        """ln of the demand, whether it was measured, and the fit, more hopeful if nothing tells it."""
        pressing = seen.ratios[self.prompt & seen.known]
        if pressing.size:
            return float(np.log(max(pressing.max(), TINY))), True, fit
        expected = float(fit.mean[-1] @ self.grid.features[row])
        tells = np.flatnonzero(self.memory & seen.known)
        if not tells.size or not known.readings:
            return float("nan"), False, fit
        worst = tells[np.argmax(seen.ratios[tells])]
        ratio, grown = float(seen.ratios[worst]), float(growth[worst])
        if grown < -STANDSTILL or grown > STANDSTILL:
            rate = float(backlog.learned_rates(known.growth)[worst])
            read = backlog.implied_demand(ratio, float(known.ratios[worst]), rate)
            is_drained = grown < 0 and ratio < STANDSTILL
            return (min(read, expected) if is_drained else read), False, fit
        if ratio > 1:  # as long as it can be, or it would go on growing
            return max(expected, 0.0) + STUCK, False, fit
        mean = fit.mean.copy()
        mean[-1, 0] -= max(expected - AT_REST, 0.0) + self.optimism
        return float("nan"), False, replace(fit, mean=mean)

    def _backlog(self, known: Known, ratios: Array, growth: Array, demand: float) -> NDArray[np.bool_]:
        """Which ratios with memory speak of the past: they rise under overload, or fall after one."""
        overload = np.nan_to_num(demand) > 0 and known.readings > 0
        rising = overload & (growth > STANDSTILL)
        staying = known.is_backlog & ((growth < -STANDSTILL) | overload)
        return self.memory & (rising | staying)

    def outlook(self, known: Known, rows: NDArray[np.intp] | slice = slice(None)) -> Outlook:
        """What is to be expected of these settings."""
        mean, variance = predict(known.fit, self.grid.features[rows])
        sigma = np.sqrt(variance + known.fit.variance)
        return Outlook(
            ln_ratio=mean[:, :-1] - self.threshold,
            sigma=sigma[:, :-1],
            residual=np.sqrt(known.fit.variance),
            ratio=np.clip(np.exp(mean[:, :-1]) - self.soft, 0.0, RATIO_CAP),
            ln_demand=mean[:, -1],
            demand_sigma=sigma[:, -1],
            demand_doubt=np.sqrt(variance[:, -1]),
            rates=backlog.learned_rates(known.growth),
        )

    def p_fulfilled(self, known: Known, outlook: Outlook, intervals: float) -> Array:
        """P(SLO fulfilled) so many intervals (>= 1) after each setting was set, shape (n, n_slos)."""
        at_rest = ndtr(-outlook.ln_ratio / outlook.sigma)
        return at_rest * self._p_drained(known, outlook, intervals, np.zeros(1))

    def p_kept(self, known: Known, outlook: Outlook, intervals: float, margin: Array) -> Array:
        """The same as a decision should see it: `margin` residual deviations away from every threshold.

        What an SLO does that does not follow the work is taken for what the regression says, as RASK does:
        to avoid all that is uncertain about it would be never to find out.
        """
        sigma = np.where(self.prompt, outlook.sigma, outlook.residual[:-1])
        at_rest = ndtr(-(outlook.ln_ratio + margin[:, None] * outlook.residual[:-1]) / sigma)
        return at_rest * self._p_drained(known, outlook, intervals, margin)

    def _p_drained(self, known: Known, outlook: Outlook, intervals: float, margin: Array) -> Array:
        breaking = backlog.breaking_demand(known.ratios, outlook.rates, intervals)
        slack = breaking - (outlook.ln_demand + margin * outlook.residual[-1])[:, None]
        return np.where(self.memory, ndtr(slack / outlook.demand_sigma[:, None]), 1.0)

    def worst_ratio(self, known: Known, outlook: Outlook, intervals: float) -> Array:
        """The worst ratio to be expected by then, the demand itself among them, shape (n,)."""
        demand = np.exp(np.minimum(outlook.ln_demand, LARGEST))[:, None]
        past = backlog.carried(known.ratios, outlook.rates, demand, intervals)
        ratios = np.where(self.memory, np.maximum(past, outlook.ratio), outlook.ratio)
        return np.maximum(ratios.max(axis=1), demand[:, 0])
