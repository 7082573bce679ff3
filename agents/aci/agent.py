"""The agent of intelligentVehicle, a Bayesian network that chooses by the SLOs alone.

Sedlak, Pujol, Donta, Dustdar, "Equilibrium in the Computing Continuum through Active Inference" (FGCS 2024);
repository borissedlak/intelligentVehicle, commit 05036c1, ES_EXT/ACI.py. Re-implemented from reading it on
pgmpy, not improved and not tuned. Once per cycle the last batch of samples is judged by its surprise; one of
at least the median of the last ten has the parameters learned anew from the batch, one of 1.5 times as much
the structure too. Each setting that was visited is worth P(all SLOs fulfilled | setting), any other one what
lies between those on the grid; those not visited have a bonus, which counts twice there as here, and is ten
times as large for corners and centre. The best is taken, of equal ones the first, whatever it is worth.
Information gain, the setting's median surprise over that of all, is reckoned there and left out; so here.

What had to be chosen: their samples are frames, of which a batch has dozens; ours are intervals, all that an
agent sees, so that with n = 2 the term k ln n is smaller. Their network comes from a file, fitted to a device
beforehand, and the line that learns its structure again on surprise is commented out at that commit; ours
begins with none, and learns its structure then, as their paper says. An SLO that was not measured counts as
fulfilled. Knobs are more than two, so that what lies between is linear in as many dimensions (SciPy's
`griddata`), and the nearest where the visited span none, as theirs does with fewer than four.
"""

from collections.abc import Mapping
from contextlib import suppress
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent, State
from envs.spec import ElasticitySpec

BATCHES = (5, 2)  # intervals of each of the first N_FIRST cycles, and of those after
N_FIRST = 5
RECENT = 10  # cycles whose median surprise is what is usual
ANEW = 1.5  # times as much as usual, and the structure is learned anew
MARKED, UNVISITED = 1.0, 0.1  # bonus of corners and centre, of every other setting


class Aci(Agent):
    """The setting that fulfils all SLOs most probably, or that nobody has been to.

    Args:
        spec: the stream.
    """

    def __init__(self, spec: ElasticitySpec):
        super().__init__(spec)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; nothing here is random."""
        self._rows: list[list[int]] = []
        self._n_judged = 0  # rows that belong to a cycle which is over
        self._network: Any = None
        self._surprises: list[tuple[tuple[int, ...], float]] = []
        self._bonus = np.full(self.spec.n_levels, UNVISITED)
        for corner in product(*((0, n - 1) for n in self.spec.n_levels)):
            self._bonus[corner] = MARKED
        self._bonus[tuple(n // 2 for n in self.spec.n_levels)] = MARKED
        self._chosen: tuple[int, ...] | None = None
        self._figures = {
            "surprise": 0.0,
            "usual_surprise": 0.0,
            "p_all_fulfilled": 0.0,
            "information_gain": 0.0,
        }

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the setting that the last cycle chose; the levels in force before there was one."""
        seen = self.spec.decode(observation)
        self._take((*seen.levels, *((seen.ratios <= 1) | ~seen.known)))
        return seen.levels if self._chosen is None else np.array(self._chosen, dtype=np.int64)

    def warm_up(self) -> None:
        """Import pgmpy and use it once, which takes some seconds."""
        from agents.aci.network import Network

        samples = np.zeros((2, len(self.spec.knobs) + len(self.spec.slos)), dtype=np.int64)
        Network(self.spec, samples).update(samples)

    def explain(self) -> dict[str, float]:
        """Return surprise of the last batch and as usual, P(all SLOs) and information gain of the choice."""
        return self._figures

    def _take(self, row: Any) -> None:
        self._rows.append([int(value) for value in row])
        n = BATCHES[0] if len(self._surprises) < N_FIRST else BATCHES[1]
        if len(self._rows) - self._n_judged == n:
            self._cycle(np.array(self._rows[self._n_judged :]))
            self._n_judged = len(self._rows)

    def _cycle(self, batch: NDArray[np.int64]) -> None:
        from agents.aci.network import Network  # imports pgmpy

        setting = tuple(int(level) for level in batch[0, : len(self.spec.knobs)])
        if self._network is None:
            self._network = Network(self.spec, batch)
        surprise = self._network.surprise(batch)
        self._surprises.append((setting, surprise))
        usual = float(np.median([value for _, value in self._surprises[-RECENT:]]))
        if surprise >= ANEW * usual:
            self._network = Network(self.spec, np.array(self._rows))
        if surprise >= usual:
            self._network.update(batch)
        self._bonus[setting] = 0.0
        p = between(self._network.fulfilment(), self._bonus == 0)
        best = np.unravel_index(int(np.argmax(p + 2 * self._bonus)), p.shape)
        self._chosen = tuple(int(level) for level in best)
        own = [value for known, value in self._surprises if known == self._chosen]
        middle = float(np.median([value for _, value in self._surprises]))
        self._figures = {
            "surprise": surprise,
            "usual_surprise": usual,
            "p_all_fulfilled": float(p[best]),
            "information_gain": float(np.median(own)) / middle if own and middle else 0.0,
        }

    def _checkpoint(self) -> State:
        return {"rows": np.array(self._rows, dtype=np.int64)}

    def _restore(self, state: State) -> None:
        self.reset(0)
        for row in state["rows"]:
            self._take(row)


def between(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return values of a grid with those that are not known linearly between the ones that are.

    Args:
        values: one per setting.
        known: which of them count, at least one; likewise.
    """
    from scipy.interpolate import griddata
    from scipy.spatial import QhullError

    axes = [axis for axis, n in enumerate(values.shape) if n > 1]
    places = np.argwhere(np.ones_like(known))[:, axes].astype(float)
    at, there = places[known.ravel()], values[known]
    if not axes:
        return values
    found = np.full(known.size, np.nan)
    if len(at) >= 4:
        with suppress(QhullError):  # all known ones lie in a plane
            found = griddata(at, there, places, method="linear")
    missing = np.isnan(found)
    if missing.any():
        found[missing] = griddata(at, there, places[missing], method="nearest")
    return np.where(known, values, found.reshape(values.shape))
