"""What the agent knows, as arrays: for checkpoints, and to begin every episode alike."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import State
from agents.causal import metrics
from agents.causal.metrics import Belief
from agents.causal.model import Interval, Model, Sample
from agents.causal.structure import Kind, Node


def packed(model: Model) -> State:
    """Return a model's structure, counts, beliefs and context."""
    parents = [[list(node) for node in table.parents] for table in model.tables]
    context = {"previous_bins": model.previous_bins, "lags": model.lags, "setting": model.setting}
    return {
        "parents": np.array(json.dumps(parents)),
        "context": np.array(json.dumps(context)),
        "means": np.stack([belief.mean for belief in model.beliefs]),
        "covs": np.stack([belief.cov for belief in model.beliefs]),
        **{f"counts{slo}": table.counts.copy() for slo, table in enumerate(model.tables)},
    }


def unpack(state: State, model: Model) -> None:
    """Make a model know what `packed` returned."""
    for slo, written in enumerate(json.loads(str(state["parents"]))):
        parents = tuple(Node(Kind(kind), index) for kind, index in written)
        if parents != model.tables[slo].parents:
            model.tables[slo] = model.table(slo, parents)
        model.tables[slo].put(state[f"counts{slo}"])
    model.beliefs = [Belief(*pair) for pair in zip(state["means"], state["covs"], strict=True)]
    context = json.loads(str(state["context"]))
    model.previous_bins, model.lags = tuple(context["previous_bins"]), list(context["lags"])
    model.setting = context["setting"]


def packed_samples(samples: list[Sample], n_slos: int) -> State:
    """Return samples, field by field; NaN where there was no expectation of an SLO."""
    expectations = np.full((len(samples), n_slos, metrics.N_BINS), np.nan)
    weights = np.full((len(samples), n_slos), np.nan)
    for i, sample in enumerate(samples):
        for slo, expectation in sample.expectations.items():
            expectations[i, slo], weights[i, slo] = expectation, sample.weights[slo]
    heads = [
        {"setting": s.interval.setting, "levels": s.interval.levels, "ratios": s.interval.ratios.tolist(),
         "bins": s.interval.bins, "known": s.interval.known, "previous_bins": s.previous_bins,
         "surprise": s.surprise}
        for s in samples
    ]  # fmt: skip
    return {
        "samples": np.array(json.dumps(heads)),
        "sample_expectations": expectations,
        "sample_weights": weights,
    }


def unpacked_samples(state: State) -> list[Sample]:
    """Return what `packed_samples` was given."""
    heads = json.loads(str(state["samples"]))
    rows = zip(heads, state["sample_expectations"], state["sample_weights"], strict=True)
    return [_sample(head, expectations, weights) for head, expectations, weights in rows]


def _sample(head: dict[str, Any], expectations: NDArray[np.float64], weights: NDArray[np.float64]) -> Sample:
    observed = [int(slo) for slo in np.flatnonzero(~np.isnan(weights))]
    interval = Interval(
        head["setting"],
        tuple(head["levels"]),
        np.array(head["ratios"]),
        tuple(head["bins"]),
        tuple(head["known"]),
    )
    return Sample(
        interval,
        tuple(head["previous_bins"]),
        {slo: expectations[slo] for slo in observed},
        {slo: float(weights[slo]) for slo in observed},
        head["surprise"],
    )
