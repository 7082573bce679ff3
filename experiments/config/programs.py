"""Schemas of the programs: what each asks for; values are in conf/PROGRAM.yaml."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from envs.procedural.world import Split
from experiments.config.schemas import (
    DetectorSchema,
    EnvSchema,
    HardwareSchema,
    RunConfig,
    ScenarioSchema,
    StreamConfig,
)
from pipeline.messages import Binding, HandOut


@dataclass
class PairsSchema:
    """Every hardware of a list with every scenario of another, by the names of their files."""

    hardware: list[str] = MISSING
    scenarios: list[str] = MISSING


# --- calibrate ---


@dataclass
class GridSchema:
    """What is measured of each grade and frame size, and for how long."""

    seconds: float = MISSING
    frames: int = MISSING
    probe_s: float = MISSING
    settle_s: float = MISSING
    busy: float = MISSING
    saturated_s: float = MISSING


@dataclass
class ScenesSchema:
    """What is looked at to measure accuracy."""

    n: int = MISSING
    seconds: float = MISSING
    every: int = MISSING


@dataclass
class CalibrateConfig(StreamConfig):
    """A calibration: the groups of a run but its agent, and what is peculiar to it."""

    name: str = MISSING
    seed: int = MISSING
    hardware: HardwareSchema = MISSING
    scenario: ScenarioSchema = MISSING
    what: str = MISSING
    profile: str | None = MISSING
    grid: GridSchema = MISSING
    scenes: ScenesSchema = MISSING


# --- train ---


@dataclass
class JudgingSchema:
    """How what was learned is judged, in any world."""

    held_out_episodes: int = MISSING
    evaluation_seeds: int = MISSING
    rivals: list[str] = MISSING


@dataclass
class DrawnSchema(JudgingSchema):
    """In drawn worlds: the number of the first, and how many; the held-out ones follow them."""

    first: int = MISSING
    worlds: int = MISSING
    evaluation_worlds: int = MISSING


@dataclass
class PairedSchema(JudgingSchema):
    """In named worlds: what is randomised in training, and what is kept from it."""

    pairs: PairsSchema = MISSING
    variants: int = MISSING
    lowest_capacity: float = MISSING
    evaluation: PairsSchema = MISSING


@dataclass
class RangeSchema:
    """Of what one figure is drawn; evenly in its logarithm if `log`, else evenly."""

    low: float = MISSING
    high: float = MISSING
    log: bool = False
    integer: bool = False


@dataclass
class TrainConfig(StreamConfig):
    """A training: who learns, on what, judged by what; hardware and scenarios are `training`'s.

    Of an agent that does not learn, figures are searched: of what they are drawn, and how many are tried.
    """

    name: str = MISSING
    seed: int = MISSING
    agent: Any = MISSING  # as in `RunConfig`
    training: JudgingSchema = MISSING
    ranges: dict[str, RangeSchema] = field(default_factory=dict)
    trials: int = MISSING
    episodes: int = MISSING
    processes: int | None = MISSING


# --- study and rank ---


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
class RosterConfig:
    """How agents play in many cells, and what that shares with runs and trainings."""

    live: bool | None = MISSING
    results: str = MISSING
    processes: int | None = MISSING
    detector: DetectorSchema = MISSING
    env: EnvSchema = MISSING
    trained_on: str | None = MISSING


@dataclass
class StudyConfig(RosterConfig):
    """A study."""

    study: StudySchema | None = None


@dataclass
class RankConfig(RosterConfig):
    """Who is placed on the published leaderboard; `publish`: the folder that this is made of instead."""

    name: str = MISSING
    worlds: int | None = MISSING
    publish: str = MISSING
    agent: Any = MISSING


# --- compare ---


@dataclass
class CompareConfig:
    """A comparison: which logged runs, and what to make of them; `runs` is a folder, or a list of folders."""

    runs: Any = MISSING
    mlflow: str | None = MISSING
    where: str = MISSING
    reference: str | None = MISSING
    highlight: list[str] = MISSING
    blocks: str | None = MISSING
    references: bool = MISSING
    processes: int | None = MISSING
    live: bool | None = MISSING
    results: str = MISSING
    output: str | None = MISSING

    @property
    def folders(self) -> list[str]:
        """With logged runs."""
        return self.runs if isinstance(self.runs, list) else [] if self.runs is None else [self.runs]


# --- forecast ---


@dataclass
class ForecastsConfig(StreamConfig):
    """Who is asked, where, when and of what; `agents` are names of files in conf/agent."""

    agents: list[str] = MISSING
    worlds: PairsSchema = MISSING
    seeds: int = MISSING
    moments: list[int] = MISSING
    settings: int = MISSING
    clones: int = MISSING
    held: int = MISSING
    bins: int = MISSING


PROGRAMS = {
    "calibrate": CalibrateConfig,
    "compare": CompareConfig,
    "forecasts": ForecastsConfig,
    "rank": RankConfig,
    "run": RunConfig,
    "study": StudyConfig,
    "train": TrainConfig,
}
GROUPS = {
    "study": {"study": StudySchema},
    "training": {"paired": PairedSchema, "drawn": DrawnSchema, "judging": JudgingSchema},
}
