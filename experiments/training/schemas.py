"""Schema of `python -m experiments.train`; values are in conf/{train.yaml,training/,ranges/}."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from experiments.config import schemas
from experiments.config.schemas import PairsSchema, StreamConfig


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


def register() -> None:
    """Make the schemas known to Hydra."""
    schemas.register()
    store = ConfigStore.instance()
    store.store(name="train_schema", node=TrainConfig)
    store.store(group="schema/training", name="paired", node=PairedSchema)
    store.store(group="schema/training", name="drawn", node=DrawnSchema)
    store.store(group="schema/training", name="judging", node=JudgingSchema)
