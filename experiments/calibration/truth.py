"""Pictures whose objects are known: by a MOT file, by the traffic scene, or as the best grade has them."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.scoring.matching import Detections, Objects
from pipeline.scoring.truth import objects_of, read_mot
from pipeline.sources.base import Source, SourceFrame


@dataclass(frozen=True, slots=True)
class TruePicture:
    """A picture, uint8 BGR (height, width, 3), and what is in it."""

    image: NDArray[np.uint8]
    truth: Objects


def mot_pictures(source: Source, path: Path, label: str, n: int) -> list[TruePicture]:
    """Take up to n pictures, evenly spaced over those that have truth.

    Raises:
        OSError, ValueError: as `read_mot`.
        SourceError: the video cannot be read.
    """
    truth = read_mot(path, label)
    return [TruePicture(frame.image, truth[frame.index]) for frame in frames_at(source, spaced(truth, n))]


def traffic_pictures(source: Source, labels: Collection[str], n: int, every_s: float) -> list[TruePicture]:
    """Take n pictures of a scene that knows its truth, every_s apart."""
    pictures = []
    for frame in frames_at(source, {round(k * every_s * source.fps) for k in range(1, n + 1)}):
        assert frame.truth is not None, "only sources that know the truth come here"
        pictures.append(TruePicture(frame.image, objects_of(frame.truth, labels)))
    return pictures


def reference_pictures(
    source: Source, find: Callable[[NDArray[np.uint8]], Detections], n: int, every_s: float
) -> list[TruePicture]:
    """Take n pictures, every_s apart, whose truth is what `find` sees."""
    pictures = []
    for frame in frames_at(source, {round(k * every_s * source.fps) for k in range(n)}):
        found = find(frame.image)
        truth = Objects(found.boxes, found.labels, np.zeros(len(found.boxes), dtype=bool))
        pictures.append(TruePicture(frame.image, truth))
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
