"""Learned policies as agents: their contract, their checkpoints, and that training makes them better."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.learned.network import Network
from agents.learned.recipe import Algorithm
from agents.learned.training import mean_reward
from agents.training import Progress, Side, Trainable, Worlds
from envs.spec import ElasticitySpec, Knob
from tests.agents.episodes import make, run
from tests.agents.learned.worlds import PPO, STEPS, learner, side, worlds
from tests.agents.streams import STREAMS, ledger, lidar

ROOT = Path(__file__).resolve().parents[3]
WORLD = [1.0] * 6 + [0.2] * 6  # shares of the capacity, one per step
SPEC = ledger().spec


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[Algorithm, Path]:
    """Of a short training on the ledger each."""
    directory = tmp_path_factory.mktemp("learned")
    paths = {algorithm: directory / f"{algorithm}.npz" for algorithm in Algorithm}
    for algorithm, path in paths.items():
        learner(SPEC, algorithm=algorithm).train(worlds(), 0, path, lambda _: None)
    return paths


@pytest.fixture(scope="module")
def checkpoint(checkpoints) -> Path:
    return checkpoints[Algorithm.PPO]


# --- as an agent ---


@pytest.mark.parametrize("algorithm", Algorithm)
def test_decisions_are_levels_and_repeat_themselves(checkpoints, algorithm):
    agents = [learner(SPEC, checkpoints[algorithm], algorithm) for _ in range(2)]
    one, other = (run(agent, ledger().plant(0.5), (3, 2), WORLD, seed=i) for i, agent in enumerate(agents))
    assert one == other  # nothing is drawn
    assert all(np.array(levels) in SPEC.action_space for levels in one.levels)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_checkpoint_holds_all_of_the_agent(checkpoints, tmp_path, algorithm):
    agent = learner(SPEC, checkpoints[algorithm], algorithm)
    agent.save(tmp_path / "again")
    again = learner(SPEC, tmp_path / "again", algorithm)
    expected = run(agent, ledger().plant(0.5), (3, 2), WORLD)
    assert run(again, ledger().plant(0.5), (3, 2), WORLD) == expected
    assert again.trained_steps == agent.trained_steps > 0


def test_an_episode_begins_without_memory_of_the_last(checkpoint):
    agent = learner(SPEC, checkpoint)
    first = run(agent, ledger().plant(0.5), (3, 2), WORLD)
    run(agent, ledger().plant(2.0), (0, 0), WORLD)
    assert run(agent, ledger().plant(0.5), (3, 2), WORLD) == first


def test_explanations_of_a_policy_are_its_value_and_probabilities(checkpoint):
    agent = learner(SPEC, checkpoint)
    before = agent.explain()
    assert before == {"value": 0.0, "entropy": 0.0, "p": 0.0}
    for figures in run(agent, ledger().plant(0.5), (3, 2), WORLD).figures:
        assert figures.keys() == before.keys()
        assert all(type(value) is float and math.isfinite(value) for value in figures.values())
        assert 1 / 12 <= figures["p"] <= 1
        assert 0 <= figures["entropy"] <= math.log(12)


def test_explanations_of_a_q_network_are_its_value_and_how_far_the_second_best_is(checkpoints):
    agent = learner(SPEC, checkpoints[Algorithm.DQN], Algorithm.DQN)
    assert agent.explain() == {"value": 0.0, "margin": 0.0}
    for figures in run(agent, ledger().plant(0.5), (3, 2), WORLD).figures:
        assert figures.keys() == {"value", "margin"}
        assert math.isfinite(figures["value"])
        assert figures["margin"] >= 0


def test_an_observation_that_is_not_finite_is_refused(checkpoint):
    observation = ledger().plant(1.0).reset((0, 0))
    observation[2] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        learner(SPEC, checkpoint).act(observation, {})


# --- algorithms ---


def test_an_unknown_algorithm_is_refused():
    with pytest.raises(ValueError, match="'SARSA' is not a valid Algorithm"):
        make("ppo", SPEC, algorithm="SARSA")


def test_a_recipe_of_another_algorithm_is_refused():
    with pytest.raises(ValueError, match=r"algorithm A2C needs A2cRecipe, got PpoRecipe \(say agent=a2c\)"):
        learner(SPEC, algorithm=Algorithm.A2C, recipe=PPO)


def test_a_checkpoint_of_another_algorithm_is_refused(checkpoints):
    with pytest.raises(ValueError, match="expected a checkpoint of algorithm A2C, got one of PPO"):
        learner(SPEC, checkpoints[Algorithm.PPO], Algorithm.A2C)


def test_a_grid_too_large_to_be_scored_is_refused_with_its_size():
    knobs = tuple(
        Knob(name, "", tuple(range(9)), tuple(map(float, range(9))), ((1.0,) * 9,)) for name in "abcd"
    )
    with pytest.raises(ValueError, match="at most 4096 joint settings can be scored, got 6561"):
        learner(replace(SPEC, knobs=knobs))


# --- checkpoints ---


def test_without_a_checkpoint_it_says_how_to_get_one(tmp_path):
    with pytest.raises(ValueError, match=r"no checkpoint at .*: train one with `python -m experiments.train"):
        learner(SPEC, tmp_path / "nowhere.npz")


def test_an_agent_that_is_yet_to_be_trained_decides_nothing():
    with pytest.raises(ValueError, match="untrained: train one"):
        learner(SPEC).act(ledger().plant(1.0).reset((0, 0)), {})


def test_a_checkpoint_serves_a_stream_with_other_knobs_levels_and_slos(checkpoint):
    spec = lidar().spec
    episode = run(learner(spec, checkpoint), lidar().plant(0.5), spec.highest, WORLD)
    assert all(np.array(levels) in spec.action_space for levels in episode.levels)


def test_a_checkpoint_that_was_learned_from_other_figures_is_refused(checkpoint, tmp_path):
    arrays: dict[str, Any] = dict(np.load(checkpoint)) | {"features": np.array(0)}
    np.savez(tmp_path / "old.npz", **arrays)
    with pytest.raises(ValueError, match="expected features 1, got 0"):
        learner(SPEC, tmp_path / "old.npz")


def test_a_checkpoint_of_another_agent_is_refused(tmp_path):
    make("rule", SPEC).save(tmp_path / "rule")
    with pytest.raises(ValueError, match="expected agent Learned, got Rule"):
        learner(SPEC, tmp_path / "rule")


def damages(whole: bytes) -> dict[str, bytes]:
    """What can become of a file."""
    return {"empty": b"", "text": b"nothing of the kind", "cut": whole[: len(whole) // 2]}


@pytest.mark.parametrize("damage", damages(b""))
def test_a_damaged_file_is_one_clear_error(checkpoint, tmp_path, damage):
    path = tmp_path / "damaged.npz"
    path.write_bytes(damages(checkpoint.read_bytes())[damage])
    with pytest.raises(ValueError, match=r"damaged\.npz is no checkpoint, or a damaged one"):
        learner(SPEC, path)


# --- training ---


def test_it_can_be_trained_and_a_rule_cannot():
    assert isinstance(learner(SPEC), Trainable)
    assert not isinstance(make("rule", SPEC), Trainable)


def test_equal_seeds_lead_to_equal_policies(tmp_path, checkpoint):
    path = tmp_path / "again.npz"
    learner(SPEC).train(worlds(), 0, path, lambda _: None)
    one, other = (dict(np.load(p, allow_pickle=False)) for p in (path, checkpoint))
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_progress_ends_with_all_steps_and_the_best_is_the_best(tmp_path):
    seen: list[Progress] = []
    last = learner(SPEC).train(worlds(), 0, tmp_path / "best.npz", seen.append)
    assert last == seen[-1]
    assert (last.steps, last.total_steps) == (256, 256)
    rewards = [progress.reward for progress in seen if progress.reward is not None]
    assert last.best_reward == max(rewards)
    assert [progress.steps for progress in seen] == [64, 128, 192, 256]


def test_the_kept_checkpoint_is_the_one_that_earned_the_best_reward(checkpoint, tmp_path):
    agent = learner(SPEC)
    last = agent.train(worlds(), 3, tmp_path / "best.npz", lambda _: None)
    assert agent.trained_steps == last.best_steps
    network = Network.of(dict(np.load(tmp_path / "best.npz", allow_pickle=False)))
    again = mean_reward(network, side(6, ledger()), worlds().held_out_seeds)
    assert again == last.best_reward


def test_an_interrupted_training_leaves_its_best_checkpoint(tmp_path):
    path = tmp_path / "best.npz"

    def interrupt(progress: Progress) -> None:
        if progress.reward is not None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learner(SPEC).train(worlds(), 0, path, interrupt)
    assert learner(SPEC, path).trained_steps == 128
    assert [left.name for left in tmp_path.iterdir()] == ["best.npz"]


@pytest.mark.timeout(110)
def test_training_beats_every_fixed_setting_where_the_world_varies(tmp_path):
    recipe = replace(PPO, total_steps=12_000, n_envs=16, batch_size=64, evaluations=10)
    agent = learner(SPEC, recipe=recipe)
    progress = agent.train(worlds(), 0, tmp_path / "best.npz", lambda _: None)
    fixed = [fixed_reward(levels) for levels in np.ndindex(*SPEC.n_levels)]
    assert progress.best_reward is not None
    assert progress.best_reward > max(fixed)


def fixed_reward(levels: tuple[int, ...]) -> float:
    """Of one setting on the held-out seeds."""
    envs, seeds = side(6, ledger()).envs, list(worlds().held_out_seeds)
    envs.reset(seed=seeds)  # pyright: ignore[reportArgumentType] - one each
    return float(np.mean([envs.step(np.tile(levels, (6, 1)))[1] for _ in range(STEPS)]))


def test_an_archive_of_something_else_is_one_clear_error(tmp_path):
    np.savez(tmp_path / "damaged.npz", weights=np.zeros(3))
    with pytest.raises(ValueError, match=r"damaged\.npz is no checkpoint, or a damaged one: 'agent'"):
        learner(SPEC, tmp_path / "damaged.npz")


def test_streams_whose_observations_are_laid_out_otherwise_cannot_be_side_by_side(tmp_path):
    with pytest.raises(ValueError, match="expected streams with the same SLOs, stages and numbers of knobs"):
        learner(SPEC).train(mixed(SPEC, lidar().spec), 0, tmp_path / "best.npz", lambda _: None)


def mixed(*specs: ElasticitySpec) -> Worlds:
    """Ledgers that are said to be of these specs, of which one is not."""
    made = worlds().training

    def wrong(n: int) -> Side:
        return Side(made(n).envs, [specs[i % len(specs)] for i in range(n)])

    return Worlds(wrong, wrong, range(2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"total_steps": 0}, "total_steps is out of range, got 0"),
        ({"batch_size": 65}, r"batch_size must be in \[2, n_envs \* n_steps = 64\], got 65"),
        ({"gamma": 1.0}, "gamma is out of range, got 1.0"),
        ({"learning_rate": 0.0}, "learning_rate is out of range"),
        ({"hidden": (64, 0)}, "hidden is out of range"),
        ({"seed": -1}, "seed is out of range"),
    ],
)
def test_a_figure_out_of_range_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PPO, **change)


def test_acting_imports_no_torch():
    code = (
        "import sys, agents.learned.agent; print(*(n in sys.modules for n in ('torch', 'stable_baselines3')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("stream", STREAMS)
def test_its_spec_may_be_any(tmp_path, stream):
    spec, path = STREAMS[stream]().spec, tmp_path / "best.npz"
    learner(spec, recipe=replace(PPO, total_steps=64, evaluations=1)).train(
        worlds(STREAMS[stream]()), 0, path, lambda _: None
    )
    episode = run(learner(spec, path), STREAMS[stream]().plant(0.5), spec.highest, WORLD)
    assert len(episode.levels) == len(WORLD)
