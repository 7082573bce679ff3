"""Drawn worlds in the configuration, and as files."""

from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console

from envs.procedural.world import Split, world
from experiments.browse import main
from experiments.config.composing import composed, register
from experiments.config.programs import StudyConfig, WorldsSchema
from experiments.config.schemas import CONF
from experiments.execution.resolve import resolve
from experiments.program.errors import ConfigError
from experiments.sweeps.study import cells_of
from experiments.worlds.plan import SimulatorPlan

NUMBER = 3
PARTS = ("video", "hardware", "scenario", "slo")


@pytest.fixture(scope="module", autouse=True)
def hydra():
    """As inside a program."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def plan_of(*overrides: str) -> tuple[SimulatorPlan, dict[str, str], str]:
    """What is played, by which names, and how it is recorded."""
    cfg, choices = composed(["agent=rule", "env=simulator", *overrides])
    resolved = resolve(cfg, choices, Console(quiet=True))
    assert isinstance(resolved.plan, SimulatorPlan)
    return resolved.plan, dict(resolved.identity.choices), resolved.identity.config_yaml


def test_a_number_is_a_world_played_as_it_was_drawn():
    plan, choices, recorded = plan_of(f"world={NUMBER}")
    drawn = world(NUMBER)
    system = plan.system
    assert (system.hardware, system.scenario) == (drawn.hardware, drawn.scenario)
    assert (plan.spec.slos, system.ladders) == (drawn.slos, drawn.stream.ladders)
    assert system.memory_budget_mb == drawn.memory_budget_mb
    assert {choices[part] for part in PARTS} == {f"world_{NUMBER}"}
    assert yaml.safe_load(recorded)["world"] is None, "the record says what was played"


def test_a_world_is_described_and_drawn(tmp_path: Path, capsys):
    main(["world", str(NUMBER), "--picture", str(tmp_path / "world.png")])
    said = capsys.readouterr().out
    assert f"world {NUMBER}" in said and f"binds: {world(NUMBER).stratum}" in said
    assert (tmp_path / "world.png").stat().st_size > 10_000


def test_a_number_that_is_none_is_one_sentence():
    with pytest.raises(ConfigError, match=r"^world: there is no world 5000000: below"):
        plan_of("world=5000000")
    with pytest.raises(ConfigError, match="there is no world -1"):
        plan_of("world=-1")


def test_a_studys_worlds_are_cells_of_what_binds():
    found = OmegaConf.to_object(compose("study", overrides=["study=validation", "study.worlds.n=12"]))
    assert isinstance(found, StudyConfig) and found.study is not None
    assert found.study.worlds == WorldsSchema(Split.VALIDATION, 12)
    cells = cells_of(found.study, found.env)
    assert [cell.name for cell in cells] == [f"world_{1_000_000 + i}" for i in range(12)]
    assert all(cell.stratum == cell.block and cell.n_seeds == 1 for cell in cells)
    assert {cell.block for cell in cells} == {"compute", "link", "latency", "memory", "mixed"}
