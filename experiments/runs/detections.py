"""What was found in a run, as its file of detections has it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.collector.detections import AXIS_ALIGNED, ROTATED

TABLE, LINES = "detections.parquet", "detections.jsonl"


def detections_in(directory: Path) -> pd.DataFrame | None:
    """Read the first stream's rows of the first episode; None = there are none.

    Columns as `pipeline.collector.detections.SCHEMA` has them; a frame without boxes has a row without class.
    """
    if (directory / TABLE).exists():
        rows = pd.read_parquet(directory / TABLE)
    elif (directory / LINES).exists():
        rows = pd.DataFrame(list(_rows_of(directory / LINES)))
    else:
        return None
    if rows.empty:
        return None
    missing = [name for name in ("class_id", "confidence", *AXIS_ALIGNED, *ROTATED) if name not in rows]
    rows[missing] = np.nan
    is_shown = (rows["stream"] == 0) & (rows["episode"] == rows["episode"].iloc[0])
    return rows.loc[is_shown]


def _rows_of(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):  # a killed run may leave half a line
                frame = json.loads(line)
                boxes = frame.pop("detections")
                yield from ({**frame, **box} for box in boxes or [{}])
