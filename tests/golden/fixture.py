"""The recorded figures: `figures.json`, to be read in a diff, and the traces, packed."""

import json
import lzma
from pathlib import Path

from tests.golden.figures import Figures

FOLDER = Path(__file__).parent
FIGURES, TRACES = "figures.json", "traces.json.xz"


def load(folder: Path = FOLDER) -> tuple[Figures, Figures]:
    """Return (all but traces, traces)."""
    packed = (folder / TRACES).read_bytes()
    return json.loads((folder / FIGURES).read_text(encoding="utf-8")), json.loads(lzma.decompress(packed))


def save(figures: Figures, traces: Figures, folder: Path = FOLDER) -> None:
    """Write them: a line per column, every digit."""
    things = [
        f"{json.dumps(title)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in columns.items())
        + "\n}"
        for title, columns in figures.items()
    ]
    (folder / FIGURES).write_text("{\n" + ",\n".join(things) + "\n}\n", encoding="utf-8")
    packed = lzma.compress(json.dumps(traces).encode(), preset=9 | lzma.PRESET_EXTREME)
    (folder / TRACES).write_bytes(packed)
