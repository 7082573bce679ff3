"""A Bayesian network over knobs, metrics and SLOs, asked what would come of every setting.

After Sedlak et al., "Active inference on the edge: a design study" (2024) and "Equilibrium in the computing
continuum through active inference" (2024), and their intelligentVehicle agent: knobs are roots, SLOs are
leaves, the agent sets what most probably fulfils them, and learns again when it is surprised. Ours differs:
between knobs and SLOs stand metrics that know what a unit of work costs now (agents.causal.metrics), so that
tables learned before a loss hold after it, and settings never tried are answered from those that were. Its
counts, its surprise and its choice are its own: agents.causal.tables, .surprise and .choice say how and why.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.base import Forecaster, NetworkFigure, State
from agents.causal import choice, metrics
from agents.causal.learning import Samples
from agents.causal.model import Interval, Model, Sample, Snapshot
from agents.causal.outlook import Outlook
from agents.causal.picture import as_pgmpy, network_figure
from agents.causal.structure import Score, Structure, Variables
from agents.causal.surprise import Surprise
from agents.causal.tables import n_states
from agents.common.bins import N_BINS, ratio_edges
from agents.common.bottleneck import Stages
from agents.common.checkpoints import packed, unpacked
from envs.spec import ElasticitySpec, Observed

if TYPE_CHECKING:
    from pgmpy.models import DiscreteBayesianNetwork

Array = NDArray[np.float64]

SETTLED = 10  # intervals after which a forecast is judged
FADED = 0.7  # share of what was counted that a surprise leaves
REST = 20  # intervals at least between two structures
MAX_CELLS = 2_000_000  # of all tables and expectations


class Memory(NamedTuple):
    """What the agent knows, to be saved, and to begin every episode with.

    Attributes:
        model: what the network knows.
        samples: the last ones, where a structure is learned.
        visited: see `Causal`, shape (n,).
        counters: intervals, those that surprised, structures that were learned, and when the last one was.
        last_surprise, surprises: of the last interval, and see `Surprise.history`.
    """

    model: Snapshot
    samples: list[Sample]
    visited: NDArray[np.int64]
    counters: tuple[int, int, int, int]
    last_surprise: float
    surprises: list[list[float]]


class Causal(Forecaster):
    """Sets what the network says will most probably fulfil all SLOs, and among that the worthiest.

    Args:
        spec: the stream.
        structure: whether the edges are given or learned.
        score, max_parents, window: of a learned structure: what it is judged by, the bound on the parents of
            an SLO, the last intervals that it is learned from.
        prior_weight, forgetting: see `Cpt`.
        drift, jump: see `Model`.
        horizon: intervals that a setting is judged over, >= 1.
        ambition, patience: see agents.causal.choice; patience in intervals, 0 = no trials.
        information_gain: whether surprising settings are worth another visit.
        switching_cost: of changing every knob, in the score's units, >= 0.
        batch, surprise_floor: see `Surprise`.
        longest_delay: that telemetry may have, in intervals, >= 0; 0 = it is taken for prompt.

    Raises:
        ValueError: a figure out of range, or a spec that needs too large a network.
    """

    def __init__(
        self,
        spec: ElasticitySpec,
        structure: Structure,
        score: Score,
        max_parents: int,
        window: int,
        prior_weight: float,
        forgetting: float,
        drift: float,
        jump: float,
        horizon: int,
        ambition: float,
        information_gain: bool,
        patience: float,
        switching_cost: float,
        batch: int,
        surprise_floor: float,
        longest_delay: int,
    ):
        super().__init__(spec)
        self._structure, self._score = Structure(structure), Score(score)
        self._max_parents = max_parents
        _check(min(max_parents, window, horizon, batch), 1, "max_parents, window, horizon and batch")
        _check(longest_delay, 0, "longest_delay")
        _check(min(ambition, patience, switching_cost, surprise_floor), 0, "the weights and surprise_floor")
        if not (0 < forgetting <= 1 and 0 < jump < 1 and prior_weight > 0 and drift > 0):
            raise ValueError(
                f"expected forgetting in (0, 1], jump in (0, 1), prior_weight and drift > 0, got "
                f"{forgetting}, {jump}, {prior_weight} and {drift} (conf/agent/causal.yaml)"
            )
        variables = Variables(spec)
        is_learned = self._structure is Structure.LEARNED
        check_size(variables, max_parents if is_learned else 0)
        self._horizon, self._ambition, self._patience = horizon, ambition, patience
        self._gains, self._switching_cost = information_gain, switching_cost
        self._settings = np.array(list(np.ndindex(*spec.n_levels)), dtype=np.int64)
        self._worth = spec.worth.at_once
        self._stages = Stages(spec)
        self._edges = [ratio_edges(slo.warn_at) for slo in spec.slos]
        self._model = Model(variables, self._settings, prior_weight, forgetting, drift, jump, longest_delay)
        self._samples = Samples(self._model, window) if is_learned else None
        self._batch, self._surprise_floor = batch, surprise_floor
        self._begin_anew()
        self._beginning = self._memory()

    def reset(self, seed: int) -> None:
        """Begin with what was known when it was made or loaded, in a new world; nothing is random."""
        self._restore_model(self._beginning)
        self._model.forget_context()
        self._begin_anew()

    def warm_up(self) -> None:
        """Import what learns a structure, which takes some seconds."""
        if self._samples is not None:
            import agents.common.climbing  # noqa: F401

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Take in what the last interval showed, then the setting of the highest score."""
        seen = self.spec.decode(observation)
        here = int(np.ravel_multi_index(tuple(seen.levels), self.spec.n_levels))
        if seen.known.any():
            self._take_in(self._interval(seen, here))
        else:
            self._model.wait(here)
        self._outlook = self._model.look_ahead(slice(None), self._horizon)
        self._terms = self._score_all(seen, here, self._outlook)
        self._chosen = int(self._terms.score.argmax())
        return self._settings[self._chosen].copy()

    def forecast(self, settings: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Forecaster`."""
        indices = np.ravel_multi_index(tuple(np.asarray(settings).T), self.spec.n_levels)
        return self._model.look_ahead(np.atleast_1d(indices), SETTLED).each_fulfilled

    def explain(self) -> dict[str, float]:
        """Return what made the last choice: its score's terms, P(fulfilled) of each SLO, the surprises."""
        model, chosen = self._model, self._chosen
        stage = model.binding(chosen)
        zeros = dict.fromkeys(choice.Terms._fields, 0.0)
        terms = {n: float(v[chosen]) for n, v in self._terms._asdict().items()} if self._terms else zeros
        each = (
            np.zeros(len(self.spec.slos)) if self._outlook is None else self._outlook.each_fulfilled[chosen]
        )
        return {
            **terms,
            "congestion": math.exp(float(model.expectation(0, [chosen])[0] @ metrics.CENTRES)),
            "stage": float(stage),
            "price": math.exp(float(model.beliefs[stage].mean[0])),
            "bottleneck": math.exp(float(model.beliefs[stage].mean[-1])),
            "delay": float(model.lateness.delay),
            "surprise": self._last_surprise,
            "batch_surprise": self._surprise.batch,
            "usual_surprise": self._surprise.usual,
            "n_samples": float(self._n_samples),
            "n_surprised": float(self._n_surprised),
            "n_relearned": float(self._n_relearned),
            **{f"p_fulfilled_{slo.metric}": float(p) for slo, p in zip(self.spec.slos, each, strict=True)},
        }

    def network_figure(self) -> NetworkFigure:
        """Return what there is to draw of the network as it is."""
        return network_figure(self._model, self._chosen, SETTLED)

    def network(self) -> "DiscreteBayesianNetwork":
        """See `as_pgmpy`."""
        return as_pgmpy(self._model)

    def _begin_anew(self) -> None:
        """Forget intervals and decisions."""
        self._surprise = Surprise(self._batch, self._surprise_floor)
        self._visited = np.zeros(len(self._settings), dtype=np.int64)  # sample that each was last met in
        self._n_samples = self._n_surprised = self._n_relearned = 0
        self._relearned_at = -REST
        self._last_surprise = 0.0
        self._outlook: Outlook | None = None
        self._terms: choice.Terms | None = None
        self._chosen = 0

    def _interval(self, seen: Observed, here: int) -> Interval:
        pressures = self._stages.pressures(seen.ratios, seen.known, seen.loads)
        setting = self._model.attribute(here, pressures)
        pairs = zip(self._edges, seen.ratios, strict=True)
        return Interval(
            setting=setting,
            levels=tuple(self._settings[setting].tolist()),
            ratios=seen.ratios,
            bins=tuple(int(np.searchsorted(edges, ratio)) for edges, ratio in pairs),
            known=tuple(np.flatnonzero(seen.known).tolist()),
            pressures=pressures,
        )

    def _take_in(self, interval: Interval) -> None:
        """Update beliefs and tables; if that was out of the ordinary, fade counts or learn the structure."""
        sample = self._model.take_in(interval)
        self._n_samples += 1
        self._visited[interval.setting] = self._n_samples
        self._last_surprise = sample.surprise
        is_unusual = self._surprise.add(interval.setting, sample.surprise)
        if self._samples is not None:
            self._samples.recent.append(sample)
        if not is_unusual:
            return
        self._n_surprised += 1
        for table in self._model.tables:
            table.fade(FADED)
        if self._samples is not None and self._n_samples - self._relearned_at >= REST:
            self._relearned_at = self._n_samples
            self._n_relearned += self._samples.learn(self._model, self._score, self._max_parents)

    def _score_all(self, seen: Observed, here: int, outlook: Outlook) -> choice.Terms:
        pv, overload = outlook.all_fulfilled.mean(axis=0), outlook.overload
        gain = np.zeros_like(pv)
        if self._gains:
            gain = choice.information_gain(self._surprise.excess(), self._n_samples - self._visited)
        switching = self._switching_cost * (self._settings != seen.levels).mean(axis=1)
        known = choice.scored(pv, self._worth, gain, switching, overload, self._ambition)
        if self._patience == 0 or (seen.known & (seen.ratios > 1)).any():
            return known
        return choice.with_trials(known, self._model.unknown(here), self._ambition, self._patience)

    def _memory(self) -> Memory:
        counters = self._n_samples, self._n_surprised, self._n_relearned, self._relearned_at
        samples = [] if self._samples is None else list(self._samples.recent)
        surprises = self._last_surprise, self._surprise.history()
        return Memory(self._model.snapshot(), samples, self._visited.copy(), counters, *surprises)

    def _checkpoint(self) -> State:
        return {"memory": packed(self._memory())}

    def _restore(self, state: State) -> None:
        self._beginning = memory = unpacked(Memory, state["memory"])
        self._restore_model(memory)
        self._begin_anew()
        self._visited = memory.visited.copy()
        self._n_samples, self._n_surprised, self._n_relearned, self._relearned_at = memory.counters
        self._last_surprise = memory.last_surprise
        self._surprise.remember(memory.surprises)

    def _restore_model(self, memory: Memory) -> None:
        self._model.restore(memory.model)
        if self._samples is not None:
            self._samples.recent.clear()
            self._samples.recent.extend(memory.samples)


def _check(least: float, bound: float, names: str) -> None:
    if least < bound:
        raise ValueError(f"expected {names} >= {bound}, got {least} (conf/agent/causal.yaml)")


def check_size(variables: Variables, max_parents: int) -> None:
    """Count before anything is allocated; `max_parents` of a structure that is to be learned, else 0.

    Raises:
        ValueError: more than MAX_CELLS.
    """
    spec = variables.spec
    cells = math.prod(spec.n_levels) * metrics.N_BINS * (len(variables.belief_of) + len(spec.stages))
    for given, candidates in zip(variables.given, variables.candidates, strict=True):
        largest = sorted(n_states(spec, candidates), reverse=True)[:max_parents]
        parents = largest if max_parents else n_states(spec, given)
        cells += math.prod(parents) * N_BINS
    if cells > MAX_CELLS:
        raise ValueError(
            f"expected a network of at most {MAX_CELLS} cells, got {cells} from "
            f"{math.prod(spec.n_levels)} joint settings and {len(spec.slos)} SLOs; give the knobs fewer "
            "levels, or a learned structure fewer max_parents (conf/agent/causal.yaml)"
        )
