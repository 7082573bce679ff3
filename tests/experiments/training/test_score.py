"""What an agent came to in a world."""

import pytest

from agents.static import Static
from envs.replay.env import Replay
from envs.spec import ElasticitySpec
from experiments.training.training_run import score
from pipeline.slos import Slo
from tests.envs.replay.test_env import SPEC, TABLE

LIMIT = 304.5  # half of the moments of the highest setting are above it: 300, 301, ... 309
FAIR = ElasticitySpec(SPEC.knobs, (Slo("load", LIMIT),))


class Counting(Replay):
    """The replay world, which counts how often it is closed."""

    n_closed = 0

    def close(self) -> None:
        self.n_closed += 1


def world() -> Counting:
    return Counting(FAIR, TABLE, 200, {"depth": "depth_seen"})


def test_a_score_is_the_mean_over_all_steps_of_all_seeds():
    env = world()
    got = score(Static(FAIR, "highest"), env, range(10))
    assert got["slo_fulfilment"] == pytest.approx(0.5, abs=0.05)  # of 2000 draws
    assert got["qoe_mean"] == pytest.approx(0.65)  # streams 1, depth 3 of 10
    broken = -(0.5 + 0.5 * (307.0 / LIMIT - 1))  # one SLO of one, by the mean ratio of its broken moments
    expected = got["slo_fulfilment"] * 0.65 + (1 - got["slo_fulfilment"]) * broken
    assert got["reward_mean"] == pytest.approx(expected, abs=1e-3)
    assert env.n_closed == 1


def test_equal_seeds_lead_to_equal_scores():
    one, same, other = (score(Static(FAIR, "highest"), world(), seeds) for seeds in ((1, 2), (1, 2), (3, 4)))
    assert one == same != other
