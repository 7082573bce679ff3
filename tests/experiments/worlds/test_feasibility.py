"""What no setting can hold is said before a run."""

import numpy as np
import pytest

from envs.spec import ElasticitySpec, Knob
from experiments.worlds.feasibility import Ratios, unattainable
from pipeline.slos import Slo

SPEC = ElasticitySpec(
    (Knob("rate", "1/s", (1, 2), (1.0, 2.0), ((1.0, 2.0),)),), (Slo("load", 1.0), Slo("lag", 1.0))
)


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ([[0.5, 0.9], [2.0, 3.0]], ""),
        ([[0.5, 1.5], [2.0, 1.2]], "no setting holds lag (at best 1.20 × its threshold, 2 /s"),
        ([[1.4, 0.5], [0.5, 1.2]], "at best lag comes to 1.20 × its threshold (2 /s"),
    ],
)
def test_it_says_what_nobody_can_hold_and_how_close_the_best_comes(ratios, said):
    text = unattainable(SPEC, Ratios(np.array([[0], [1]]), np.array(ratios)))
    assert said in text and bool(said) == bool(text)
