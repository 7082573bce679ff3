"""Which variables an SLO hangs on: given by what the spec says of it, or learned from samples.

Knobs and the bins in which the SLOs with memory were before the interval are roots. Knobs lead to stages and
metrics, stages to the metrics of the one that binds, metrics and roots to SLOs; no SLO of an interval leads
to another of the same, so that with everything above them known, the SLOs are independent (a two-slice
network without arcs inside a slice: Friedman, Murphy and Russell 1998, "Learning the structure of dynamic
probabilistic networks").
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np

from agents.common.bottleneck import in_pressure
from agents.common.words import Word
from envs.spec import ElasticitySpec


class Structure(Word, file="conf/agent/causal.yaml"):
    """Where the edges come from."""

    GIVEN = "GIVEN"  # as `Variables.given` has them, for good
    LEARNED = "LEARNED"  # so at first; anew from the samples whenever they surprise


class Score(Word, file="conf/agent/causal.yaml"):
    """What a learned structure is judged by; pgmpy's."""

    AIC = "AIC"
    BIC = "BIC"

    def penalty(self, n_samples: int) -> float:
        """Return what each free parameter takes from ln L, see `agents.common.climbing`."""
        return 1.0 if self is Score.AIC else math.log(n_samples) / 2


class Kind(StrEnum):
    """What a variable stands for."""

    KNOB = "knob"  # the level in force
    STAGE = "stage"  # how much a stage of the way is asked for, likewise
    METRIC = "metric"  # what a ratio is expected to be, see agents.causal.metrics
    BEFORE = "before"  # the bin that an SLO with memory was in when the interval began
    SLO = "SLO"  # the bin that the interval left it in


class Node(NamedTuple):
    """A variable of the network.

    Attributes:
        kind: what it stands for.
        index: of the knob, of the stage, of the metric, or of the SLO.
    """

    kind: Kind
    index: int


Parents = tuple[Node, ...]


@dataclass(frozen=True)
class Variables:
    """The variables of a stream's network.

    Attributes:
        spec: the stream.
    """

    spec: ElasticitySpec

    @cached_property
    def pressing(self) -> tuple[int, ...]:
        """Return SLOs whose ratio speaks of this interval alone and grows with demand."""
        return tuple(np.flatnonzero(in_pressure(self.spec)).tolist())

    @cached_property
    def metric_of(self) -> tuple[int, ...]:
        """Return the metric above each SLO: 0, the congestion, if it has memory, else one of its own."""
        alone = [i for i, slo in enumerate(self.spec.slos) if not slo.memory]
        return tuple(0 if slo.memory else 1 + alone.index(i) for i, slo in enumerate(self.spec.slos))

    @cached_property
    def belief_of(self) -> tuple[int | None, ...]:
        """Return the belief behind each metric: None for the stages', of which the largest counts.

        That is behind the congestion, and behind SLOs that are in the pressure.
        """
        alone = [i for i, slo in enumerate(self.spec.slos) if not slo.memory]
        others = [i for i in alone if i not in self.pressing]
        return (None, *(len(self.spec.stages) + others.index(i) if i in others else None for i in alone))

    @cached_property
    def measured(self) -> tuple[int, ...]:
        """Return, per belief after those of the stages, the SLO whose ratio measures it."""
        return tuple(i for i, slo in enumerate(self.spec.slos) if not slo.memory and i not in self.pressing)

    @cached_property
    def given(self) -> tuple[Parents, ...]:
        """Return, per SLO, its metric, and if it has memory, where it was."""
        return tuple(
            (Node(Kind.METRIC, metric), Node(Kind.BEFORE, i)) if slo.memory else (Node(Kind.METRIC, metric),)
            for i, (slo, metric) in enumerate(zip(self.spec.slos, self.metric_of, strict=True))
        )

    @cached_property
    def candidates(self) -> tuple[Parents, ...]:
        """Return, per SLO, what it may hang on, in the order in which a table has them as axes."""
        knobs = tuple(Node(Kind.KNOB, k) for k in range(len(self.spec.knobs)))
        previous_bins = tuple(Node(Kind.BEFORE, i) for i, slo in enumerate(self.spec.slos) if slo.memory)
        return tuple(
            (Node(Kind.METRIC, metric), *knobs, *(previous_bins if metric == 0 else ()))
            for metric in self.metric_of
        )

    def name(self, node: Node) -> str:
        """Return a variable's name for people; every one has its own."""
        if node.kind is Kind.KNOB:
            return f"set {self.spec.knobs[node.index].name}"
        if node.kind is Kind.STAGE:
            return f"demand on {self.spec.stages[node.index].name}"
        if node.kind is Kind.METRIC:
            if node.index == 0:
                return "congestion"
            return f"expected {self.spec.slos[self.metric_of.index(node.index)].metric}"
        suffix = " before" if node.kind is Kind.BEFORE else ""
        return self.spec.slos[node.index].metric + suffix
