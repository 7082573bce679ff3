"""Cells, agents and the runs that follow from them; what cannot be compared is refused."""

from functools import cache

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from experiments.config.composing import composed, register
from experiments.config.programs import StudyConfig, StudySchema
from experiments.config.schemas import CONF, PipelineSchema, SimulatorSchema
from experiments.execution.resolve import resolve
from experiments.program.errors import ConfigError
from experiments.sweeps.pool import jobs_of
from experiments.sweeps.study import Study, cells_of, study_of, variants_of

STUDIES = sorted(path.stem for path in (CONF / "study").glob("*.yaml"))


@pytest.fixture(scope="module", autouse=True)
def hydra():
    """As inside a program."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def config(*overrides: str) -> StudyConfig:
    """Of the quick study, changed."""
    found = OmegaConf.to_object(compose("study", overrides=["study=quick", *overrides]))
    assert isinstance(found, StudyConfig)
    return found


def schema_of(name: str) -> StudySchema:
    """Of another."""
    found = OmegaConf.to_object(compose("study", overrides=[f"study={name}"]).study)
    assert isinstance(found, StudySchema)
    return found


@cache
def study(*overrides: str) -> Study:
    """All its runs."""
    values = config(*overrides)
    assert values.study is not None
    variants = variants_of(values.study, values.results)
    return study_of(values, cells_of(values.study, values.env), variants, Console(quiet=True))


def hashes(found: Study, agent: str) -> set[str]:
    return {run.hash for run in found.runs if run.agent == agent}


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_what_it_names(name):
    schema = schema_of(name)
    variants = variants_of(schema, "results")
    assert set(schema.highlight) <= set(variants) and len(schema.highlight) <= 7
    for cells in schema.cells.values():
        named = {"hardware": cells.hardware, "scenario": cells.scenarios, "slo": cells.slos}
        assert cells.seeds >= 1 and all(named.values())
        for group, options in (named | {"video": [cells.video]}).items():
            assert all((CONF / group / f"{option}.yaml").is_file() for option in options)


def test_a_run_is_the_one_that_the_same_words_make():
    words = ("agent=rule", "env=simulator", "hardware=rpi5", "scenario=load_burst", "env.steps=30", "seed=1")
    words += ("output.video=false", "video=traffic")
    alone = resolve(*composed(words), Console(quiet=True)).identity
    (own,) = [run.resolved.identity for run in study().runs if (run.agent, run.seed) == ("rule", 1)]
    assert own.run_hash == alone.run_hash


def test_a_run_of_a_second_agent_is_recorded_as_if_it_alone_had_been_composed():
    def identity(*first: str):
        run = next(run for run in study(*first).runs if run.agent == "rule")
        return run.resolved.identity, run.resolved.plan.config

    assert identity() == identity("~study.agents.static-lowest", "~study.agents.static-highest")


def test_random_and_oracle_play_in_the_simulator_even_if_they_are_not_in_the_roster():
    found = study("~study.agents.oracle", "study.highlight=[rule]")
    names = [(run.agent, run.seed) for run in found.references]
    assert names == [("oracle", 0), ("oracle", 1), *(("random", seed) for seed in range(20))]
    assert "oracle" not in {run.agent for run in found.runs}


def test_a_run_that_two_ask_for_is_played_once():
    assert len([run for run in study().simulated if run.agent == "oracle"]) == 2


def test_the_real_pipeline_plays_the_roster_and_the_simulator_all_that_it_is_measured_by():
    found = study("env=pipeline")
    assert {run.agent for run in found.real} == {run.agent for run in found.runs}
    assert all(isinstance(run.resolved.plan.config.env, PipelineSchema) for run in found.real)
    assert all(isinstance(run.resolved.plan.config.env, SimulatorSchema) for run in found.simulated)
    assert {run.agent for run in found.simulated} == {"random", "oracle", *(run.agent for run in found.runs)}
    assert {run.hash for run in found.simulated} == {run.hash for run in study().simulated}


@pytest.mark.parametrize(
    "change",
    [
        "study.cells.quick.steps=31",
        "study.cells.quick.control_interval_s=0.5",
        "env.queue_bound_s=3",
        "study.agents.static-lowest.overrides.levels=[0,0,1]",
    ],
)
def test_another_world_or_agent_is_another_run(change):
    assert not hashes(study(), "static-lowest") & hashes(study(change), "static-lowest")


def test_other_agents_change_nothing_in_an_agents_runs():
    assert hashes(study(), "rule") == hashes(study("~study.agents.static-lowest"), "rule")


def test_an_agent_plays_all_of_its_runs_in_one_job_and_those_that_look_ahead_come_first():
    jobs = jobs_of(study("study.cells.quick.scenarios=[steady,load_burst]").simulated)
    names = [sorted({run.agent for run in job}) for job in jobs]
    n_ahead = names.count(["oracle"])
    assert n_ahead >= 2 and names[:n_ahead] == [["oracle"]] * n_ahead  # in parts, for all processes
    assert names[n_ahead:] == [["random"], ["rule"], ["static-highest"], ["static-lowest"]]


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["+study.agents.ghost={}"], "agents.ghost: there is no conf/agent/ghost.yaml"),
        (["+study.agents.odd={agent: rule, overrides: {okks: 2}}"], "agents.odd: .*okks"),
        (["+study.agents.random={overrides: {_target_: x.Y}}"], "agents.random is what scores"),
        (["+study.agents.odd={agnt: rule}"], "agents.odd: .*agnt"),
        (["study.reference=ghost"], "reference must be one of the agents"),
        (["study.cells.quick.seeds=0"], "cells.quick: expected seeds >= 1"),
        (["study.cells.quick.hardware=[]"], "cells.quick: expected seeds >= 1 and some hardware"),
        (["study.cells.quick.hardware=[rpi5,rpi5]"], "there is a cell rpi5/load_burst already"),
        (["study.cells.quick.slos=[thesis,default]", "study.cells.quick.steps=0"], "steps must be"),
        (["env=replay", "env.path=x.csv"], "env must be simulator or pipeline"),
        (["env=pipeline", "env.control=tcp://127.0.0.1:1"], "env.control"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(overrides, complaint):
    with pytest.raises(ConfigError, match=complaint):
        study(*overrides)
