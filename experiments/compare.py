"""`python -m experiments.compare`: from logged runs to tables, pictures and a page on how agents compare."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.schemas import CONF, check_keys
from experiments.program.entry import complaining, enter
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.report.report import Evidence, write_report
from experiments.results.collection import Collection, collected
from experiments.results.episodes import episodes_of, unbuilt_notes
from experiments.results.folders import from_folders
from experiments.results.metadata import head_of
from experiments.results.published_runs import from_published
from experiments.results.references import Played, measured, notes_of, play, stands_of
from experiments.results.run_row import Candidate
from experiments.results.schemas import CompareConfig, register
from experiments.results.store import from_mlflow
from experiments.runs.record import CONFIG
from experiments.tracking.store import tracking_uri

TEXTS = ("where", "mlflow")  # keys whose values are sentences, which Hydra would want to be quoted once more
BLOCKS = ("hardware", "scenario", "slo", "video", "env")
FIRST = "aif"  # the reference, unless told otherwise


def checked(cfg: DictConfig) -> CompareConfig:
    """The configuration. Raises ConfigError: something in it is wrong."""
    with blaming("configuration"):
        check_keys(cfg)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, CompareConfig)
    if config.runs is None and config.mlflow is None and config.published is None:
        raise ConfigError("say which runs: runs=FOLDER, mlflow=SEARCH or published=IMPORTER (more: --help)")
    if not (config.runs is None or all(isinstance(folder, str) for folder in folders_of(config))):
        raise ConfigError(f"runs must be a folder or a list of folders, got {config.runs!r}")
    if config.blocks not in (None, *BLOCKS):
        raise ConfigError(f"blocks must be null or one of {', '.join(BLOCKS)}, got {config.blocks!r}")
    if config.processes is not None and config.processes < 1:
        raise ConfigError(f"processes must be >= 1, got {config.processes}")
    return config


def folders_of(config: CompareConfig) -> list[str]:
    """With logged runs."""
    if config.runs is None:
        return []
    return config.runs if isinstance(config.runs, list) else [config.runs]


def gathered(config: CompareConfig, cfg: DictConfig, scratch: Path) -> tuple[list[Candidate], list[str]]:
    """The runs of all sources, and notes on what they did not give. Raises ConfigError."""
    candidates, notes = from_folders(folders_of(config)), []
    if config.mlflow is not None:
        uri = tracking_uri(Path(config.results))
        found, notes = from_mlflow(config.mlflow, uri, config.experiment, scratch)
        candidates += found
    if config.published is not None:
        candidates += from_published(cfg.published)
    return candidates, notes


def name_of(config: CompareConfig) -> str:
    """Of the comparison, by its sources: "main", "main-20261126-011423", "mlflow"."""
    parts = []
    for folder in map(Path, folders_of(config)):
        resolved = folder.resolve()
        is_sweep = resolved.parent.name == "sweeps"
        parts.append(f"{resolved.parent.parent.name}-{resolved.name}" if is_sweep else resolved.name)
    parts += ["mlflow"] if config.mlflow is not None else []
    parts += ["published"] if config.published is not None else []
    return "+".join(dict.fromkeys(parts))


def reference_of(config: CompareConfig, collection: Collection) -> str:
    """Whom everyone is compared with. Raises ConfigError: it is nobody."""
    entrants = collection.entrants
    for key, names in (("reference", [config.reference or entrants[0]]), ("highlight", config.highlight)):
        if unknown := sorted(set(names) - set(entrants)):
            raise ConfigError(
                f"{key}: there is no agent {', '.join(unknown)}; there are {', '.join(entrants)}"
            )
    return config.reference or (FIRST if FIRST in entrants else entrants[0])


def perform(cfg: DictConfig, command: str, console: Console) -> None:
    """Everything."""
    config = checked(cfg)
    name = name_of(config)
    directory = Path(config.output or Path(config.results) / "comparisons" / name)
    with TemporaryDirectory(prefix="elasticbench-compare-") as scratch:
        candidates, source_notes = gathered(config, cfg, Path(scratch))
        collection = collected(candidates, config.where)
        reference = reference_of(config, collection)
        episodes, unasked_notes = episodes_of(collection, config.blocks, config.live, console)
    root = Path(config.results).resolve() / "evaluation" / "episodes"
    stands = stands_of(collection.cells, episodes, config.references, config.results, root)
    failed = play(stands, Played(root, config.processes, config.live, console), directory / "logs")
    evidence = Evidence(
        title=name,
        episodes=episodes,
        yardsticks=measured(stands),
        reference=reference,
        highlight=config.highlight,
        notes=[
            *collection.notes,
            *source_notes,
            *notes_of(collection.cells, stands, failed),
            *unbuilt_notes(collection.cells),
            *unasked_notes,
        ],
        facts=head_of(collection, command),
    )
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    page, *_ = write_report(directory, evidence, console)
    console.print(f"report     {page}", markup=False, highlight=False, soft_wrap=True)


def texts_quoted(arguments: Sequence[str]) -> list[str]:
    """A command line's words, such that Hydra takes a value of TEXTS as it stands.

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


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="compare")
def main(cfg: DictConfig) -> None:
    """Compare; what goes wrong ends the program here, for Hydra would print it too."""
    with complaining("experiments.compare", ()):
        perform(cfg, COMMAND, Console())


COMMAND = shlex.join(["python", "-m", "experiments.compare", *sys.argv[1:]])  # as the user gave it

if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any process begins: each has one core
    sys.argv[1:] = texts_quoted(sys.argv[1:])
    enter("experiments.compare", main, register, ())
