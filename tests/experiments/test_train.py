"""Training from its configuration to its checkpoint."""

import io
import json
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.learned.recipe import RECIPES, Algorithm
from agents.random import Random
from agents.training import Progress, Trainable, Worlds
from envs.spec import ElasticitySpec
from experiments.config.composing import check_keys
from experiments.config.programs import PairedSchema, PairsSchema, TrainConfig
from experiments.config.schemas import CONF
from experiments.program.errors import ConfigError, ExecutionError
from experiments.program.interruption import Interrupted
from experiments.training.training_run import TrainingRun, train
from experiments.training.worlds import (
    HELD_OUT_SEED,
    Pair,
    TrainingSetup,
    paired_cells,
    pairs_of,
    plans_of,
    setup_of,
    training_hash,
    variants_of,
)
from experiments.worlds.plan import SimulatorPlan
from tests.envs.replay.test_videostreamenv import lines, written
from tests.experiments.programs import call

pytestmark = pytest.mark.usefixtures("hydra_here")

COMPILING_S = 500  # the simulator, where it has not been before
TRAININGS = sorted(path.stem for path in (CONF / "training").glob("*.yaml"))


def composed(*overrides: str) -> DictConfig:
    return compose("train", overrides=list(overrides))


def typed(*overrides: str) -> TrainConfig:
    config = OmegaConf.to_object(composed(*overrides))
    assert isinstance(config, TrainConfig)
    return config


def schema(**changes: Any) -> PairedSchema:
    small = typed("training=small").training
    assert isinstance(small, PairedSchema)
    return replace(small, **changes)


def planned(config: TrainConfig, *pairs: Pair) -> dict[Pair, SimulatorPlan]:
    return plans_of(config, pairs, config.seed)


# --- which worlds ---


@pytest.mark.parametrize("training", sorted(set(TRAININGS) - {"replay"}))
def test_every_training_is_possible(training):
    cfg = composed(f"training={training}")
    check_keys(cfg)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, TrainConfig)
    assert setup_of(config, is_judged=True).evaluation


def test_drawn_worlds_are_trained_on_chosen_by_and_validated_on_in_turn():
    words = ("training.worlds=5", "training.held_out_episodes=3", "training.evaluation_worlds=2")
    found = setup_of(typed(*words, "training.first=100"), is_judged=True)
    assert found.numbers == (*range(100, 108), 1_000_000, 1_000_001)
    assert found.names == tuple(f"world {number}" for number in range(100, 105))
    assert list(found.evaluation) == ["world 1000000", "world 1000001"]


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (10**9, "training: world 1000000000 is one to judge by: nothing is trained, searched or tuned on it"),
        (999_900, "training: world 1000000 is for validation: nothing is trained or searched on it"),
        (-1, "there is no world -1"),
    ],
)
def test_worlds_that_are_not_to_train_on_are_refused(first, message):
    with pytest.raises(ConfigError, match=message):
        setup_of(typed(f"training.first={first}"), is_judged=False)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_recipes_keys_are_its_classes_arguments(algorithm):
    name = algorithm.lower()
    keys = set(composed(f"agent={name}").agent.recipe) - {"_target_"}
    assert keys == {field.name for field in fields(RECIPES[algorithm])}


def test_pairs_are_all_combinations_each_once():
    assert pairs_of(PairsSchema(["a", "b", "a"], ["x", "y"])) == [
        Pair("a", "x"),
        Pair("a", "y"),
        Pair("b", "x"),
        Pair("b", "y"),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"evaluation": PairsSchema(["rpi5"], ["steady"])},
            "rpi5/steady would be trained on and evaluated",
        ),
        ({"pairs": PairsSchema([], ["steady"])}, "at least one hardware and one scenario"),
        ({"variants": 0}, "variants must be >= 1, got 0"),
        ({"lowest_capacity": 0.0}, r"lowest_capacity must be in \(0, 1\], got 0"),
    ],
)
def test_a_bad_value_is_refused(changes, message):
    with pytest.raises(ConfigError, match=f"training: .*{message}"):
        paired_cells(typed("training=small"), schema(**changes))


def test_whatever_the_world_it_is_judged_by_an_episode_or_more():
    for name in ("small", "drawn"):
        with pytest.raises(ConfigError, match="training: evaluation_seeds must be >= 1, got 0"):
            setup_of(typed(f"training={name}", "training.evaluation_seeds=0"), is_judged=False)


