"""A run as a page for a browser: what it was, what it came to, its trace, its pictures and its video."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.display.summary_view import about, figures_of
from experiments.display.trace_view import blocks_of, rows_of
from experiments.program.files import write_whole
from experiments.program.style import rendered
from experiments.runs.record import CERTIFICATE, LOGS, NETWORK, PAGE, PICTURE, VIDEO, kept_files
from experiments.runs.summary import stream_time_s

TEMPLATE = Path(__file__).with_name("run.html.j2")
N_BLOCKS = 60  # of a line over time
PICTURES = {"Trace": PICTURE, "Beside its simulated twin": CERTIFICATE, "What the agent believes": NETWORK}


def write_page(
    directory: Path, title: str, summary: Mapping[str, Any], trace: pd.DataFrame, grades: Sequence[str]
) -> None:
    """Write `run.html` from what a run has left by now; it needs no other file but the video.

    Args:
        directory: of the run.
        title: one line.
        summary: complete.
        trace: one row per control interval, at least one.
        grades: of the detector, by their indexes.

    Raises:
        OSError: it cannot be written.
    """
    pictures = {name: directory / file for name, file in PICTURES.items() if (directory / file).exists()}
    files = [path.name for path in kept_files(directory) if path.name != PAGE]
    page = rendered(
        TEMPLATE,
        title=title,
        facts=about(summary),
        notes=[summary["error"]] if summary["error"] else [],
        video=VIDEO if VIDEO in files else "",
        figures=figures_of(summary),
        end_s=round(float(stream_time_s(trace)[-1])),
        rows=rows_of(trace, grades),
        blocks_of=blocks_of,
        n_blocks=N_BLOCKS,
        pictures={name: b64encode(path.read_bytes()).decode() for name, path in pictures.items()},
        files=[*files, f"{LOGS}/"],
    )
    write_whole(directory / PAGE, page)
