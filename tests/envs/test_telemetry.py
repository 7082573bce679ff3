"""What reaches an agent of what is measured."""

import math
from typing import Any

import numpy as np
import pytest

from envs.scenario import Scenario
from envs.simulator.env import SimulatorEnv
from envs.spec import ElasticitySpec
from envs.telemetry import RECEIVED, Reception, Telemetry
from tests.envs.simulator.systems import spec, system

SPEC = spec()
N_KNOBS = len(SPEC.knobs)


def observation(i: int, spec: ElasticitySpec = SPEC) -> np.ndarray:
    """The i-th of an episode in which every figure is i / 10, all are known, and the levels alternate."""
    values = np.where(spec.is_reading, i / 10, 1.0).astype(np.float32)
    values[:N_KNOBS] = i % 2
    return values


def received(telemetry: Telemetry, n: int, seed: int = 0) -> list[np.ndarray]:
    reception = Reception(telemetry, SPEC, seed)
    return [reception.receive(observation(i)).observation for i in range(n)]


def test_late_figures_come_with_the_levels_of_now():
    seen = received(Telemetry(late=2), 5)
    for i in (0, 1):
        assert not seen[i][N_KNOBS:].any(), "before the first arrives, nothing is known"
    for i in range(2, 5):
        assert np.array_equal(seen[i][N_KNOBS:], observation(i - 2)[N_KNOBS:])
    assert [row[0] for row in seen] == [0, 1, 0, 1, 0]


def test_noise_is_of_figures_alone_about_what_was_measured_and_within_what_may_be():
    seen = np.stack(received(Telemetry(noise=0.1), 400)[3:])
    sent = np.stack([observation(i) for i in range(3, 400)])
    assert (seen <= SPEC.observation_space.high).all()
    assert np.array_equal(seen[:, ~SPEC.is_reading], sent[:, ~SPEC.is_reading])
    ratios = slice(N_KNOBS, N_KNOBS + len(SPEC.slos))
    errors = np.log(seen[:40, ratios] / sent[:40, ratios])  # below the cap
    assert np.std(errors) == pytest.approx(0.1, rel=0.2) and abs(errors.mean()) < 0.03


def test_what_is_missing_is_unknown():
    seen = np.stack(received(Telemetry(missing=0.25), 400)[1:])
    sent = np.stack([observation(i) for i in range(1, 400)]).clip(max=SPEC.observation_space.high)
    is_missing = ~seen[:, N_KNOBS:].any(axis=1)
    assert is_missing.mean() == pytest.approx(0.25, abs=0.07)
    assert np.array_equal(seen[~is_missing], sent[~is_missing])


def test_a_reward_comes_with_the_report_that_it_is_of():
    reception = Reception(Telemetry(late=2), SPEC, 0)
    rewards = [
        reception.receive(observation(i), reward) for i, reward in enumerate((math.nan, 0.1, 0.2, 0.3, 0.4))
    ]
    assert [received.reward for received in rewards[3:]] == [0.1, 0.2]
    assert all(math.isnan(received.reward) for received in rewards[:3])
    lossy = Reception(Telemetry(missing=0.5), SPEC, 0)
    for received in (lossy.receive(observation(i), 0.5) for i in range(1, 40)):
        assert math.isnan(received.reward) == (not received.observation[N_KNOBS:].any())


def test_a_seed_chooses_what_is_lost():
    telemetry = Telemetry(noise=0.2, missing=0.3)
    one, again, other = (received(telemetry, 50, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_agents_alone_are_deceived():
    """Reward and info are what they are without, but for the reward that an agent may learn from."""
    exact, late = (
        SimulatorEnv(SPEC, [system(scenario=Scenario(telemetry=telemetry))])
        for telemetry in (None, Telemetry(late=1))
    )
    (before, _), (seen, _) = exact.reset(seed=3), late.reset(seed=3)
    earned = math.nan
    for _ in range(5):
        assert np.array_equal(seen[:N_KNOBS], before[:N_KNOBS])
        truth, others = exact.step((0, 1, 0)), late.step((0, 1, 0))
        assert others[4].pop(RECEIVED) == pytest.approx(earned, nan_ok=True)
        assert truth[1:4] == others[1:4] and str(truth[4]) == str(others[4])
        earned = truth[1]
        assert np.array_equal(others[0][N_KNOBS:], before[N_KNOBS:])
        before, seen = truth[0], others[0]


@pytest.mark.parametrize("wrong", [{"late": -1}, {"late": 11}, {"noise": -0.1}, {"missing": 1.0}])
def test_what_cannot_be_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Telemetry(**wrong)
