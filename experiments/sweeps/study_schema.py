"""Schema of `python -m experiments.study`; values are in conf/study.yaml and conf/{study,roster,cells}/."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from envs.procedural.world import Split
from experiments.config import schemas
from experiments.config.schemas import DetectorSchema
from experiments.config.world_schemas import EnvSchema
from pipeline.messages import Binding, HandOut


@dataclass
class VariantSchema:
    """An agent of conf/agent, with some of its values changed; `agent` "" = as the variant is called."""

    agent: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)


@dataclass
class CellsSchema:
    """Every hardware with every scenario under every set of SLOs, by the names of their files.

    `qoe`: of conf/qoe; None = the run's default.
    `binding`: of settings to frames; `hand_out`: of frames to workers; None = the environment's.
    """

    hardware: list[str] = MISSING
    scenarios: list[str] = MISSING
    slos: list[str] = MISSING
    qoe: str | None = None
    video: str = MISSING
    steps: int = MISSING
    control_interval_s: float = MISSING
    seeds: int = MISSING
    binding: Binding | None = None
    hand_out: HandOut | None = None


@dataclass
class WorldsSchema:
    """Drawn worlds, each played once: so many of those for this use (see `envs.procedural.world`)."""

    split: Split = MISSING
    n: int = MISSING


@dataclass
class StudySchema:
    """Who is compared, and where; agents are as VariantSchema says, which Hydra could not add to."""

    agents: dict[str, Any] = MISSING
    cells: dict[str, CellsSchema] = field(default_factory=dict)
    worlds: WorldsSchema | None = None
    reference: str = MISSING
    highlight: list[str] = MISSING


@dataclass
class StudyConfig:
    """A study, and what it shares with runs and trainings."""

    live: bool | None = MISSING
    results: str = MISSING
    processes: int | None = MISSING
    detector: DetectorSchema = MISSING
    env: EnvSchema = MISSING
    trained_on: str | None = MISSING
    study: StudySchema | None = None


@dataclass
class RankConfig:
    """Who is placed on the published leaderboard; `publish`: the folder that this is made of instead."""

    name: str = MISSING
    worlds: int | None = MISSING
    trained_on: str = MISSING
    live: bool | None = MISSING
    results: str = MISSING
    processes: int | None = MISSING
    publish: str = MISSING
    agent: Any = MISSING
    detector: DetectorSchema = MISSING
    env: EnvSchema = MISSING


def register() -> None:
    """Make the schemas known to Hydra."""
    schemas.register()
    store = ConfigStore.instance()
    store.store(name="study_schema", node=StudyConfig)
    store.store(name="rank_schema", node=RankConfig)
    store.store(group="schema/study", name="study", node=StudySchema)