def test_an_impossible_world_is_named():
    with pytest.raises(ConfigError, match="rpi5/steady: detector: "):
        planned(typed("detector.grades=[n,x]"), Pair("rpi5", "steady"))


def test_variants_are_the_system_itself_and_weaker_ones():
    pair = Pair("edge_mixed_2", "thesis_a")
    system = planned(typed(), pair)[pair].system
    same, *weaker = variants_of(system, 5, 0.25, np.random.default_rng(0))
    assert same == system
    for variant in weaker:
        shares = [
            now.capacity / then.capacity
            for now, then in zip(variant.hardware.devices, system.hardware.devices, strict=True)
        ]
        shares += list(np.divide(variant.scenario.capacities, system.scenario.capacities))
        assert shares == pytest.approx([shares[0]] * 5)  # two devices, three workers of the scenario
        assert 0.25 <= shares[0] <= 1.0
    assert len({variant.hardware.devices[0].capacity for variant in weaker}) == 4


def setup(*overrides: str) -> TrainingSetup:
    return setup_of(typed("training=small", *overrides), is_judged=False)


def test_held_out_episodes_begin_with_seeds_of_their_own():
    seeds = setup("training.held_out_episodes=12", "seed=7").worlds.held_out_seeds
    assert list(seeds) == list(range(HELD_OUT_SEED, HELD_OUT_SEED + 12))


def test_worlds_for_evaluation_are_planned_only_if_there_will_be_one():
    assert setup().evaluation == {}
    judged = setup_of(typed("training=small"), is_judged=True)
    assert list(judged.evaluation) == ["rpi5/worker_loss"]


def test_a_training_is_known_by_all_it_depends_on(tmp_path):
    here = setup()
    recipe = instantiate(composed("agent=ppo").agent.recipe)
    hashes = [
        training_hash(here, "PPO", recipe),
        training_hash(here, "A2C", recipe),
        training_hash(here, "PPO", replace(recipe, gamma=0.5)),
        training_hash(here, "PPO", replace(recipe, seed=1)),
        training_hash(setup("env.steps=60"), "PPO", recipe),
        training_hash(setup("training.variants=3"), "PPO", recipe),
        training_hash(setup("training.held_out_episodes=8"), "PPO", recipe),
        training_hash(setup("slo=thesis"), "PPO", recipe),
    ]
    assert len(set(hashes)) == len(hashes)
    same = setup(f"results={tmp_path}", "live=false", "training.evaluation_seeds=1")
    assert training_hash(same, "PPO", recipe) == hashes[0]


def test_a_training_in_the_replay_world_is_of_the_data_sets_spec(tmp_path):
    config = typed("training=replay", f"env.path={written(tmp_path, lines())}", "env.steps=4")
    found = setup_of(config, is_judged=True)
    assert list(found.evaluation) == ["replay"]
    side = found.worlds.training(3)
    assert [[knob.name for knob in spec.knobs] for spec in side.specs] == [
        ["resolution", "streams", "fps"]
    ] * 3
    observations, _ = side.envs.reset(seed=0)
    assert observations.shape == (3, *side.specs[0].observation_space.shape)  # type: ignore[misc]
    side.envs.close()


# --- a training, whatever learns ---


class Pupil(Random, Trainable):
    """Learns nothing, and may come to an untimely end after its first evaluation."""

    def __init__(self, spec: ElasticitySpec, end: BaseException | None = None) -> None:
        super().__init__(spec)
        self.end = end

    def train(
        self, worlds: Worlds, seed: int, path: Path, on_progress: Callable[[Progress], None]
    ) -> Progress:
        self.save(path)
        last = Progress(50, 100, True, 0.25, 0.25, 50)
        on_progress(last)
        if self.end is not None:
            raise self.end
        return last


def training_run(tmp_path: Path, end: BaseException | None = None) -> TrainingRun:
    words = (
        "training=small",
        f"results={tmp_path}",
        "live=false",
        "training.pairs.scenarios=[steady]",
    )
    found = setup_of(typed(*words, "training.held_out_episodes=2", "env.steps=3"), is_judged=False)
    return TrainingRun(
        typed(*words), found, "pupil", lambda spec: Pupil(spec, end), {}, tmp_path / "left" / "it.npz", 3
    )


def carried_out(training_run: TrainingRun) -> tuple[str, Path]:
    """What was printed, and the training's directory."""
    console = Console(file=io.StringIO(), width=200)
    try:
        train(training_run, "a: 1\n", console)
    finally:
        carried_out.printed = console.file.getvalue()  # type: ignore[attr-defined]
    return carried_out.printed, the_directory(training_run)  # type: ignore[attr-defined]


