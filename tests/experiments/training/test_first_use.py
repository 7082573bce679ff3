"""An agent that has not learned yet does so when it is first used, once."""

import io
from pathlib import Path

import pytest
from hydra import compose
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.schemas import RunConfig
from experiments.program.errors import ConfigError
from experiments.training.first_use import ensure_trained, training_run_for
from experiments.worlds.plan import Plan, plan_run
from tests.envs.replay.test_videostreamenv import lines, written
from tests.experiments.programs import call

pytestmark = pytest.mark.usefixtures("hydra_here")

COMPILING_S = 500  # the simulator, where it has not been before
TINY = (
    "agent.recipe.total_steps=64",
    "agent.recipe.n_envs=4",
    "agent.recipe.n_steps=8",
    "agent.recipe.evaluations=1",
)
TINY_PPO = (*TINY, "agent=ppo", "agent.recipe.batch_size=16")
WORLD = ("env=simulator", "hardware=rpi5", "env.steps=3")


def composed(tmp_path: Path, *overrides: str) -> tuple[DictConfig, Plan]:
    cfg = compose("config", overrides=[f"results={tmp_path}", *overrides])
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, RunConfig)
    return cfg, plan_run(config)


def made_ready(
    tmp_path: Path, name: str, *overrides: str, training: str | None = "small"
) -> tuple[DictConfig, str]:
    """The agent's values, and what was printed."""
    cfg, plan = composed(tmp_path, *overrides)
    console = Console(file=io.StringIO(), width=200)
    values = ensure_trained(name, cfg.agent, plan, training, console)
    return values, console.file.getvalue()  # type: ignore[attr-defined]


def test_what_has_nothing_to_train_is_left_as_it_is(tmp_path):
    values, printed = made_ready(tmp_path, "rule", "agent=rule", *WORLD)
    assert values == compose("config", overrides=["agent=rule"]).agent
    assert printed == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_users_own_is_left_to_the_agent(tmp_path):
    own = f"agent.checkpoint={tmp_path / 'mine.npz'}"
    values, _ = made_ready(tmp_path, "ppo", *WORLD, *TINY_PPO, own)
    assert values.checkpoint == str(tmp_path / "mine.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(2 * COMPILING_S)
def test_a_run_without_a_checkpoint_trains_one_once_and_goes_on(tmp_path):
    own = ("trained_on=small", "live=false", f"results={tmp_path}", "output.mlflow=false")
    done = call("experiments.run", *WORLD, *TINY_PPO, *own)
    assert done.code == 0, done.err
    assert "agent ppo is trained first, once (trained_on=small)" in done.out
    assert "64 of 64 steps" in done.out
    assert "step   3/3" in done.out
    left = [path.suffix for path in (tmp_path / "checkpoints").iterdir()]
    assert sorted(left) == [".lock", ".npz"]
    values, printed = made_ready(
        tmp_path, "ppo", *WORLD, *TINY_PPO, "env.steps=5", "seed=9", "scenario=load_burst"
    )
    assert printed == ""
    assert len(list((tmp_path / "train").iterdir())) == 1
    _, plan = composed(tmp_path, *WORLD, *TINY_PPO)
    assert instantiate(values, _partial_=True)(spec=plan.spec).trained_steps == 64


@pytest.mark.timeout(COMPILING_S)
def test_in_the_replay_world_it_is_trained_on_the_data_set(tmp_path):
    world = ("env=replay", f"env.path={written(tmp_path, lines())}", "env.steps=3")
    values, printed = made_ready(tmp_path, "ppo", *world, *TINY_PPO, training=None)
    assert "(trained_on=replay)" in printed
    _, plan = composed(tmp_path, *world)
    assert instantiate(values, _partial_=True)(spec=plan.spec).trained_steps == 64


def test_a_stream_that_cannot_be_simulated_is_one_sentence(tmp_path):
    _, plan = composed(tmp_path, *WORLD, *TINY_PPO)
    live = compose("config", overrides=["video=camera", f"results={tmp_path}", *TINY_PPO])
    plan.config.video = OmegaConf.to_object(live).video  # type: ignore[union-attr]
    with pytest.raises(
        ConfigError, match=r"agent ppo must be trained first, on small: .* cannot be simulated"
    ):
        ensure_trained("ppo", live.agent, plan, "small", Console(file=io.StringIO()))


def test_of_drawn_worlds_one_checkpoint_serves_every_stream_and_is_known_before_any_is_drawn(tmp_path):
    streams = (
        (),
        ("slo=thesis", "qoe=knobs", "env.control_interval_s=0.5"),
        ("video=thesis", "hardware=thesis"),
    )
    runs = []
    for words in streams:
        cfg, plan = composed(tmp_path, *WORLD, "agent=ppo", *words)
        runs.append(training_run_for("ppo", cfg.agent, plan, "drawn")[0])
    assert len({run.checkpoint for run in runs}) == 1
    cfg, plan = composed(tmp_path, *WORLD, "agent=ppo", "agent.recipe.seed=1")
    assert training_run_for("ppo", cfg.agent, plan, "drawn")[0].checkpoint != runs[0].checkpoint
