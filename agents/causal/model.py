"""What is believed of a stream, and how an interval changes it."""

import logging
import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.causal import inference, lateness, metrics, tables
from agents.causal.lateness import LAG, Lateness
from agents.causal.metrics import Belief
from agents.causal.outlook import Outlook, outlook
from agents.causal.structure import Kind, Parents, Variables
from agents.causal.tables import Cpt, Share
from envs.spec import RATIO_CAP

logger = logging.getLogger(__name__)

Array = NDArray[np.float64]

RATIO_FLOOR = 0.005  # a measured ratio below is taken for this, its logarithm is finite
UNSEEN = -1  # bin of an SLO that was not measured yet
BLIND = 0.0  # weight of a sample whose congestion is inferred alone: it would confirm what it came from
LAG_LEFT = 0.5  # share of a lag that is left an interval later: what the old levels made is still about


class Interval(NamedTuple):
    """What one interval showed.

    Attributes:
        setting: index of the joint setting that was in force.
        levels: per knob, likewise.
        ratios: per SLO, shape (n_slos,).
        bins: of those ratios.
        known: SLOs that were measured.
        pressures: of each stage, NaN where unknown, shape (n_stages,).
    """

    setting: int
    levels: tuple[int, ...]
    ratios: Array
    bins: tuple[int, ...]
    known: tuple[int, ...]
    pressures: Array


class Sample(NamedTuple):
    """An interval as the tables have it.

    Attributes:
        interval: what was seen.
        previous_bins: bin of each SLO when it began.
        expectations: by SLO that was known, and what it hangs on too, P(bin) of its metric.
        weights: likewise, what the sample counts; less, the less certain that expectation was.
        surprise: -2 ln P of the SLOs' bins before they were seen.
    """

    interval: Interval
    previous_bins: tuple[int, ...]
    expectations: dict[int, Array]
    weights: dict[int, float]
    surprise: float


class Snapshot(NamedTuple):
    """What a model knows; see there."""

    parents: list[Parents]
    counts: list[Array]
    beliefs: list[Belief]
    previous_bins: tuple[int, ...]
    lags: list[float]
    setting: int
    lateness: Lateness


