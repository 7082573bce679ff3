"""Where an agent stands among others, by hand."""

import math

import pandas as pd
import pytest

from experiments.statistics.pairs import COMPARED, beaten_worst, standing

SCORES = {"mine": [0.9, 0.5, 0.7, 0.3], "bold": [1.0, 0.2, 0.6, 0.2], "dull": [0.4, 0.4, 0.4, 0.4]}
STRATA = ["link", "link", "compute", "compute"]


def episodes() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "agent": agent,
            "stratum": STRATA[i],
            "cell": f"world_{i}",
            "seed": 0,
            **dict.fromkeys(COMPARED, score),
            "slo_fulfilment": 1 - i / 10,
        }
        for agent, scores in SCORES.items()
        for i, score in enumerate(scores)
    )


def test_agents_are_placed_by_their_means_and_paired_with_mine():
    found = standing(episodes(), "mine").set_index("agent")
    assert list(found.index) == ["mine", "bold", "dull"]
    assert found["score"].tolist() == pytest.approx([0.6, 0.5, 0.4])
    assert found["score_worst_tenth"].tolist() == pytest.approx([0.3, 0.2, 0.4])
    assert found["fulfilment"].tolist() == pytest.approx([0.85] * 3)
    assert found["difference"].loc[["bold", "dull"]].tolist() == pytest.approx([0.1, 0.2])
    assert math.isnan(found["difference"].to_list()[0])
    assert all(0 <= p <= 1 for p in found["p"].loc[["bold", "dull"]].tolist())


def test_what_broke_mine_comes_with_who_did_best_there():
    found = beaten_worst(episodes(), "mine")
    assert found["cell"].tolist() == ["world_3", "world_1", "world_2", "world_0"]
    assert found["best"].tolist() == ["dull", "mine", "mine", "bold"]
    assert found["best_score"].tolist() == pytest.approx([0.4, 0.5, 0.7, 1.0])
