"""Runs from where they were left: folders of runs, single runs, directories of sweeps."""

from collections.abc import Sequence
from pathlib import Path

from experiments.results.run_row import Candidate, candidate_of
from experiments.runs.logged import LoggedRun, runs_in


def from_folders(folders: Sequence[str]) -> list[Candidate]:
    """Every run of these folders, each once, however many of them have it.

    Raises:
        ConfigError: there is no such folder, it has no run, or a run cannot be read.
    """
    found: dict[Path, LoggedRun] = {}
    for folder in folders:
        for run in runs_in(Path(folder)):
            found.setdefault(run.directory.resolve(), run)
    return [candidate_of(run, shown(directory), directory.name) for directory, run in found.items()]


def shown(directory: Path) -> str:
    """Relative to where the user is, if it is below."""
    here = Path.cwd()
    return str(directory.relative_to(here) if directory.is_relative_to(here) else directory)