class Model:
    """The network and its context.

    Args:
        variables: of the stream.
        settings: every joint setting, shape (n, n_knobs).
        prior_weight, forgetting: see `Cpt`.
        drift: log-standard deviation of the price's walk in one interval, > 0.
        jump: probability in one interval that the price, or the bottleneck, is another one altogether.
        longest_delay: that telemetry may have, in intervals, >= 0.
    """

    def __init__(
        self,
        variables: Variables,
        settings: NDArray[np.int64],
        prior_weight: float,
        forgetting: float,
        drift: float,
        jump: float,
        longest_delay: int,
    ) -> None:
        self.variables, self.settings = variables, settings
        self._prior_weight, self._forgetting = prior_weight, forgetting
        self._drift, self._ln_odds, self._longest_delay = drift, math.log(jump / (1 - jump)), longest_delay
        spec = variables.spec
        self._of_pressure, self._of_queue = (metrics.design(spec, settings, queue) for queue in (False, True))
        self._n_stages = len(spec.stages)
        self.priors = [metrics.prior(spec, stage) for stage in range(self._n_stages)]
        self.priors += [metrics.prior(spec, None) for _ in variables.measured]
        self.beliefs = list(self.priors)
        self.tables = [self.table(slo, parents) for slo, parents in enumerate(variables.given)]
        self._seen: set[tuple[int, int]] = set()
        self.forget_context()

    def forget_context(self) -> None:
        """Forget the world as it is now, for another episode; all that was learned stays."""
        self.beliefs = [
            metrics.price_forgotten(*pair) for pair in zip(self.beliefs, self.priors, strict=True)
        ]
        self.previous_bins = (UNSEEN,) * len(self.variables.spec.slos)
        self.lags = [0.0] * len(self.beliefs)
        self.setting = -1  # of the last interval, -1 for none yet
        self.lateness = lateness.beginning(self._longest_delay, self._n_stages)

    def table(self, slo: int, parents: Parents) -> Cpt:
        """Return a new table of an SLO, that has counted nothing."""
        prior = tables.prior_of(self.variables, slo, parents)
        return Cpt(parents, prior, self._prior_weight, self._forgetting)

    def snapshot(self) -> Snapshot:
        """Return all that it knows, for `restore`."""
        parents, counts = zip(*((table.parents, table.counts.copy()) for table in self.tables), strict=True)
        context = self.previous_bins, list(self.lags), self.setting, self.lateness
        return Snapshot(list(parents), list(counts), list(self.beliefs), *context)

    def restore(self, known: Snapshot) -> None:
        """Know what this snapshot does, and nothing else."""
        for slo, (parents, counts) in enumerate(zip(known.parents, known.counts, strict=True)):
            if parents != self.tables[slo].parents:
                self.tables[slo] = self.table(slo, parents)
            self.tables[slo].put(counts)
        self.beliefs, self.lags = list(known.beliefs), list(known.lags)
        self.previous_bins, self.setting = known.previous_bins, known.setting
        self.lateness = known.lateness

    def wait(self, setting: int) -> None:
        """Note that a setting was in force in an interval, and that no report has come."""
        self.lateness = lateness.waited(lateness.in_force(self.lateness, setting))

    def attribute(self, setting: int, pressures: Array) -> int:
        """Return the setting that a report is of, by index, from the one that was in force when it came."""
        known = lateness.in_force(self.lateness, setting)
        ln_pressures = np.log(np.clip(pressures, RATIO_FLOOR, RATIO_CAP))
        stages = self.beliefs[: self._n_stages]
        self.lateness = lateness.reported(known, ln_pressures, stages, self._of_pressure)
        return self.lateness.reported

    def take_in(self, interval: Interval) -> Sample:
        """Update every belief and every table by an interval; return what it came to."""
        observed = [slo for slo in interval.known if self._knows_previous_bins(slo)]
        likelihoods = {slo: self._likelihood(slo, interval) for slo in observed}
        row = self._of_pressure[interval.setting]
        self.lags = [self._lag(i, row) for i in range(len(self.beliefs))]
        predictions = [self._measure(i, interval, row) for i in range(len(self.beliefs))]
        expectations: dict[int, Array] = {}
        weights: dict[int, float] = {}
        surprise = 0.0
        for slo in observed:
            if not self.variables.spec.slos[slo].memory:
                before = self._above(slo, predictions)
                surprise += inference.surprise(before.chances, [likelihoods[slo]])
                expectations[slo], weights[slo] = before.chances, inference.weight(before.variance)
        queued = {slo: likelihoods[slo] for slo in observed if self.variables.spec.slos[slo].memory}
        if queued:
            is_measured = not np.isnan(interval.pressures).all()
            posterior, surprised = self._hear(queued.values(), interval)
            surprise += surprised
            expectations |= dict.fromkeys(queued, posterior)
            weights |= dict.fromkeys(queued, 1.0 if is_measured else BLIND)
        sample = Sample(interval, self.previous_bins, expectations, weights, surprise)
        for slo in observed:
            self._greet(slo, interval)
            self.count(self.tables[slo], slo, sample)
        self.previous_bins = tuple(
            interval.bins[i] if i in interval.known else before for i, before in enumerate(self.previous_bins)
        )
        self.setting = interval.setting
        return sample

    def _above(self, slo: int, predictions: Sequence[inference.Expectation]) -> inference.Expectation:
        """Return what was expected of the metric above an SLO without memory."""
        belief = self.variables.belief_of[self.variables.metric_of[slo]]
        return inference.of_largest(predictions[: self._n_stages]) if belief is None else predictions[belief]

    def _hear(self, likelihoods: Collection[Array], interval: Interval) -> tuple[Array, float]:
        """Update the stages' beliefs by SLOs with memory; return the congestion's P(bin), the surprise."""
        row, n = self._of_queue[interval.setting], self._n_stages
        predictions = [inference.expected(belief, row) for belief in self.beliefs[:n]]
        evidence = inference.together(likelihoods)
        chances, posteriors = [before.chances for before in predictions], []
        for i, before in enumerate(predictions):
            self.beliefs[i], posterior = inference.with_messages(
                self.beliefs[i],
                row,
                before,
                inference.against(evidence, chances[:i] + chances[i + 1 :]),
                not math.isnan(interval.pressures[i]),
                self.lags[i],
                self._ln_odds,
            )
            posteriors.append(posterior)
        return metrics.largest(posteriors), inference.surprise(metrics.largest(chances), likelihoods)

    def _knows_previous_bins(self, slo: int) -> bool:
        parents = self.tables[slo].parents
        return all(self.previous_bins[i] != UNSEEN for kind, i in parents if kind is Kind.BEFORE)

    def _greet(self, slo: int, interval: Interval) -> None:
        """Say once that a state was never seen before: the prior answers for it, and its neighbours."""
        state = (slo, interval.bins[slo])
        if state not in self._seen:
            self._seen.add(state)
            text = "%s is in bin %d (%.3g of its threshold) for the first time: the prior speaks for it"
            logger.info(text, self.variables.spec.slos[slo].metric, state[1], interval.ratios[slo])

    def count(self, table: Cpt, slo: int, sample: Sample) -> None:
        """Count a sample in a table of an SLO that it has an expectation of."""
        seen = [self._share(kind, index, slo, sample) for kind, index in table.parents]
        table.add(seen, sample.interval.bins[slo], sample.weights[slo])

    def look_ahead(self, settings: Sequence[int] | NDArray[np.integer] | slice, horizon: int) -> Outlook:
        """See `outlook`; of these joint settings, by index."""
        return outlook(
            self.tables,
            self.variables.metric_of,
            [self.expectation(metric, settings) for metric in range(len(self.variables.belief_of))],
            [max(before, 0) for before in self.previous_bins],  # nothing is queued until it is seen
            self.settings[settings],
            horizon,
        )

    def expectation(self, metric: int, settings: Sequence[int] | NDArray[np.integer] | slice) -> Array:
        """Return P(bin | do(setting)) of a metric in the next interval, shape (n, bins)."""
        rows = (self._of_pressure if metric else self._of_queue)[settings]
        own = self.variables.belief_of[metric]
        behind = self.beliefs[: self._n_stages] if own is None else [self.beliefs[own]]
        means, variances = zip(*(metrics.expected(belief, rows) for belief in behind), strict=True)
        return metrics.largest_in_bins(np.array(means), np.array(variances) + self._drift**2)

    def binding(self, setting: int) -> int:
        """Return the stage that is expected to bind at this setting."""
        row = self._of_queue[setting]
        return max(range(self._n_stages), key=lambda i: float(row @ self.beliefs[i].mean))

    def unknown(self, setting: int) -> Array:
        """Return the log-standard deviation of each cost against this one, all metrics, shape (n,)."""
        rows = self._of_pressure - self._of_pressure[setting]
        return np.sqrt(sum(metrics.expected(belief, rows)[1] for belief in self.beliefs))

    def _measure(self, i: int, interval: Interval, row: Array) -> inference.Expectation:
        """Update a belief by what measures it, if that is known; return what was expected before."""
        belief = inference.predicted(self.beliefs[i], self._drift)
        before = inference.expected(belief, row)
        ratio = math.nan
        if i < self._n_stages:
            ratio = float(interval.pressures[i])
        elif (slo := self.variables.measured[i - self._n_stages]) in interval.known:
            ratio = float(interval.ratios[slo])
        if not math.isnan(ratio):
            ln_ratio = math.log(min(max(ratio, RATIO_FLOOR), RATIO_CAP))
            belief = inference.measured(belief, row, before, ln_ratio, self.lags[i], self._ln_odds)
        self.beliefs[i] = belief
        return before

    def _lag(self, i: int, row: Array) -> float:
        """Return how far what is measured may be behind the settings."""
        change = 0.0
        if self.setting >= 0:
            change = abs(float((row - self._of_pressure[self.setting]) @ self.beliefs[i].mean))
        return LAG * change + LAG_LEFT * self.lags[i]

    def _likelihood(self, slo: int, interval: Interval) -> Array:
        """Return P(the bin that an SLO is in | its metric's bin), shape (bins,)."""
        table = self.tables[slo]
        index = tuple(
            slice(None) if kind is Kind.METRIC
            else interval.levels[i] if kind is Kind.KNOB
            else self.previous_bins[i]
            for kind, i in table.parents
        )  # fmt: skip
        return np.broadcast_to(table.probabilities[(*index, interval.bins[slo])], (metrics.N_BINS,))

    def _share(self, kind: Kind, index: int, slo: int, sample: Sample) -> Share:
        if kind is Kind.METRIC:
            return tables.in_metric(sample.expectations[slo])
        if kind is Kind.KNOB:
            return tables.at_level(self.variables.spec.n_levels[index], sample.interval.levels[index])
        return tables.in_state(sample.previous_bins[index])
