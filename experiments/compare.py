"""`python -m experiments.compare`: from logged runs to tables, figures and a page on how agents compare."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.composing import checked, register
from experiments.config.programs import CompareConfig
from experiments.config.schemas import CONF
from experiments.program.console import say
from experiments.program.entry import enter
from experiments.program.errors import ConfigError, quoted
from experiments.program.files import write_whole
from experiments.report.block import Evidence
from experiments.report.report import PAGE, write_report
from experiments.results.collection import Collection, collected, metadata_of
from experiments.results.run_row import from_folders, row_of
from experiments.runs.logged import called
from experiments.runs.provenance import command
from experiments.runs.record import CONFIG
from experiments.sweeps.logged_cells import episodes_of, measured, worlds_of
from experiments.tracking.reading import found_in_mlflow
from experiments.tracking.store import tracking_uri

TEXTS = ("where=", "mlflow=")  # what follows is a sentence, which Hydra would want to be quoted once more
BLOCKS = ("hardware", "scenario", "slo", "video", "env")
FIRST = "aif"  # the reference, unless told otherwise


def config_of(cfg: DictConfig) -> CompareConfig:
    """Return the configuration by its schema. Raises ConfigError: something in it is wrong."""
    config = checked(cfg, CompareConfig)
    if config.runs is None and config.mlflow is None:
        raise ConfigError("say which runs: runs=FOLDER or mlflow=SEARCH (more: --help)")
    if not all(isinstance(folder, str) for folder in config.folders):
        raise ConfigError(f"runs must be a folder or a list of folders, got {config.runs!r}")
    if config.blocks not in (None, *BLOCKS):
        raise ConfigError(f"blocks must be null or one of {', '.join(BLOCKS)}, got {config.blocks!r}")
    return config


def name_of(config: CompareConfig) -> str:
    """Return the comparison's, by its sources: "main", "main-20261126-011423", "mlflow"."""
    names = [called(Path(folder).resolve()) for folder in config.folders]
    return "+".join(dict.fromkeys(names if config.mlflow is None else [*names, "mlflow"]))


def reference_of(config: CompareConfig, collection: Collection) -> str:
    """Return whom everyone is compared with. Raises ConfigError: it is nobody."""
    agents = collection.agents
    for key, names in (("reference", [config.reference or agents[0]]), ("highlight", config.highlight)):
        if unknown := sorted(set(names) - set(agents)):
            raise ConfigError(f"{key}: there is no agent {', '.join(unknown)}; there are {', '.join(agents)}")
    return config.reference or (FIRST if FIRST in agents else agents[0])


def perform(cfg: DictConfig, console: Console | None = None) -> None:
    """Gather runs, choose and read them, play what scores are measured by, write the report."""
    config, console = config_of(cfg), console or Console()
    directory = Path(config.output or Path(config.results) / "comparisons" / name_of(config))
    with TemporaryDirectory(prefix="elasticbench-compare-") as scratch:
        rows, source_notes = from_folders(config.folders), list[str]()
        if config.mlflow is not None:
            uri = tracking_uri(Path(config.results))
            logged, source_notes = found_in_mlflow(config.mlflow, uri, Path(scratch))
            rows += [row_of(*one) for one in logged]
        collection = collected(rows, config.where)
        reference = reference_of(config, collection)
        worlds = worlds_of(collection.cells)
        episodes, doubts = episodes_of(collection.runs, worlds, config.blocks, config.live, console)
    found = measured(collection.cells, worlds, episodes, config, console)
    evidence = Evidence(
        title=name_of(config),
        episodes=episodes,
        references=found.references,
        lacks=found.lacks,
        reference=reference,
        highlight=config.highlight,
        notes=[*collection.notes, *source_notes, *found.notes, *doubts],
        facts=metadata_of(collection, command()),
    )
    if (directory / PAGE).is_file():
        say(console, "replaced   the report that was there; output=DIR keeps both")
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    page, *_ = write_report(directory, evidence, console)
    say(console, f"report     {page}")


def texts_quoted(words: Sequence[str]) -> list[str]:
    """Return a command line such that Hydra takes what follows TEXTS as it stands."""
    return [quoted(*word.split("=", 1)) if word.startswith(TEXTS) else word for word in words]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any process begins: each has one core
    enter("experiments.compare", CONF / "compare.yaml", perform, register, texts_quoted)
