"""The real pipeline's simulated twin: same spec, same scenario; refused where there can be none."""

from dataclasses import replace

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from agents.oracle.agent import BestStatic
from agents.random import Random
from experiments.config.composing import register
from experiments.config.schemas import CONF, LiveSchema, RunConfig
from experiments.program.errors import ConfigError
from experiments.worlds.pipeline import PipelinePlan
from experiments.worlds.plan import SimulatorPlan, plan_run, show_world, simulated, twin_of
from pipeline.options import SourceKind


@pytest.fixture(scope="module")
def plan() -> PipelinePlan:
    """Emulated workers, one of which is lost."""
    register()
    overrides = ["hardware=rpi5", "scenario=worker_loss", "env.steps=30", "env.queue_bound_s=3"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_object(compose("config", overrides=overrides))
    assert isinstance(config, RunConfig)
    found = plan_run(config)
    assert isinstance(found, PipelinePlan)
    return found


def test_the_twin_is_of_the_same_spec_and_scenario(plan):
    twin = twin_of(plan)
    assert isinstance(twin, SimulatorPlan)
    assert twin.spec.hash == plan.spec.hash
    assert (twin.system.steps, twin.system.queue_bound_s, twin.system.decision_ms) == (30, 3.0, 0.0)
    assert twin.system.scenario == plan.scenario


def test_a_simulated_run_is_its_own_twin(plan):
    own = plan_run(replace(plan.config, env=simulated(plan.env)))
    assert twin_of(own) is own


def test_a_pipeline_that_runs_elsewhere_has_none(plan):
    env = replace(plan.env, control="tcp://127.0.0.1:1")
    elsewhere = replace(plan, env=env, config=replace(plan.config, env=env))
    with pytest.raises(ConfigError, match=r"env\.control: .* no simulated twin"):
        twin_of(elsewhere)


def test_a_live_source_has_none(plan):
    camera = LiveSchema(source=SourceKind.CAMERA, path="0", fps_levels=[], heights_px=[])
    live = replace(plan, config=replace(plan.config, video=camera))
    with pytest.raises(ConfigError, match="a live source cannot be simulated"):
        twin_of(live)


def test_only_those_who_look_ahead_are_shown_a_world(plan):
    said: list[str] = []
    show_world(Random(plan.spec), plan, said.append)
    assert said == []
    agent = BestStatic(plan.spec)
    show_world(agent, plan, said.append)
    assert said
    agent.reset(0)
