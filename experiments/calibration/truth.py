"""Pictures whose objects are known: by a MOT file, by the traffic scene, or as the best grade has them."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.calibration.matching import Boxes
from pipeline.sources.base import Source, SourceFrame

LEAST_VISIBLE_SHARE = 0.25  # what is hidden more than that is neither asked for nor held against anyone
MOT_COLUMNS = ("frame", "id", "left", "top", "width", "height", "counts")  # and more, which are not read
NO_BOXES: Boxes = np.empty((0, 4))


@dataclass(frozen=True, slots=True)
class Picture:
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
    """Boxes, and which of them are ignored, by the video's frame index from 0 (in the file: from 1).

    Raises:
        OSError: it cannot be read.
        ValueError: it is something else.
    """
    try:
        rows = pd.read_csv(path, header=None, usecols=range(len(MOT_COLUMNS)), names=MOT_COLUMNS, dtype=float)
    except (ValueError, pd.errors.ParserError) as error:
        raise ValueError(f"{path}: expected MOT rows ({', '.join(MOT_COLUMNS)}, ...): {error}") from error
    if rows.empty or rows.isna().to_numpy().any():
        raise ValueError(f"{path}: expected MOT rows ({', '.join(MOT_COLUMNS)}, ...), got some with less")
    found = {}
    for number, of_frame in rows.groupby("frame"):
        left_top = of_frame[["left", "top"]].to_numpy()
        boxes = np.hstack([left_top, left_top + of_frame[["width", "height"]].to_numpy()])
        found[int(float(str(number))) - 1] = boxes, of_frame["counts"].to_numpy() == 0
    return found


def mot_pictures(source: Source, path: Path, n: int) -> list[Picture]:
    """Up to n pictures, evenly spaced over those that have truth.

    Raises:
        OSError, ValueError: as `read_mot`.
        SourceError: the video cannot be read.
    """
    truth = read_mot(path)
    wanted = set(spaced(sorted(truth), n))
    return [Picture(frame.image, *truth[frame.index]) for frame in frames_at(source, wanted)]


def traffic_pictures(source: Source, labels: Collection[str], n: int, every_s: float) -> list[Picture]:
    """n pictures of a scene that knows its truth, every_s apart."""
    wanted = {round(k * every_s * source.fps) for k in range(1, n + 1)}
    return [_with_own_truth(frame, labels) for frame in frames_at(source, wanted)]


def reference_pictures(
    source: Source, find: Callable[[NDArray[np.uint8]], Boxes], n: int, every_s: float
) -> list[Picture]:
    """n pictures, every_s apart, whose truth is what `find` sees."""
    wanted = {round(k * every_s * source.fps) for k in range(n)}
    pictures = []
    for frame in frames_at(source, wanted):
        boxes = find(frame.image)
        pictures.append(Picture(frame.image, boxes, np.zeros(len(boxes), dtype=bool)))
    return pictures


def frames_at(source: Source, indices: Collection[int]) -> Iterator[SourceFrame]:
    """The source's frames with these indices, as long as it has any."""
    for index in range(max(indices, default=-1) + 1):
        if source.peek() is None:
            return
        if index in indices:
            yield source.read()
        else:
            source.skip()


def spaced(values: Sequence[int], n: int) -> list[int]:
    """n of them, evenly spaced; all if there are no more."""
    if len(values) <= n:
        return list(values)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, n)]


def _with_own_truth(frame: SourceFrame, labels: Collection[str]) -> Picture:
    assert frame.truth is not None, "only sources that know the truth come here"
    objects = [box for box in frame.truth if box.label in labels]
    boxes = np.array([box.visible for box in objects], dtype=float) if objects else NO_BOXES
    hidden = np.array([box.visible_share < LEAST_VISIBLE_SHARE for box in objects], dtype=bool)
    return Picture(frame.image, boxes, hidden)
