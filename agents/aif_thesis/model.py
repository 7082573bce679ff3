"""The published predecessor's generative model: pymdp's A, B, C, D and policies of knobs alone.

Source: github.com/JohnnyElaine/bsc_aif_parallel_pipeline (2025), and the bachelor's thesis at TU Wien that it
belongs to. Taken from its description: the hidden factors are the knobs' levels and nothing else; each knob
is seen, and so is each SLO's state; how likely those states are depends on a load index, a weighted sum of
level / (levels - 1) over the knobs; preferences are linear from 0 to 3 over a knob's levels, and +1, 0, -3
for an SLO's states; policies move every knob by one level down, none or up, one step ahead. With Q the
belief, for the levels a that a policy leads to and observations o of every knob and SLO,

    load(a) = Σₖ wₖ · aₖ / (nₖ − 1),    P(state | a) = the row of SLO_STATES that load(a) is in
    −G(policy) = Σₒ E_Q ln C(o) + H[E_Q P(o | a)] − E_Q H[P(o | a)],    P(policy) ∝ exp(−γ G)
    pA ← pA + rate · o ⊗ Q(a),    A = the mean of the Dirichlet distribution pA

Not known, and so chosen: what is believed at first (all levels alike); how much the prior of A weighs
against what is learned (one observation per setting); that C is pymdp's log-preference, as it stands. The
weights are published for three knobs and add up to 0.7, so that the load index never reaches the highest
bin: that is kept.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.common.settings import joint_settings
from envs.spec import ElasticitySpec

Array = NDArray[np.float64]

LOAD_EDGES = (0.3, 0.6, 0.8)  # of the load index: from the first on it is in the second row, and so on
SLO_STATES = np.array(  # P(OK), P(WARNING), P(CRITICAL) per bin of the load index
    [[0.95, 0.04, 0.01], [0.8, 0.15, 0.05], [0.6, 0.2, 0.2], [0.3, 0.2, 0.5]]
)
SLO_PREFERENCES = (1.0, 0.0, -3.0)  # OK, WARNING, CRITICAL
MAX_POLICIES = 20_000
TOP_PREFERENCE = 3.0  # of a knob's highest level; of its lowest 0


@dataclass(frozen=True, slots=True)
class Model:
    """What pymdp's agent is made of; modalities are the knobs, then the SLOs; factors are the knobs.

    Attributes:
        A: P(observation | levels): per knob (n, n), per SLO (3, n_levels of every knob ...).
        A_dependencies: factors that each modality depends on.
        B: P(level | level before, move) per knob, (n, n, 3).
        C: log-preference per observation of each modality.
        D: P(level) per knob when an episode begins.
        policies: moves of each policy, 0 down, 1 none, 2 up, shape (n_policies, 1, n_knobs).
    """

    A: list[Array]
    A_dependencies: list[list[int]]
    B: list[Array]
    C: list[Array]
    D: list[Array]
    policies: NDArray[np.int64]


def load_weights(weights: Sequence[float], n_knobs: int) -> Array:
    """Return each knob's weight in the load index; for another number of knobs, equal shares of the sum."""
    if len(weights) == n_knobs:
        return np.array(weights, dtype=float)
    return np.full(n_knobs, sum(weights) / n_knobs)


def slo_likelihood(spec: ElasticitySpec, weights: Array) -> Array:
    """Return P(state | levels), the same for every SLO, shape (3, n_levels of every knob ...)."""
    loads = [weights @ spec.positions(levels) for levels in joint_settings(spec.n_levels)]
    bins = np.searchsorted(LOAD_EDGES, np.round(loads, 9), side="right")
    return SLO_STATES[bins].T.reshape(len(SLO_PREFERENCES), *spec.n_levels)


def moved(n_levels: int) -> Array:
    """Return P(level | level before, move): one down, none or up, where there are levels; (n, n, 3)."""
    after = np.clip(np.arange(n_levels)[:, None] + np.arange(3) - 1, 0, n_levels - 1)
    return np.eye(n_levels)[after].transpose(2, 0, 1)


def moves(n_knobs: int) -> NDArray[np.int64]:
    """Return every policy of one step, 0 down, 1 none, 2 up for each knob; shape (n_policies, 1, n_knobs).

    Raises:
        ValueError: more than MAX_POLICIES; counted before anything is allocated.
    """
    count = 3**n_knobs
    if count > MAX_POLICIES:
        raise ValueError(
            f"expected at most {MAX_POLICIES} policies, got {count}: give the stream fewer knobs"
        )
    return np.array(list(itertools.product(range(3), repeat=n_knobs)), dtype=np.int64)[:, None]


def build(spec: ElasticitySpec, weights: Sequence[float]) -> Model:
    """Return the model of any spec.

    Args:
        spec: the stream.
        weights: of each knob in the load index, see `load_weights`.

    Raises:
        ValueError: more joint settings or policies than are allowed.
    """
    n_knobs, n_slos = len(spec.knobs), len(spec.slos)
    shared = slo_likelihood(spec, load_weights(weights, n_knobs))
    return Model(
        A=[*(np.eye(n) for n in spec.n_levels), *([shared] * n_slos)],
        A_dependencies=[*([i] for i in range(n_knobs)), *([list(range(n_knobs))] * n_slos)],
        B=[moved(n) for n in spec.n_levels],
        C=[
            *(np.linspace(0.0, TOP_PREFERENCE, n) for n in spec.n_levels),
            *([np.array(SLO_PREFERENCES)] * n_slos),
        ],
        D=[np.full(n, 1 / n) for n in spec.n_levels],
        policies=moves(n_knobs),
    )
