"""The arrays say what the trained networks say."""

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize

from agents.ppo.network import Network, choose, features, probabilities, ratio_entries
from agents.ppo.sb3_env import FromGymnasium
from agents.ppo.training import network_of
from tests.agents.ppo.worlds import plants
from tests.agents.streams import video

RATIOS = ratio_entries(video().spec)


@pytest.fixture(scope="module")
def model() -> PPO:
    """Two short updates on four plants of the video stream, so that nothing is at its initial value."""
    envs = VecNormalize(FromGymnasium(plants(4, "video"), lambda seen: features(seen, RATIOS)), gamma=0.9)
    return PPO("MlpPolicy", envs, n_steps=8, batch_size=16, seed=1, device="cpu").learn(64)


@pytest.fixture(scope="module")
def observations() -> np.ndarray:
    rng = np.random.default_rng(0)
    return 2 * rng.random((200, 13), dtype=np.float32)


def test_levels_are_those_of_the_torch_policy(model, observations):
    envs = model.get_vec_normalize_env()
    theirs, _ = model.predict(envs.normalize_obs(features(observations, RATIOS)), deterministic=True)
    ours = choose(network_of(model, RATIOS).logits(observations), (6, 4, 3))
    assert ours.tolist() == theirs.tolist()


def test_probabilities_and_values_are_those_of_the_torch_policy(model, observations):
    envs, network = model.get_vec_normalize_env(), network_of(model, RATIOS)
    tensor, _ = model.policy.obs_to_tensor(envs.normalize_obs(features(observations, RATIOS)))
    heads = model.policy.get_distribution(tensor).distribution
    values = model.policy.predict_values(tensor).detach().numpy()[:, 0] * network.return_scale
    assert network.returns(observations) == pytest.approx(values, abs=1e-4)
    for i, observation in enumerate(observations[:20]):
        shares = probabilities(network.logits(observation), (6, 4, 3))
        for ours, theirs in zip(shares, heads, strict=True):
            assert ours == pytest.approx(theirs.probs[i].detach().numpy(), abs=1e-5)


def test_the_return_scale_is_that_of_the_rewards_in_training(model):
    envs = model.get_vec_normalize_env()
    assert network_of(model, RATIOS).return_scale == pytest.approx(float(np.sqrt(envs.ret_rms.var)), rel=1e-4)


def tiny() -> Network:
    """One observation entry, one knob of two levels, no hidden layer: logits (x, 1), value 2x."""
    head = (np.array([[1.0], [0.0]], np.float32), np.array([0.0, 1.0], np.float32))
    value = (np.array([[2.0]], np.float32), np.zeros(1, np.float32))
    none = np.zeros(1, np.bool_)
    return Network(none, np.zeros(1, np.float32), np.ones(1, np.float32), (head,), (value,), 3.0)


def test_hand_computed_figures():
    network, seen = tiny(), np.array([2.0], np.float32)
    assert network.logits(seen).tolist() == [2.0, 1.0]
    assert choose(network.logits(seen), (2,)).tolist() == [0]
    assert float(network.returns(seen)) == 12.0
    assert probabilities(network.logits(seen), (2,))[0][0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_of_ratios_the_networks_see_the_logarithm():
    seen = features(np.array([[0.5, 0.95, 0.5]], np.float32), np.array([False, True, False]))
    assert seen.tolist() == [[0.5, pytest.approx(0.0, abs=1e-6), 0.5]]


def test_ratios_are_where_the_spec_has_them():
    spec = video().spec  # three knobs, five SLOs, no further metric
    assert ratio_entries(spec).nonzero()[0].tolist() == [3, 4, 5, 6, 7]
    assert ratio_entries(spec).shape == spec.observation_space.shape


def test_far_observations_are_clipped_as_in_training():
    assert tiny().logits(np.array([1e6], np.float32)).tolist() == [10.0, 1.0]


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
        Network.of(arrays | {"is_ratio": np.zeros(3, np.bool_)})
