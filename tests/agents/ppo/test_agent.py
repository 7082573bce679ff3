"""PPO as an agent: its contract, its checkpoint, and that training makes it better."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.ppo.agent import Ppo
from agents.ppo.network import Network, ratio_entries
from agents.ppo.training import mean_reward
from agents.training import Progress, Trainable
from tests.agents.episodes import make, run
from tests.agents.ppo.worlds import RECIPE, plants, worlds
from tests.agents.streams import STREAMS, ledger, lidar

ROOT = Path(__file__).resolve().parents[3]
WORLD = [1.0] * 6 + [0.2] * 6  # shares of the capacity, one per step


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """Of a short training on the ledger."""
    path = tmp_path_factory.mktemp("ppo") / "best.npz"
    Ppo(ledger().spec, None, RECIPE).train(worlds(), 0, path, lambda _: None)
    return path


def trained(checkpoint: Path) -> Ppo:
    return Ppo(ledger().spec, str(checkpoint), RECIPE)


# --- as an agent ---


def test_decisions_are_levels_and_repeat_themselves(checkpoint):
    one, other = (run(trained(checkpoint), ledger().plant(0.5), (3, 2), WORLD, seed=seed) for seed in (1, 2))
    assert one == other  # nothing is drawn
    assert all(np.array(levels) in ledger().spec.action_space for levels in one.levels)


def test_a_checkpoint_holds_all_of_the_agent(checkpoint, tmp_path):
    agent = trained(checkpoint)
    agent.save(tmp_path / "again")
    again = Ppo(ledger().spec, str(tmp_path / "again"), RECIPE)
    expected = run(agent, ledger().plant(0.5), (3, 2), WORLD)
    assert run(again, ledger().plant(0.5), (3, 2), WORLD) == expected


def test_explanations_are_finite_and_of_the_same_names_throughout(checkpoint):
    agent = trained(checkpoint)
    before = agent.explain()
    assert before == {"value": 0.0, "entropy": 0.0, "p_depth": 0.0, "p_checks": 0.0}
    for figures in run(agent, ledger().plant(0.5), (3, 2), WORLD).figures:
        assert figures.keys() == before.keys()
        assert all(type(value) is float and math.isfinite(value) for value in figures.values())
        assert 1 / 4 <= figures["p_depth"] <= 1
        assert 1 / 3 <= figures["p_checks"] <= 1
        assert 0 <= figures["entropy"] <= math.log(12)


def test_an_observation_that_is_not_finite_is_refused(checkpoint):
    observation = ledger().plant(1.0).reset((0, 0))
    observation[2] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        trained(checkpoint).act(observation, {})


# --- checkpoints ---


def test_without_a_checkpoint_it_says_how_to_get_one(tmp_path):
    with pytest.raises(ValueError, match=r"no checkpoint at .*: train one with `python -m experiments.train"):
        Ppo(ledger().spec, str(tmp_path / "nowhere.npz"), RECIPE)


def test_the_path_may_name_the_spec_by_its_hash(tmp_path):
    with pytest.raises(ValueError, match=f"ppo-{ledger().spec.hash}.npz"):
        Ppo(ledger().spec, str(tmp_path / "ppo-{spec}.npz"), RECIPE)


def test_an_untrained_agent_decides_nothing():
    agent = Ppo(ledger().spec, None, RECIPE)
    with pytest.raises(ValueError, match="untrained: train one"):
        agent.act(ledger().plant(1.0).reset((0, 0)), {})


def test_a_checkpoint_for_another_spec_is_refused_and_both_are_named(checkpoint):
    ours, theirs = lidar().spec.hash, ledger().spec.hash
    with pytest.raises(ValueError, match=f"expected spec {ours}, got {theirs}"):
        Ppo(lidar().spec, str(checkpoint), RECIPE)


def test_a_checkpoint_of_another_agent_is_refused(tmp_path):
    make("rule", ledger().spec).save(tmp_path / "rule")
    with pytest.raises(ValueError, match="expected agent Ppo, got Rule"):
        Ppo(ledger().spec, str(tmp_path / "rule"), RECIPE)


def damages(whole: bytes) -> dict[str, bytes]:
    """What can become of a file."""
    return {"empty": b"", "text": b"nothing of the kind", "cut": whole[: len(whole) // 2]}


@pytest.mark.parametrize("damage", damages(b""))
def test_a_damaged_file_is_one_clear_error(checkpoint, tmp_path, damage):
    path = tmp_path / "damaged.npz"
    path.write_bytes(damages(checkpoint.read_bytes())[damage])
    with pytest.raises(ValueError, match=r"damaged\.npz is no checkpoint, or a damaged one"):
        Ppo(ledger().spec, str(path), RECIPE)


# --- training ---


def test_it_can_be_trained_and_a_rule_cannot():
    assert isinstance(Ppo(ledger().spec, None, RECIPE), Trainable)
    assert not isinstance(make("rule", ledger().spec), Trainable)


def test_equal_seeds_lead_to_equal_policies(tmp_path, checkpoint):
    path = tmp_path / "again.npz"
    Ppo(ledger().spec, None, RECIPE).train(worlds(), 0, path, lambda _: None)
    one, other = (dict(np.load(p, allow_pickle=False)) for p in (path, checkpoint))
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_progress_ends_with_all_steps_and_the_best_is_the_best(tmp_path):
    seen: list[Progress] = []
    last = Ppo(ledger().spec, None, RECIPE).train(worlds(), 0, tmp_path / "best.npz", seen.append)
    assert last == seen[-1]
    assert (last.steps, last.total_steps) == (256, 256)
    rewards = [progress.reward for progress in seen if progress.reward is not None]
    assert last.best_reward == max(rewards)
    assert [progress.steps for progress in seen] == [64, 128, 192, 256]


def test_the_kept_checkpoint_is_the_one_that_earned_the_best_reward(checkpoint, tmp_path):
    last = Ppo(ledger().spec, None, RECIPE).train(worlds(), 3, tmp_path / "best.npz", lambda _: None)
    network = Network.of(dict(np.load(tmp_path / "best.npz", allow_pickle=False)))
    again = mean_reward(network, ledger().spec, plants(6), worlds().held_out_seeds)
    assert again == last.best_reward


def test_an_interrupted_training_leaves_its_best_checkpoint(tmp_path):
    path = tmp_path / "best.npz"

    def interrupt(progress: Progress) -> None:
        if progress.reward is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Ppo(ledger().spec, None, RECIPE).train(worlds(), 0, path, interrupt)
    Ppo(ledger().spec, str(path), RECIPE)
    assert [left.name for left in tmp_path.iterdir()] == ["best.npz"]


@pytest.mark.timeout(110)
def test_training_beats_every_fixed_setting_where_the_world_varies(tmp_path):
    recipe = replace(RECIPE, total_steps=12_000, n_envs=16, batch_size=64, evaluations=10)
    agent = Ppo(ledger().spec, None, recipe)
    progress = agent.train(worlds(), 0, tmp_path / "best.npz", lambda _: None)
    fixed = [fixed_reward(levels) for levels in np.ndindex(*ledger().spec.n_levels)]
    assert progress.best_reward is not None
    assert progress.best_reward > max(fixed)


def fixed_reward(levels: tuple[int, ...]) -> float:
    """Of one setting on the held-out seeds: a network whose biases alone decide."""
    spec = ledger().spec
    n_seen, n_logits = spec.observation_space.shape[0], sum(spec.n_levels)
    bias = np.concatenate([np.eye(n)[level] for n, level in zip(spec.n_levels, levels, strict=True)])
    head = (np.zeros((n_logits, n_seen), np.float32), bias.astype(np.float32))
    value = (np.zeros((1, n_seen), np.float32), np.zeros(1, np.float32))
    zeros = np.zeros(n_seen, np.float32)
    network = Network(ratio_entries(spec), zeros, zeros + 1, (head,), (value,), 1.0)
    return mean_reward(network, spec, plants(6), worlds().held_out_seeds)


def test_an_archive_of_something_else_is_one_clear_error(tmp_path):
    np.savez(tmp_path / "damaged.npz", weights=np.zeros(3))
    with pytest.raises(ValueError, match=r"damaged\.npz is no checkpoint, or a damaged one: 'agent'"):
        Ppo(ledger().spec, str(tmp_path / "damaged.npz"), RECIPE)


def test_worlds_of_another_spec_are_refused(tmp_path):
    agent = Ppo(lidar().spec, None, RECIPE)
    with pytest.raises(ValueError, match="expected environments with the spaces"):
        agent.train(worlds("ledger"), 0, tmp_path / "best.npz", lambda _: None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total_steps": 0}, "total_steps must be >= 1"),
        ({"batch_size": 65}, r"batch_size must be in \[2, n_envs \* n_steps = 64\], got 65"),
        ({"gamma": 1.0}, "gamma is out of range, got 1.0"),
        ({"learning_rate": 0.0}, "learning_rate is out of range"),
        ({"hidden": (64, 0)}, "hidden is out of range"),
    ],
)
def test_a_figure_out_of_range_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **change)


def test_acting_imports_no_torch():
    code = "import sys, agents.ppo.agent; print('torch' in sys.modules, 'stable_baselines3' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]


def test_its_specs_may_be_any(tmp_path):
    for name, stream in STREAMS.items():
        path = tmp_path / f"{name}.npz"
        recipe = replace(RECIPE, total_steps=64, evaluations=1)
        Ppo(stream().spec, None, recipe).train(worlds(name), 0, path, lambda _: None)
        episode = run(
            Ppo(stream().spec, str(path), recipe), stream().plant(0.5), stream().spec.highest, WORLD
        )
        assert len(episode.levels) == len(WORLD)
