"""Schemas of `python -m experiments.compare`; values: conf/compare.yaml, conf/published/."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import MISSING, DictConfig, OmegaConf

from experiments.config import schemas
from experiments.program.errors import ConfigError, blaming

TEXTS = ("where", "mlflow")  # keys whose values are sentences, which Hydra would want to be quoted once more
BLOCKS = ("hardware", "scenario", "slo", "video", "env")


@dataclass
class PublishedSchema:
    """What every importer of others' logs has: which it is, and where they are."""

    _target_: str = MISSING
    path: str = MISSING


@dataclass
class ThesisCsvSchema(PublishedSchema):
    """See `experiments.results.published.thesis.ThesisCsv`."""

    agents: dict[str, str] = MISSING
    cells: dict[str, list[str]] = MISSING


PUBLISHED: Mapping[str, type[PublishedSchema]] = {"thesis": ThesisCsvSchema}


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

    @property
    def folders(self) -> list[str]:
        """With logged runs."""
        return self.runs if isinstance(self.runs, list) else [] if self.runs is None else [self.runs]


def register() -> None:
    """Make the schemas known to Hydra."""
    schemas.register()
    store = ConfigStore.instance()
    store.store(name="compare_schema", node=CompareConfig)
    for name, schema in PUBLISHED.items():
        store.store(group="schema/published", name=name, node=schema)


def checked(cfg: DictConfig) -> CompareConfig:
    """Return the configuration by its schema. Raises ConfigError: something in it is wrong."""
    with blaming("configuration"):
        schemas.check_keys(cfg)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, CompareConfig)
    if config.runs is None and config.mlflow is None and config.published is None:
        raise ConfigError("say which runs: runs=FOLDER, mlflow=SEARCH or published=IMPORTER (more: --help)")
    if not all(isinstance(folder, str) for folder in config.folders):
        raise ConfigError(f"runs must be a folder or a list of folders, got {config.runs!r}")
    if config.blocks not in (None, *BLOCKS):
        raise ConfigError(f"blocks must be null or one of {', '.join(BLOCKS)}, got {config.blocks!r}")
    if config.processes is not None and config.processes < 1:
        raise ConfigError(f"processes must be >= 1, got {config.processes}")
    return config


def texts_quoted(arguments: Sequence[str]) -> list[str]:
    """Return a command line's overrides, such that Hydra takes a value of TEXTS as it stands.

    What Hydra can read is left alone, so that quotes of its own are not doubled.
    """
    parser = OverridesParser.create()
    found = []
    for argument in arguments:
        key, is_given, value = argument.partition("=")
        if is_given and key in TEXTS:
            try:
                parser.parse_override(argument)
            except HydraException:
                escaped = value.replace("\\", "\\\\").replace('"', '\\"')
                argument = f'{key}="{escaped}"'
        found.append(argument)
    return found
