"""What a network sees of an episode: a row of figures per joint setting, and what all rows have in common.

Nothing here depends on how many knobs, levels, SLOs or stages there are: what there are several of is pooled.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from agents.common.bottleneck import IDLE
from agents.learned.filters import N_LAGS, Filters
from agents.learned.streams import Floats, Rows, Streams
from envs.spec import ElasticitySpec

VERSION = 1  # of what is seen: weights that were learned from other figures mean nothing
N_FEATURES, N_PER_OBSERVATION, N_FURTHER = 19, 3, 12
RATIO_FLOOR = 0.05  # added to a ratio before its logarithm is taken
LN_RANGE = (-2.0, 0.9)  # of such a logarithm that the filters read
LIMIT = 3.0  # of whatever is seen
FAILED = -0.2  # reward of an interval in which one SLO of a few is broken, roughly
KEPT = 0.98  # of the evidence about a setting, from one interval to the next
PEAKS_KEPT = 0.95  # of what a pressure was above its expectation, likewise
SETTLED = 50.0  # intervals at a setting; more are not counted
SETTLING = 3  # intervals after a change in which a broken SLO that gets better speaks of the time before
UNEVEN = 1e-6  # ln costs that differ by less are the same

Known = NDArray[np.bool_]
Array = NDArray[np.float64]


def n_context(depth: int) -> int:
    """Return the number of figures that all rows have in common, of so many observations."""
    return N_PER_OBSERVATION * depth + N_FURTHER


class Memory:
    """What some episodes have shown, as their agent sees it.

    Of each episode n_seen figures, clipped to LIMIT: the context, then the rows of `Streams.settings`.

    | of the context | meaning                                                                          |
    |----------------|----------------------------------------------------------------------------------|
    | 3 x depth      | per observation, the newest first: largest ln ratio of the SLOs that carry the   |
    |                | past, of the others, and whether any was known                                   |
    | 2              | share of the SLOs that are broken; largest ln ratio of the lower bounds          |
    | 2              | share of the time in which any was broken, over some 5 and some 50 intervals     |
    | 2              | change of the worst ln ratio; ln of the intervals at the setting in force        |
    | 3              | lag of telemetry, as a share of the longest, and how sure it is; surprise        |
    | 3              | ln pressure of the stage that is pressed most, of all on the mean; worth in force |

    | of a row | meaning                                                                                |
    |----------|----------------------------------------------------------------------------------------|
    | 0-2      | whether it is in force; share of the knobs that change; whether it was tried, fading   |
    | 3-5      | worth, and what it is worth more than that in force: at once, and aged                 |
    | 6-9      | ln pressure expected of the stage pressed most, and in standard deviations; with the   |
    |          | last peaks added; and as the spec alone has it                                         |
    | 10-11    | largest ln ratio expected of the SLOs that carry the past, and in standard deviations  |
    | 12-13    | most and least ln of its cost to that of the setting in force, over the stages         |
    | 14-15    | worst ln ratio seen where no less was asked for less, least where no less was, fading  |
    | 16       | worst ln ratio when it was last in force, fading                                       |
    | 17-18    | what it promises: P(SLOs hold) · worth, less what breaking costs; and less the best's   |

    Args:
        specs: of the episodes, one each; see `Streams.of`.
        depth: observations that are remembered as they were.
    """

    def __init__(self, specs: Sequence[ElasticitySpec], depth: int) -> None:
        self.streams, self._depth = Streams.of(specs), depth
        n, self._n_rows, _, s, q = self.streams.shape
        self._filters, self._everyone = Filters(self.streams), np.arange(n)
        self._recent = np.zeros((n, depth, N_PER_OBSERVATION))
        self._rows = np.zeros((n, N_LAGS), np.int64)  # in force, the newest first
        self._dwell = np.zeros((n, N_LAGS))  # intervals for which each of them had been in force by then
        self._tried, self._own = np.zeros((2, n, self._n_rows))
        self._above, self._below = np.zeros((2, n, self._n_rows))
        self._prices, self._peaks = np.zeros((2, n, q))  # as ln pressures of the highest setting
        self._worst, self._change, self._means = np.zeros(n), np.zeros(n), np.zeros((n, 2))
        self._last = np.full((n, s), np.nan)

    @property
    def n_seen(self) -> int:
        """Return the number of figures of each episode."""
        return n_context(self._depth) + self._n_rows * N_FEATURES

    def begin(self, observations: Floats, which: Known | None = None) -> Floats:
        """Take first observations, (n, n_observed), of all episodes or some; return what all see now."""
        which = np.ones(len(observations), np.bool_) if which is None else which
        self._filters.begin(which)
        self._rows[which] = self.streams.rows(observations)[which, np.newaxis]
        self._dwell[which] = SETTLED
        self._above[which], self._below[which] = -1.0, 1.0
        for state in (self._tried, self._own, self._prices, self._worst, self._change, self._means):
            state[which] = 0.0
        self._last[which], self._peaks[which] = np.nan, np.nan
        ratios, _ = self._parts(observations)
        self._recent[which] = self._figures(ratios)[which, np.newaxis]
        return self._seen(ratios)

    def push(self, observations: Floats) -> Floats:
        """Take the next observation of every episode; return what all see now, shape (n, n_seen)."""
        rows = self.streams.rows(observations)
        stayed = np.where(rows == self._rows[:, 0], np.minimum(self._dwell[:, 0] + 1, SETTLED), 0.0)
        for state, newest in ((self._rows, rows), (self._dwell, stayed)):
            state[:, 1:] = state[:, :-1].copy()
            state[:, 0] = newest
        ratios, pressures = self._parts(observations)
        self._recent[:, 1:] = self._recent[:, :-1].copy()
        self._recent[:, 0] = self._figures(ratios)
        self._learn(ratios, pressures)
        return self._seen(ratios)

    # --- what observations say ---

    def _parts(self, observations: Floats) -> tuple[Array, Array]:
        """Return ln ratios of SLOs, (n, s), and ln pressures of stages, (n, q); NaN where unknown."""
        _, _, k, s, q = self.streams.shape
        seen, first = observations.astype(np.float64), k + 2 * s
        ratios, is_known = seen[:, k : k + s], seen[:, k + s : first] > 0.5
        loads, heard = seen[:, first : first + q], seen[:, first + q : first + 2 * q]
        if self.streams.stages is None:
            largest = np.fmax.reduce(np.where(is_known, ratios, np.nan), axis=1, keepdims=True)
            pressures = largest.repeat(q, axis=1)
        else:
            pressures = self.streams.stages.pressures(ratios, is_known, np.where(heard > 0.5, loads, np.nan))
        with np.errstate(invalid="ignore"):
            pressures = np.where(pressures > 2 * IDLE, pressures, np.nan)
        ln_ratios = np.log((ratios + RATIO_FLOOR) / (1 + RATIO_FLOOR))
        return np.where(is_known, ln_ratios, np.nan), np.log(pressures)

    def _figures(self, ratios: Array) -> Array:
        """Return what is remembered of an observation as it was, shape (n, N_PER_OBSERVATION)."""
        past, floor = self.streams.has_memory, self.streams.is_floor
        return np.stack(
            [
                largest(ratios[:, past & ~floor]),
                largest(ratios[:, ~past & ~floor]),
                (~np.isnan(ratios)).any(axis=1).astype(float),
            ],
            axis=1,
        )

    def _learn(self, ratios: Array, pressures: Array) -> None:
        lag = self._filters.lag
        row, dwell = self._rows[self._everyone, lag], self._dwell[self._everyone, lag]
        readings, extra = self._readings(ratios, pressures, dwell)
        inputs = self.streams.inputs[self._everyone[:, np.newaxis], :, self._rows]
        self._filters.see(inputs, readings, extra)
        prices = pressures - self.streams.ln_costs[self._everyone, row]
        self._prices = np.where(np.isnan(prices), self._prices, prices)
        top = self._filters.mean[self._everyone, lag, : pressures.shape[1], 0]
        peaks = top + PEAKS_KEPT * np.maximum(self._peaks - top, 0.0)
        self._peaks = np.where(np.isnan(self._peaks) & np.isnan(pressures), np.nan, np.fmax(peaks, top))
        worst = np.fmax.reduce(np.where(self.streams.is_floor, np.nan, ratios), axis=1)
        self._note(np.clip(worst, -1.0, 1.0), row, dwell)
        is_broken = (ratios > 0).any(axis=1, keepdims=True)
        known = (~np.isnan(ratios)).any(axis=1, keepdims=True)
        self._means += np.where(known, np.array([0.2, 0.02]) * (is_broken - self._means), 0.0)

    def _readings(self, ratios: Array, pressures: Array, dwell: Array) -> tuple[Array, Array]:
        """Return what the filters read of each channel, and the variance of each beyond its noise.

        An SLO that carries the past approaches where its setting leads it: what it changed by it will change
        by again. Where it is broken and gets better soon after a change, it speaks of the time before.
        """
        clipped = np.clip(ratios, *LN_RANGE)
        change = np.where(np.isnan(self._last), 0.0, clipped - self._last)
        self._last = np.where(np.isnan(clipped), self._last, clipped)
        change = np.where(self.streams.has_memory, change, 0.0)
        speaks_of_before = (ratios > 0) & (change <= 0) & (dwell < SETTLING)[:, np.newaxis]
        slos = np.where(speaks_of_before & self.streams.has_memory, np.nan, clipped + change)
        at_end = (clipped <= LN_RANGE[0]) | (clipped >= LN_RANGE[1])
        extra = change**2 / 2 + at_end
        readings = np.concatenate([pressures, slos], axis=1)
        return readings, np.concatenate([np.zeros(pressures.shape), np.nan_to_num(extra)], axis=1)

    def _note(self, worst: Array, row: Rows, dwell: Array) -> None:
        """Note what the worst ln ratio (n,), NaN if unknown, says of all settings that cost more or less."""
        known = ~np.isnan(worst)
        worst = np.where(known, worst, self._worst)
        getting_better = (worst > 0) & (worst <= self._worst) & (dwell < SETTLING)
        says = (known & ~getting_better)[:, np.newaxis]
        self._change, self._worst = worst - self._worst, worst
        costs = self.streams.ln_costs
        own = costs[self._everyone, row][:, np.newaxis]
        dearer, cheaper = (costs >= own - UNEVEN).all(axis=-1), (costs <= own + UNEVEN).all(axis=-1)
        self._above = -1.0 + KEPT * (self._above + 1.0)
        self._below = 1.0 - KEPT * (1.0 - self._below)
        seen = worst[:, np.newaxis]
        is_broken, holds = seen > 0, (seen <= 0) & (dwell >= SETTLING)[:, np.newaxis]
        self._above = np.where(says & dearer, np.maximum(self._above, seen), self._above)
        self._above = np.where(says & cheaper & holds, np.minimum(self._above, seen), self._above)
        self._below = np.where(says & cheaper, np.minimum(self._below, seen), self._below)
        self._below = np.where(says & dearer & is_broken, np.maximum(self._below, seen), self._below)
        self._tried *= KEPT
        self._own *= KEPT
        at = self._everyone[known], row[known]
        self._tried[at], self._own[at] = 1.0, worst[known]

    # --- what is seen ---

    def _seen(self, ratios: Array) -> Floats:
        parts = [self._context(ratios), self._features().reshape(len(ratios), -1)]
        return np.clip(np.concatenate(parts, axis=1, dtype=np.float32), -LIMIT, LIMIT)

    def _context(self, ratios: Array) -> Array:
        now, everyone = self._rows[:, 0], self._everyone
        evidence = np.exp(self._filters.evidence)
        own = self._prices + self.streams.ln_costs[everyone, now]
        figures = [
            (ratios > 0).mean(axis=1),
            largest(ratios[:, self.streams.is_floor]),
            *self._means.T,
            self._change,
            np.log1p(self._dwell[:, 0]),
            self._filters.lag / (N_LAGS - 1),
            1.0 / evidence.sum(axis=1),  # of the likeliest it is 1
            self._filters.surprise,
            own.max(axis=1),
            own.mean(axis=1),
            self.streams.worth[everyone, now, 0],
        ]
        return np.concatenate([self._recent.reshape(len(now), -1), np.stack(figures, axis=1)], axis=1)

    def _features(self) -> Array:
        """Return the rows, shape (n, N, N_FEATURES)."""
        streams, everyone, now = self.streams, self._everyone, self._rows[:, 0]
        q = streams.ln_costs.shape[-1]
        expected, sd = self._filters.predict(streams.inputs)
        top = self._filters.mean[everyone, self._filters.lag, :q, 0]
        peaks = np.fmax(self._peaks - top, 0.0)
        stages = expected[:, :q]
        past = np.flatnonzero(streams.has_memory & ~streams.is_floor) + q
        carried = expected[:, past].max(axis=1) if len(past) else np.zeros(stages[:, 0].shape)
        sigmas = expected / sd
        carried_z = sigmas[:, past].max(axis=1) if len(past) else carried
        p_hold = ndtr(-sigmas[:, q:].max(axis=1))
        promised = p_hold * streams.worth[..., 0] + (1 - p_hold) * FAILED
        more = streams.ln_costs - streams.ln_costs[everyone, now][:, np.newaxis]
        gained = streams.worth - streams.worth[everyone, now][:, np.newaxis]
        differs = streams.settings != streams.settings[everyone, now][:, np.newaxis]
        return np.stack(
            [
                ~differs.any(axis=-1),
                differs.mean(axis=-1),
                self._tried,
                streams.worth[..., 0],
                *np.moveaxis(4.0 * gained, -1, 0),
                stages.max(axis=1),
                sigmas[:, :q].max(axis=1),
                (stages + peaks[..., np.newaxis]).max(axis=1),
                (self._prices[:, np.newaxis] + streams.ln_costs).max(axis=-1),
                carried,
                carried_z,
                more.max(axis=-1),
                more.min(axis=-1),
                self._above,
                self._below,
                self._own,
                2.0 * promised,
                4.0 * (promised - promised.max(axis=1, keepdims=True)),
            ],
            axis=-1,
            dtype=np.float64,
        )


def largest(ln_ratios: Array) -> Array:
    """Return the largest of each row that is known, LN_RANGE's least where none is; (n,) of (n, any)."""
    known = np.where(np.isnan(ln_ratios), LN_RANGE[0], ln_ratios)
    return known.max(axis=1, initial=LN_RANGE[0])
