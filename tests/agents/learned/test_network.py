"""The arrays say what the trained networks say, of any grid, in any order of its settings."""

import numpy as np
import pytest
import torch
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.learned.features import N_FEATURES, n_context
from agents.learned.network import Network, probabilities
from agents.learned.recipe import Algorithm
from agents.learned.sb3_env import FromGymnasium
from agents.learned.training import model_of, network_of
from tests.agents.learned.worlds import RECIPES, side
from tests.agents.streams import video

DEPTH = 2
N_SHARED = n_context(DEPTH)
SCALE = 10.0


@pytest.fixture(scope="module")
def models() -> dict[Algorithm, BaseAlgorithm]:
    """Short trainings on four plants of the video stream, so that nothing is at its initial value."""
    return {
        algorithm: model_of(recipe, FromGymnasium(side(4, video()), DEPTH, SCALE), seed=1).learn(256)
        for algorithm, recipe in RECIPES.items()
    }


def seen_of(n_settings: int) -> np.ndarray:
    """What might be seen of a grid of so many settings, 50 times."""
    n_figures = N_SHARED + n_settings * N_FEATURES
    return np.random.default_rng(0).normal(0.0, 1.0, (50, n_figures)).astype(np.float32)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_best_setting_is_that_of_the_torch_policy(models, algorithm):
    model, network, seen = models[algorithm], network_of(models[algorithm], SCALE), seen_of(72)
    theirs, _ = model.predict(seen, deterministic=True)
    assert network.judge(seen)[0].argmax(axis=-1).tolist() == theirs.tolist()


@pytest.mark.parametrize("algorithm", [Algorithm.PPO, Algorithm.A2C])
def test_probabilities_and_values_are_those_of_the_torch_policy(models, algorithm):
    model, seen = models[algorithm], seen_of(72)
    scores, returns = network_of(model, SCALE).judge(seen)
    tensor = torch.as_tensor(seen)
    values = model.policy.predict_values(tensor).detach().numpy()[:, 0] * SCALE
    assert returns == pytest.approx(values, abs=1e-4)
    shares = model.policy.get_distribution(tensor).distribution.probs.detach().numpy()
    assert probabilities(scores) == pytest.approx(shares, abs=1e-5)


def test_the_value_of_a_q_network_is_that_of_its_best_setting(models):
    model, seen = models[Algorithm.DQN], seen_of(72)
    theirs = model.policy.q_net(torch.as_tensor(seen)).detach().numpy()
    scores, returns = network_of(model, SCALE).judge(seen)
    assert scores == pytest.approx(theirs, abs=1e-4)
    assert returns == pytest.approx(theirs.max(axis=1) * SCALE, abs=1e-3)


@pytest.mark.parametrize("n_settings", [1, 12, 90])
def test_scores_follow_their_settings_and_the_value_does_not_mind_their_order(models, n_settings):
    network, seen = network_of(models[Algorithm.PPO], SCALE), seen_of(n_settings)
    order = np.random.default_rng(1).permutation(n_settings)
    rows = seen[:, N_SHARED:].reshape(len(seen), n_settings, N_FEATURES)[:, order]
    mixed = np.concatenate([seen[:, :N_SHARED], rows.reshape(len(seen), -1)], axis=1)
    (scores, value), (scores_mixed, value_mixed) = network.judge(seen), network.judge(mixed)
    assert scores_mixed == pytest.approx(scores[:, order], abs=1e-5)
    assert value_mixed == pytest.approx(value, abs=1e-4)


def test_a_setting_that_stands_there_twice_changes_no_score(models):
    network, seen = network_of(models[Algorithm.DQN], SCALE), seen_of(12)
    twice = np.concatenate([seen, seen[:, N_SHARED:]], axis=1)
    assert network.judge(twice)[0] == pytest.approx(np.tile(network.judge(seen)[0], 2), abs=1e-5)


def tiny() -> Network:
    """No hidden units but one: h = relu(first of the context + 2 · first of the row), the score 3h."""
    first = np.zeros((1, n_context(1) + N_FEATURES), np.float32)
    first[0, 0], first[0, n_context(1)] = 1.0, 2.0
    zero = np.zeros(1, np.float32)
    value = np.zeros((1, 2 + n_context(1)), np.float32)
    value[0, :3] = 1.0, 10.0, 100.0  # mean, largest, first of the context
    return Network(1, ((first, zero), (np.array([[3.0]], np.float32), zero)), ((value, zero),), SCALE)


def test_hand_computed_figures():
    seen = np.zeros(n_context(1) + 2 * N_FEATURES, np.float32)
    seen[0], seen[n_context(1)], seen[n_context(1) + N_FEATURES] = 1.0, 2.0, -3.0
    scores, value = tiny().judge(seen)
    assert scores.tolist() == [15.0, 0.0]
    assert float(value) == 10 * (2.5 + 50 + 100)
    assert probabilities(np.array([0.0, np.log(3)], np.float32)) == pytest.approx([0.25, 0.75])


def test_arrays_lead_back_to_the_same_network():
    arrays = tiny().arrays()
    again = Network.of(arrays).arrays()
    assert arrays.keys() == again.keys()
    assert all((arrays[name] == again[name]).all() for name in arrays)


def test_a_missing_array_and_a_layer_that_does_not_fit_are_refused():
    arrays = tiny().arrays()
    with pytest.raises(ValueError, match=r"a network needs value\.0\.bias"):
        Network.of({name: array for name, array in arrays.items() if name != "value.0.bias"})
    with pytest.raises(
        ValueError, match=rf"scorer network: expected a layer of {n_context(4) + N_FEATURES} "
    ):
        Network.of(arrays | {"depth": np.array(4)})
