"""A discrete Bayesian network of knobs and fulfilled SLOs, as the agent of intelligentVehicle keeps it."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what pgmpy imports and does not call
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.inference import VariableElimination
    from pgmpy.models import DiscreteBayesianNetwork
    from pgmpy.parameter_estimator import DiscreteMLE

from agents.common.climbing import climb, column
from envs.spec import ElasticitySpec

AIC = 1.0  # of each free parameter
MAX_PARENTS = 4
LEAST_GAIN = 1.0
IMPOSSIBLE = 1e-10  # P of what the network has never seen

Rows = NDArray[np.int64]  # a sample each: level index per knob, then per SLO 1 if it was fulfilled, else 0


class Network:
    """P(knobs, SLOs fulfilled), of a structure that is climbed to and parameters that are counted.

    Knobs are roots; an SLO may hang on knobs and on other SLOs.

    Args:
        spec: the stream.
        samples: learned from, at least two.
    """

    def __init__(self, spec: ElasticitySpec, samples: Rows) -> None:
        self._n_knobs, n_slos = len(spec.knobs), len(spec.slos)
        n_states = [*spec.n_levels, *[2] * n_slos]
        everything = range(len(n_states))
        self._slos = [column(i) for i in everything[self._n_knobs :]]
        self._knobs = [column(i) for i in everything[: self._n_knobs]]
        allowed = {
            slo: [cause for cause in everything if cause != slo] for slo in everything[self._n_knobs :]
        }
        parents = climb(samples, n_states, allowed, AIC, MAX_PARENTS, LEAST_GAIN)
        edges = [(column(cause), column(slo)) for slo, causes in parents.items() for cause in causes]
        self._model: Any = DiscreteBayesianNetwork(edges)  # what it returns is typed as all that it might be
        self._model.add_nodes_from([*self._knobs, *self._slos])
        states = {column(i): list(range(n)) for i, n in enumerate(n_states)}
        self._model.fit(self._frame(samples), DiscreteMLE(state_names=states))
        self._ready()

    def update(self, batch: Rows) -> None:
        """Count a batch in, which weighs as much as everything before it: pgmpy's `fit_update` as it is."""
        self._model.fit_update(self._frame(batch))
        self._ready()

    def fulfilment(self) -> NDArray[np.float64]:
        """Return P(all SLOs fulfilled | setting), shape `spec.n_levels`."""
        found = self._inference.query([*self._knobs, *self._slos], show_progress=False)
        order = [found.variables.index(name) for name in (*self._knobs, *self._slos)]
        joint = np.asarray(found.values).transpose(order)
        everywhere = joint.sum(axis=tuple(range(self._n_knobs, joint.ndim)))
        return joint[(..., *[1] * len(self._slos))] / everywhere

    def surprise(self, batch: Rows) -> float:
        """Return the sum over SLOs of −2 ln L + k ln n, each SLO given its Markov blanket.

        Args:
            batch: n samples; k is the size of the SLO's table less its number of variables.
        """
        total = 0.0
        for slo in self._slos:
            place, blanket = int(slo[1:]), self._model.get_markov_blanket(slo)
            ln_likelihood = 0.0
            for row in batch:
                evidence = {name: int(row[int(name[1:])]) for name in blanket}
                with np.errstate(invalid="ignore"):  # of evidence that the network holds for impossible
                    found = self._inference.query([slo], evidence=evidence, show_progress=False)
                p = float(np.asarray(found.values)[row[place]])
                ln_likelihood += np.log(p if p > 0 else IMPOSSIBLE)
            table = self._model.get_cpds(slo)
            k = table.get_values().size - len(table.variables)
            total += -2 * ln_likelihood + k * np.log(len(batch))
        return float(total)

    def _ready(self) -> None:
        """Let every level of a knob be as probable as another: knobs are set, and only asked about given."""
        for knob in self._knobs:
            n = self._model.get_cardinality(knob)
            self._model.remove_cpds(knob)
            self._model.add_cpds(
                TabularCPD(knob, n, np.full((n, 1), 1 / n), state_names={knob: list(range(n))})
            )
        self._inference: Any = VariableElimination(self._model)

    def _frame(self, rows: Rows) -> pd.DataFrame:
        return pd.DataFrame(rows, columns=[*self._knobs, *self._slos])
