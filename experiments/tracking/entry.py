"""`mlflow.json`: which run in MLflow a directory is, and whether all of it is there."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments.program.files import write_whole

ENTRY = "mlflow.json"
STAMP = re.compile(r"^\d{8}-\d{6}-")


@dataclass(frozen=True, slots=True)
class Entry:
    """A directory's run in MLflow.

    Attributes:
        uri: of the store.
        run_id: in it.
        status: how the run ended, in our words.
        complete: whether everything that the directory has is there too.
    """

    uri: str
    run_id: str
    status: str
    complete: bool

    def write(self, directory: Path) -> None:
        """Leave it in a directory: whole at every moment, and harmless where two do it at once."""
        write_whole(directory / ENTRY, json.dumps(asdict(self), indent=2) + "\n")


def read_entry(directory: Path) -> Entry | None:
    """Return what `mlflow.json` says; None = it was never there, or cannot be read."""
    try:
        found = json.loads((directory / ENTRY).read_text(encoding="utf-8"))
        return Entry(*(found[name] for name in Entry.__slots__))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def run_name(directory: Path) -> str:
    """Return what a run is called in MLflow: without the time, which would hide the rest in lists."""
    return STAMP.sub("", directory.name)
