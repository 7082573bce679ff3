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
        live: whether it was followed step by step, from its beginning.
    """

    uri: str
    run_id: str
    status: str
    complete: bool
    live: bool = False


def read_entry(directory: Path) -> Entry | None:
    """None = the directory was never in MLflow, or what says so cannot be read."""
    try:
        return Entry(**json.loads((directory / ENTRY).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def run_name(directory: Path) -> str:
    """What the directory's run is called in MLflow: without the time, which would hide the rest in lists."""
    return STAMP.sub("", directory.name)


def write_entry(directory: Path, entry: Entry) -> None:
    """Whole at every moment, and harmless where two do it at once."""
    write_whole(directory / ENTRY, json.dumps(asdict(entry), indent=2) + "\n")
