"""Cells, entrants and the episodes that follow from them; what cannot be compared is refused."""

from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from experiments.config.schemas import CONF
from experiments.config.world_schemas import PipelineSchema, SimulatorSchema
from experiments.program.errors import ConfigError
from experiments.studies.cells import cells_of, check_block
from experiments.studies.entrants import Entrant, entrants_of
from experiments.studies.plan import Campaign, campaign_of, missing, with_references
from experiments.studies.pool import jobs_of
from experiments.studies.schema import EvaluateConfig, register

EVALUATIONS = sorted(path.stem for path in (CONF / "evaluation").glob("*.yaml"))


@pytest.fixture(scope="module", autouse=True)
def hydra():
    """As inside a program."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def config(*overrides: str) -> EvaluateConfig:
    """Of the quick evaluation, changed."""
    found = OmegaConf.to_object(compose("evaluate", overrides=["evaluation=quick", *overrides]))
    assert isinstance(found, EvaluateConfig)
    return found


@cache
def campaign(*overrides: str) -> Campaign:
    """All its episodes."""
    values = config(*overrides)
    entrants = {
        entrant.name: entrant for entrant in entrants_of(with_references(values.evaluation), values.results)
    }
    cells = cells_of(values)
    by_spec = {name: {cells[0].spec.hash: entrant} for name, entrant in entrants.items()}
    return campaign_of(Path("episodes"), cells, by_spec, list(values.evaluation.agents))


@pytest.mark.parametrize("name", EVALUATIONS)
def test_every_evaluation_has_what_it_names(name):
    values = compose("evaluate", overrides=[f"evaluation={name}"]).evaluation
    roster = with_references(values)
    assert set(values.highlight) <= set(roster) and len(values.highlight) <= 7
    for block in values.cells.values():
        check_block(name, block)
        named = {"hardware": block.hardware, "scenario": block.scenarios, "slo": block.slos}
        for group, options in (named | {"video": [block.video]}).items():
            assert all((CONF / group / f"{option}.yaml").is_file() for option in options)
    assert all((CONF / "agent" / f"{entry.agent or name}.yaml").is_file() for name, entry in roster.items())


def test_variants_change_values_that_their_agents_have():
    roster = with_references(compose("evaluate", overrides=["evaluation=ablations"]).evaluation)
    assert len(entrants_of(roster, "results")) == len(roster)


def test_what_is_held_out_is_what_the_training_keeps():
    values = compose("evaluate", overrides=["evaluation=held_out"])
    block = values.evaluation.cells.held_out
    kept = values.training.evaluation
    assert (block.hardware, block.scenarios) == (kept.hardware, kept.scenarios)


def test_random_and_oracle_play_in_the_simulator_even_if_they_are_not_in_the_roster():
    found = campaign("~evaluation.agents.oracle", "evaluation.highlight=[rule]")
    names = [(task.entrant.name, task.seed) for task in found.references]
    assert names == [("oracle", 0), ("oracle", 1), *(("random", seed) for seed in range(20))]
    assert "oracle" not in {task.entrant.name for task in found.tasks}


def test_an_episode_that_two_ask_for_is_played_once():
    found = campaign()
    assert len([task for task in found.simulated if task.entrant.name == "oracle"]) == 2


def test_the_real_pipeline_plays_the_roster_and_the_simulator_all_that_it_is_measured_by():
    found = campaign("env=pipeline")
    assert {task.entrant.name for task in found.real} == set(found.roster)
    assert all(isinstance(task.cell.config.env, PipelineSchema) for task in found.real)
    assert all(isinstance(task.cell.config.env, SimulatorSchema) for task in found.simulated)
    assert {task.entrant.name for task in found.simulated} == {*found.roster, "random", "oracle"}
    twin = {task.path for task in campaign().simulated}
    assert {task.path for task in found.simulated} == twin


@pytest.mark.parametrize(
    "change",
    [
        "evaluation.cells.quick.steps=31",
        "evaluation.cells.quick.control_interval_s=0.5",
        "env.queue_bound_s=3",
        "evaluation.agents.static-lowest.overrides.levels=[0,0,1]",
    ],
)
def test_a_file_is_of_exactly_one_episode(change):
    before = {task.path for task in campaign().tasks if task.entrant.name == "static-lowest"}
    after = {task.path for task in campaign(change).tasks if task.entrant.name == "static-lowest"}
    assert not before & after


def test_other_agents_change_nothing_in_an_agents_file():
    before = {task.path for task in campaign().tasks if task.entrant.name == "rule"}
    after = {task.path for task in campaign("~evaluation.agents.static-lowest").tasks}
    assert before <= after


def test_missing_is_what_has_no_file(tmp_path):
    tasks = campaign().tasks
    assert missing(tasks) == list(tasks)


def test_an_agent_plays_all_of_its_episodes_in_one_job_and_those_that_look_ahead_come_first():
    jobs = jobs_of(campaign("evaluation.cells.quick.scenarios=[steady,load_burst]").simulated)
    names = [sorted({task.entrant.name for task in job.tasks}) for job in jobs]
    assert names[:2] == [["oracle"], ["oracle"]]  # a job per cell: they compile nothing
    assert names[2:] == [["random"], ["rule"], ["static-highest"], ["static-lowest"]]


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["+evaluation.agents.ghost={}"], "agents.ghost: there is no conf/agent/ghost.yaml"),
        (["+evaluation.agents.odd={agent: rule, overrides: {okks: 2}}"], "agents.odd: .*okks"),
        (["+evaluation.agents.random={overrides: {_target_: x.Y}}"], "agents.random is what scores"),
        (["+evaluation.agents.odd={agnt: rule}"], "agents.odd: .*agnt"),
        (["evaluation.reference=ghost"], "reference must be one of the agents"),
        (["evaluation.cells.quick.seeds=0"], "cells.quick: expected seeds >= 1"),
        (["evaluation.cells.quick.hardware=[]"], "cells.quick: expected seeds >= 1 and some hardware"),
        (["evaluation.cells.quick.hardware=[rpi5,rpi5]"], "there is a cell rpi5/load_burst already"),
        (["evaluation.cells.quick.slos=[thesis,default]", "evaluation.cells.quick.steps=0"], "steps must be"),
        (["env=replay", "env.path=x.csv"], "env must be simulator or pipeline"),
        (["env=pipeline", "env.control=tcp://127.0.0.1:1"], "env.control"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(overrides, complaint):
    with pytest.raises(ConfigError, match=complaint):
        campaign(*overrides)


def test_an_entrant_is_known_by_values_and_checkpoint(tmp_path):
    checkpoint = tmp_path / "c.npz"
    values = OmegaConf.create({"_target_": "agents.rule.Rule", "oks": 3, "checkpoint": str(checkpoint)})
    found = []
    for content in (b"one", b"two"):
        checkpoint.write_bytes(content)
        found.append(Entrant("x", "rule", values).identity)
    assert found[0] != found[1]
    assert Entrant("y", "rule", values).identity == found[1]
