"""Agents in closed loops: made and trained as for a run, shown their world, and held against each other."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra import compose
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.base import Agent
from agents.static import Static
from experiments.calibration import closed_loop
from experiments.calibration.closed_loop import agent_for, figures_of
from experiments.calibration.errors import SCORES
from experiments.calibration.validation import close_loops
from experiments.calibration.worlds import World as Kind
from experiments.calibration.worlds import simulated_plan, speed_factors
from experiments.config.programs import CalibrateConfig
from experiments.program.console import ProgressView
from experiments.program.errors import ConfigError
from experiments.worlds.plan import Plan
from pipeline.program import ClusterError
from tests.experiments.world import SPEC, Script, World

SMALL = ("hardware=rpi5", "detector.grades=[n]", "video.heights_px=[180,360]", "validation.steps=6")
CONSOLE = Console(file=io.StringIO())


@pytest.fixture
def config(hydra_here) -> CalibrateConfig:
    found = OmegaConf.to_object(compose("calibrate", list(SMALL)))
    assert isinstance(found, CalibrateConfig)
    return found


def played(config: CalibrateConfig, *names: str) -> Any:
    """Agents in two simulated worlds that are one."""
    plan = simulated_plan(config)
    agents: dict[str, Agent] = {name: agent_for(name, plan, CONSOLE) for name in names}
    with ProgressView(CONSOLE, False, "", 0, "") as view:
        rows = close_loops(config, "steady", agents, [Kind.SIMULATED] * 2, Path("steady"), view)
    return pd.DataFrame(rows)


def test_an_oracle_is_shown_each_world_and_is_no_worse_than_who_never_moves(config: CalibrateConfig):
    loops = played(config, "oracle", "static-lowest")
    assert loops["agent"].tolist() == ["oracle", "static-lowest"] * 2
    assert loops["reference_ms"].min() > 0
    rewards = loops.set_index("agent")["reward_mean"]
    assert rewards["oracle"].min() > rewards["static-lowest"].max()


def test_a_learned_agent_without_a_checkpoint_is_trained_for_its_stream(config: CalibrateConfig, monkeypatch):
    trained = []

    def train(name: str, values: DictConfig, plan: Plan, *rest: object) -> DictConfig:
        trained.append((name, values["checkpoint"], plan.spec.hash))
        return OmegaConf.create({"_target_": "agents.static.Static", "levels": "lowest"})

    monkeypatch.setattr(closed_loop, "ensure_trained", train)
    plan = simulated_plan(config)
    assert isinstance(agent_for("ppo", plan, CONSOLE), Static)
    assert trained == [("ppo", f"{config.results}/checkpoints/ppo-{{training}}.npz", plan.spec.hash)]


def test_agents_are_the_groups_own_or_static_at_three_heights(config: CalibrateConfig):
    plan = simulated_plan(config)
    for name, expected in (
        ("static-lowest", plan.spec.lowest),
        ("static-middle", tuple((n - 1) // 2 for n in plan.spec.n_levels)),
        ("static-highest", plan.spec.highest),
    ):
        agent = agent_for(name, plan, CONSOLE)
        agent.reset(0)
        nothing = np.zeros(plan.spec.observation_space.shape, np.float32)
        assert tuple(agent.act(nothing, {})) == expected
    assert type(agent_for("rule", plan, CONSOLE)).__name__ == "Rule"
    with pytest.raises(ConfigError, match="agent static-tallest"):
        agent_for("static-tallest", plan, CONSOLE)


def test_an_episode_comes_to_scores_and_one_whose_pipeline_dies_to_an_error(config: CalibrateConfig):
    agent, twin = Script(SPEC, [(0, 0, 0)]), simulated_plan(config)
    assert set(figures_of(agent, World(3), twin, 0)) > set(SCORES)
    with pytest.raises(ClusterError, match="the producer is gone"):
        figures_of(agent, World(3, dies_at=2), twin, 0)


def test_a_block_is_met_half_way_between_the_references_around_it():
    assert speed_factors([10.0, 20.0, 30.0], 10.0) == pytest.approx([1.5, 2.5, 3.0])