def the_directory(training_run: TrainingRun) -> Path:
    return next((Path(training_run.config.results) / "train").iterdir())


def test_a_training_leaves_its_curve_its_summary_and_the_checkpoint(tmp_path):
    planned = training_run(tmp_path)
    printed, directory = carried_out(planned)
    assert {path.name for path in directory.iterdir()} >= {
        "best.npz",
        "progress.jsonl",
        "summary.json",
        "config.yaml",
    }
    summary = json.loads((directory / "summary.json").read_text())
    assert summary["status"] == "FINISHED"
    assert (summary["agent"], summary["seed"], summary["best_reward"]) == ("pupil", 3, 0.25)
    assert summary["training"] == ["rpi5/steady"]
    assert (summary["plateau_reward"], summary["steps_to_plateau"]) == (0.25, 50)
    assert -1 <= summary["random_reward"] <= 1
    line = json.loads((directory / "progress.jsonl").read_text())
    assert line.pop("wall_s") >= 0
    assert line == asdict(Progress(50, 100, True, 0.25, 0.25, 50))
    assert planned.checkpoint.read_bytes() == (directory / "best.npz").read_bytes()
    assert str(planned.checkpoint) in printed
    assert "50 of 100 steps, reward +0.250, best +0.250" in printed


@pytest.mark.parametrize(
    ("end", "raised", "status"),
    [
        (Interrupted(2), Interrupted, "KILLED"),
        (ZeroDivisionError("a bug in the learner"), ExecutionError, "FAILED"),
    ],
)
def test_a_training_that_ends_early_keeps_its_best_to_itself(tmp_path, end, raised, status):
    planned = training_run(tmp_path, end)
    with pytest.raises(raised):
        carried_out(planned)
    assert json.loads((the_directory(planned) / "summary.json").read_text())["status"] == status
    assert (the_directory(planned) / "best.npz").exists()
    assert not planned.checkpoint.exists()
    assert "the training's own files" in carried_out.printed  # type: ignore[attr-defined]


# --- as the user sees it ---


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["agent=random"], "agent random has nothing to train: it does not learn, and none of its figures"),
        (["agent.checkpoint=null"], "agent.checkpoint must say where the best is to be left"),
        (["training=tiny"], "training has no option 'tiny'; there are drawn, replay, small"),
        (
            ["training=small", "training.pairs.hardware=[abacus]"],
            "hardware has no option 'abacus'; there are ",
        ),
        (
            ["agent.recipe.n_envs=95"],
            "agent.recipe.n_envs must be >= 96, so that every world is played, got 95",
        ),
        (["agent.recipe.batch_size=1"], "configuration: batch_size must be in [2, n_envs * n_steps = "),
        (
            ["agent.algorithm=SARSA"],
            "agent.algorithm: Invalid value 'SARSA', expected one of [PPO, A2C, DQN]",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_no_traceback(overrides, sentence):
    done = call("experiments.train", *overrides)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"experiments.train: {sentence}")
    assert done.err.count("\n") == 1


TINY = (
    "training=small",
    "training.variants=2",
    "training.held_out_episodes=3",
    "training.evaluation_seeds=1",
    "env.steps=6",
    "agent.recipe.total_steps=64",
    "agent.recipe.n_envs=4",
    "agent.recipe.n_steps=8",
    "agent.recipe.batch_size=16",
    "agent.recipe.evaluations=2",
)


@pytest.mark.timeout(2 * COMPILING_S)
def test_what_was_trained_runs(tmp_path):
    checkpoint = f"agent.checkpoint={tmp_path / 'best.npz'}"
    done = call("experiments.train", *TINY, checkpoint, f"results={tmp_path}")
    assert done.code == 0, done.err
    assert "64 of 64 steps" in done.out
    summary = json.loads(next((tmp_path / "train").glob("*/summary.json")).read_text())
    assert [(score["world"], score["agent"]) for score in summary["scores"]] == [
        ("rpi5/worker_loss", "ppo"),
        ("rpi5/worker_loss", "rule"),
    ]
    words = [
        "agent=ppo",
        "env=simulator",
        "hardware=rpi5",
        "env.steps=3",
        "output.mlflow=false",
        "live=false",
    ]
    done = call("experiments.run", *words, checkpoint, f"results={tmp_path}")
    assert done.code == 0, done.err
    assert "step   3/3" in done.out
