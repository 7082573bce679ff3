"""The arrays say what the trained networks say."""

import numpy as np
import pytest
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from agents.learned.features import Eyes, n_seen
from agents.learned.network import Network, choose, probabilities
from agents.learned.recipe import Algorithm
from agents.learned.sb3_env import FromGymnasium
from agents.learned.training import model_of, network_of
from tests.agents.learned.worlds import RECIPES, plants
from tests.agents.streams import video

N_LEVELS = (6, 4, 3)
DEPTH = 2


@pytest.fixture(scope="module")
def models() -> dict[Algorithm, BaseAlgorithm]:
    """Short trainings on four plants of the video stream, so that nothing is at its initial value."""
    made = {}
    for algorithm, recipe in RECIPES.items():
        envs = FromGymnasium(plants(4, "video"), Eyes.of(video().spec), DEPTH, algorithm is Algorithm.DQN)
        made[algorithm] = model_of(recipe, VecNormalize(envs, gamma=0.9), seed=1).learn(256)
    return made


@pytest.fixture(scope="module")
def seen() -> np.ndarray:
    """What might be seen of the stream, 200 times."""
    n_figures = n_seen(video().spec, DEPTH)
    return np.random.default_rng(0).normal(0.0, 2.0, (200, n_figures)).astype(np.float32)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_levels_are_those_of_the_torch_policy(models, seen, algorithm):
    model, network = models[algorithm], network_of(models[algorithm])
    theirs, _ = model.predict(model.get_vec_normalize_env().normalize_obs(seen), deterministic=True)
    if algorithm is Algorithm.DQN:
        theirs = np.stack(np.unravel_index(theirs, N_LEVELS), axis=-1)
    assert choose(network.scores(seen), N_LEVELS, network.is_joint).tolist() == theirs.tolist()


@pytest.mark.parametrize("algorithm", [Algorithm.PPO, Algorithm.A2C])
def test_probabilities_and_values_are_those_of_the_torch_policy(models, seen, algorithm):
    model, network = models[algorithm], network_of(models[algorithm])
    tensor, _ = model.policy.obs_to_tensor(model.get_vec_normalize_env().normalize_obs(seen))
    heads = model.policy.get_distribution(tensor).distribution
    values = model.policy.predict_values(tensor).detach().numpy()[:, 0] * network.return_scale
    assert network.returns(seen) == pytest.approx(values, abs=1e-4)
    for i, one in enumerate(seen[:20]):
        shares = probabilities(network.scores(one), N_LEVELS)
        for ours, theirs in zip(shares, heads, strict=True):
            assert ours == pytest.approx(theirs.probs[i].detach().numpy(), abs=1e-5)


def test_the_value_of_a_q_network_is_that_of_its_best_setting(models, seen):
    model, network = models[Algorithm.DQN], network_of(models[Algorithm.DQN])
    tensor, _ = model.policy.obs_to_tensor(model.get_vec_normalize_env().normalize_obs(seen))
    theirs = model.policy.q_net(tensor).detach().numpy()
    assert network.scores(seen) == pytest.approx(theirs, abs=1e-4)
    assert network.returns(seen) == pytest.approx(theirs.max(axis=1) * network.return_scale, abs=1e-4)


def test_the_return_scale_is_that_of_the_rewards_in_training(models):
    model = models[Algorithm.PPO]
    scale = float(np.sqrt(model.get_vec_normalize_env().ret_rms.var))
    assert network_of(model).return_scale == pytest.approx(scale, rel=1e-4)


def tiny() -> Network:
    """One figure is seen, one knob of two levels, no hidden layer: logits (x, 1), value 2x."""
    head = (np.array([[1.0], [0.0]], np.float32), np.array([0.0, 1.0], np.float32))
    value = (np.array([[2.0]], np.float32), np.zeros(1, np.float32))
    return Network(1, np.zeros(1, np.float32), np.ones(1, np.float32), (head,), (value,), 3.0)


def test_hand_computed_figures():
    network, seen = tiny(), np.array([2.0], np.float32)
    assert network.scores(seen).tolist() == [2.0, 1.0]
    assert choose(network.scores(seen), (2,), is_joint=False).tolist() == [0]
    assert float(network.returns(seen)) == 12.0
    assert probabilities(network.scores(seen), (2,))[0][0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_a_joint_setting_is_chosen_by_its_number():
    scores = np.array([[0, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0]], np.float32)
    assert choose(scores, (2, 3), is_joint=True).tolist() == [[1, 1], [0, 0]]


def test_far_features_are_clipped_as_in_training():
    assert tiny().scores(np.array([1e6], np.float32)).tolist() == [10.0, 1.0]


def test_arrays_lead_back_to_the_same_network():
    arrays = tiny().arrays()
    again = Network.of(arrays).arrays()
    assert arrays.keys() == again.keys()
    assert all((arrays[name] == again[name]).all() for name in arrays)


def test_a_missing_array_and_a_layer_that_does_not_fit_are_refused():
    arrays = tiny().arrays()
    with pytest.raises(ValueError, match=r"a network needs value\.0\.bias"):
        Network.of({name: array for name, array in arrays.items() if name != "value.0.bias"})
    with pytest.raises(ValueError, match="policy network: expected a layer of 3 inputs"):
        Network.of(arrays | {"mean": np.zeros(3, np.float32), "variance": np.ones(3, np.float32)})
