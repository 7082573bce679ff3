"""Schema of `python -m experiments.compare`; values: conf/compare.yaml, conf/published/."""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from experiments.config import schemas
from experiments.results.published.schema import PUBLISHED, PublishedSchema


@dataclass
class CompareConfig:
    """A comparison: which logged runs, and what to make of them; `runs` is a folder, or a list of folders."""

    runs: Any = MISSING
    mlflow: str | None = MISSING
    experiment: str | None = MISSING
    published: PublishedSchema | None = None
    where: str = MISSING
    reference: str | None = MISSING
    highlight: list[str] = MISSING
    blocks: str | None = MISSING
    references: bool = MISSING
    processes: int | None = MISSING
    live: bool | None = MISSING
    results: str = MISSING
    output: str | None = MISSING


def register() -> None:
    """Make the schemas known to Hydra."""
    schemas.register()
    store = ConfigStore.instance()
    store.store(name="compare_schema", node=CompareConfig)
    for name, schema in PUBLISHED.items():
        store.store(group="schema/published", name=name, node=schema)
