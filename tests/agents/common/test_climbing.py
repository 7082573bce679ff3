"""The edges of a known network are found, and the fast score is pgmpy's own."""

import numpy as np
import pytest

from agents.causal.structure import Score
from agents.common.climbing import CountedScore, climb, column

LEVELS = (4, 3, 2)  # two knobs that matter and one that does not
N_STATES = [*LEVELS, 4, 3, 2]
METRIC, SLO, OTHER = 3, 4, 5


def known_world(n):
    """Knobs 0 and 1 make the metric, the metric the SLO, knob 0 alone the other; all noisy."""
    rng = np.random.default_rng(0)
    knobs = np.stack([rng.integers(0, levels, n) for levels in LEVELS], axis=1)
    metric = np.clip((knobs[:, 0] + knobs[:, 1] + rng.integers(0, 2, n)) // 2, 0, 3)
    slo = np.where(rng.random(n) < 0.9, np.minimum(metric, 2), rng.integers(0, 3, n))
    other = (knobs[:, 0] + rng.integers(0, 2, n) > 2).astype(np.int64)
    return np.column_stack([knobs, metric, slo, other])


@pytest.mark.parametrize("score", Score)
def test_the_skeleton_is_found_and_knobs_are_causes(score):
    allowed = {METRIC: (0, 1, 2), SLO: (0, 1, 2, METRIC), OTHER: (0, 1, 2, METRIC)}
    found = climb(known_world(600), N_STATES, allowed, score.penalty(600), max_parents=2)
    assert found == {METRIC: (0, 1), SLO: (METRIC,), OTHER: (0,)}


def test_parents_are_bounded():
    found = climb(known_world(600), N_STATES, {METRIC: (0, 1, 2)}, Score.BIC.penalty(600), max_parents=1)
    assert len(found[METRIC]) == 1


@pytest.mark.parametrize("score", Score)
def test_the_score_is_pgmpys(score):
    import pandas as pd
    from pgmpy import structure_score

    samples = known_world(200)
    theirs = getattr(structure_score, score.value)(pd.DataFrame(samples, columns=list(map(column, range(6)))))
    ours = CountedScore(samples, N_STATES, score.penalty(200))
    for parents in ((), ("x0",), ("x0", "x1")):
        assert ours.local_score("x3", parents) == pytest.approx(theirs.local_score("x3", parents))
