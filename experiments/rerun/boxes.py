"""Boxes of the file of detections, in the pixels of the pictures that they are shown on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rerun as rr

from experiments.rerun.entities import BOXES
from pipeline.collector.class_names import COCO, DOTA
from pipeline.collector.detections import AXIS_ALIGNED, ROTATED
from pipeline.collector.drawing import box_corners, class_color

TABLE, LINES = "detections.parquet", "detections.jsonl"
LINE = rr.Radius.ui_points(1.0)


def detections_in(directory: Path) -> pd.DataFrame | None:
    """The first stream's rows of the first episode, for the video is of those; None = there are none.

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


class Boxes:
    """The boxes of each frame, by its time.

    Args:
        rows: see `detections_in`, at least one.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self._frames = [frame for _, frame in rows.groupby("captured_s")]
        self._times_s = np.array([frame["captured_s"].iloc[0] for frame in self._frames])
        self._are_rotated = bool(rows["cx"].notna().any())

    def begin(self, recording: rr.RecordingStream) -> None:
        """Say what the classes are called, and how they are drawn in the video."""
        names = DOTA if self._are_rotated else COCO
        classes = [(number, name, class_color(number)[::-1]) for number, name in enumerate(names)]
        recording.log(BOXES, rr.AnnotationContext(classes), static=True)

    def write(self, recording: rr.RecordingStream, time_s: float, size_px: tuple[int, int]) -> None:
        """At the recording's time: those of the latest frame that was captured by `time_s`.

        Args:
            recording: takes them.
            time_s: since the first frame.
            size_px: width and height of the picture that they are for.
        """
        frame = self._frames[max(int(np.searchsorted(self._times_s, time_s, side="right")) - 1, 0)]
        scale = np.array(size_px) / frame[["width", "height"]].iloc[0].to_numpy(dtype=float)
        places = [*(ROTATED if self._are_rotated else AXIS_ALIGNED), "confidence", "class_id"]
        found = np.asarray(frame.loc[frame["class_id"].notna(), places], dtype=np.float32)
        corners = box_corners(found) * scale.astype(np.float32)
        look = {
            "class_ids": found[:, -1].astype(int),
            "radii": LINE,
            "show_labels": False,
        }  # the video has them
        if self._are_rotated:
            recording.log(BOXES, rr.LineStrips2D(np.concatenate([corners, corners[:, :1]], axis=1), **look))
        else:
            recording.log(BOXES, rr.Boxes2D(mins=corners[:, 0], sizes=corners[:, 2] - corners[:, 0], **look))
