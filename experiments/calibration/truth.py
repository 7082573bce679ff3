"""Pictures whose objects are known: by a MOT file, by the traffic scene, or as the best grade has them."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.sources.base import Source, SourceFrame

LEAST_VISIBLE_SHARE = 0.25  # what is hidden more than that is neither asked for nor held against anyone
MOT_COLUMNS = ("frame", "id", "left", "top", "width", "height", "counts")  # and more, which are not read

Boxes = NDArray[np.float64]  # (n, 4): x1, y1, x2, y2


@dataclass(frozen=True, slots=True)
class TruePicture:
    """A picture with its truth.

    Attributes:
        image: uint8 BGR, (height, width, 3).
        boxes: (n, 4) x1, y1, x2, y2 in px of this picture.
        ignored: (n,) True where finding it is neither right nor wrong.
    """

    image: NDArray[np.uint8]
    boxes: Boxes
    ignored: NDArray[np.bool_]


def read_mot(path: Path) -> dict[int, tuple[Boxes, NDArray[np.bool_]]]:
    """Read boxes, and which of them are ignored, by the video's frame index from 0 (in the file: from 1).

    Raises:
        OSError: it cannot be read.
        ValueError: it is something else.
    """
    expected = f"{path}: expected MOT rows ({', '.join(MOT_COLUMNS)}, ...)"
    try:
        rows = pd.read_csv(path, header=None, usecols=range(len(MOT_COLUMNS)), names=MOT_COLUMNS, dtype=float)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"{expected}: {error}") from error
    if rows.empty or rows.isna().to_numpy().any():
        raise ValueError(f"{expected}, got some with less")
    rows["right"], rows["bottom"] = rows["left"] + rows["width"], rows["top"] + rows["height"]
    rows["frame"] = rows["frame"].astype(int) - 1
    return {
        int(str(index)): (
            found[["left", "top", "right", "bottom"]].to_numpy(),
            found["counts"].to_numpy() == 0,
        )
        for index, found in rows.groupby("frame")
    }


def mot_pictures(source: Source, path: Path, n: int) -> list[TruePicture]:
    """Take up to n pictures, evenly spaced over those that have truth.

    Raises:
        OSError, ValueError: as `read_mot`.
        SourceError: the video cannot be read.
    """
    truth = read_mot(path)
    return [TruePicture(frame.image, *truth[frame.index]) for frame in frames_at(source, spaced(truth, n))]


def traffic_pictures(source: Source, labels: Collection[str], n: int, every_s: float) -> list[TruePicture]:
    """Take n pictures of a scene that knows its truth, every_s apart."""
    pictures = []
    for frame in frames_at(source, {round(k * every_s * source.fps) for k in range(1, n + 1)}):
        assert frame.truth is not None, "only sources that know the truth come here"
        objects = [box for box in frame.truth if box.label in labels]
        boxes = np.array([box.visible for box in objects], dtype=float).reshape(-1, 4)
        hidden = np.array([box.visible_share < LEAST_VISIBLE_SHARE for box in objects], dtype=bool)
        pictures.append(TruePicture(frame.image, boxes, hidden))
    return pictures


def reference_pictures(
    source: Source, find: Callable[[NDArray[np.uint8]], Boxes], n: int, every_s: float
) -> list[TruePicture]:
    """Take n pictures, every_s apart, whose truth is what `find` sees."""
    pictures = []
    for frame in frames_at(source, {round(k * every_s * source.fps) for k in range(n)}):
        boxes = find(frame.image)
        pictures.append(TruePicture(frame.image, boxes, np.zeros(len(boxes), dtype=bool)))
    return pictures


def frames_at(source: Source, indices: Collection[int]) -> Iterator[SourceFrame]:
    """Yield the source's frames with these indices, as long as it has any."""
    for index in range(max(indices, default=-1) + 1):
        if source.peek() is None:
            return
        if index in indices:
            yield source.read()
        else:
            source.skip()


def spaced(values: Collection[int], n: int) -> list[int]:
    """Choose n of them in ascending order, evenly spaced; all if there are no more."""
    places = np.linspace(0, len(values) - 1, n).round().astype(int)
    return np.sort(list(values))[np.unique(places)].tolist()
