"""What a detector finds in scenes whose truth is known, by size of the frame and age of what is shown."""

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.class_names import class_ids
from pipeline.findings import Matches
from pipeline.messages import Truth
from pipeline.options import ProducerOptions, SourceKind
from pipeline.producer.scaling import scaled
from pipeline.scoring.matching import Objects, detections_of, tally
from pipeline.scoring.truth import open_truth, read_mot, truth_of
from pipeline.sources.base import frames_at
from pipeline.sources.opening import open_source

AGES = (0, 1, 2, 3, 5, 10, 20, 30, 60)  # of what is shown, in frames of the source
ABOUT = ["scene", "grade", "height_px", "age"]
COUNTS = ["pictures", "matched", "found", "present"]

Detect = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


class Scene(NamedTuple):
    """Pictures to be looked at.

    Attributes:
        name: for people.
        producer: what plays it.
        truth: by index in the source, of those pictures too that what was found is held against later.
        indices: of the pictures to look at, ascending.
    """

    name: str
    producer: ProducerOptions
    truth: dict[int, Objects]
    indices: Sequence[int]


def scenes_of(
    producer: ProducerOptions, source_fps: float, n: int, length_s: float, every: int
) -> Iterator[Scene]:
    """List the scenes: traffic of n seeds, or the first n stretches of a video of which the truth is known.

    Args:
        producer: names source, truth and classes; its seed is that of the first scene.
        source_fps: of that source.
        n: at most.
        length_s: of traffic.
        every: one of so many pictures is looked at.

    Raises:
        ValueError: nobody knows what is really in the pictures.
    """
    if producer.source is SourceKind.TRAFFIC:
        yield from (_traffic(producer, producer.seed + i, length_s, every) for i in range(n))
        return
    if truth_of(dataclasses.replace(producer, loop=False)) is None:
        raise ValueError("accuracy is measured where the truth is known: video=traffic, or video.truth=FILE")
    truth = read_mot(Path(producer.truth), producer.classes[0])
    for first, last in itertools.islice(stretches(truth), n):
        own = {index: truth[index] for index in range(first, last + 1)}
        times_s = f"{first / source_fps:.1f} to {last / source_fps:.1f} s"
        yield Scene(times_s, dataclasses.replace(producer, loop=False), own, range(first, last + 1, every))


def _traffic(producer: ProducerOptions, seed: int, length_s: float, every: int) -> Scene:
    options = dataclasses.replace(producer, seed=seed, length_s=0.0)
    indices = range(0, round(length_s * options.source_fps), every)
    truth = Truth(classes=options.classes, seed=seed)
    look = open_truth(truth, (options.width, options.height), options.source_fps)
    wanted = sorted({index + age for index in indices for age in AGES})
    known = {index: objects for index in wanted if (objects := look(index)) is not None}
    return Scene(f"seed {seed}", options, known, indices)


def stretches(indices: Collection[int]) -> Iterator[tuple[int, int]]:
    """List the first and last of each run of numbers that follow one another."""
    for _, run in itertools.groupby(enumerate(sorted(indices)), lambda place: place[1] - place[0]):
        members = [index for _, index in run]
        yield members[0], members[-1]


def look_at(scene: Scene, grade: str, detect: Detect, sizes: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """Look at a scene's pictures in each size, and hold what is found against the truth then and later.

    Args:
        detect: boxes of a frame, as `pipeline.worker.detector.Detector.detect`.
        sizes: (width, height) of the frames, scaled as the producer scales them.

    Returns:
        Columns ABOUT, a row each: height of the frame, of AGES how many frames later it is. And COUNTS:
        pictures, and what was matched, found and present in those of which that is known.

    Raises SourceError: the pictures cannot be had.
    """
    classes, rows = class_ids(scene.producer.classes), []
    source = open_source(scene.producer)
    try:
        for frame in frames_at(source, scene.indices):
            for size in sizes:
                boxes = detect(scaled(frame.image, *size))
                found = detections_of(boxes, size, (source.width, source.height), classes)
                for age in AGES:
                    truth = scene.truth.get(frame.index + age)
                    total = sum(tally(found, truth).values(), Matches()) if truth is not None else Matches()
                    counts = (1, total.matched, total.found, total.present)
                    rows.append((scene.name, grade, size[1], age, *counts))
    finally:
        source.close()
    found: Any = pd.DataFrame(rows, columns=[*ABOUT, *COUNTS])
    return found.groupby(ABOUT, as_index=False, sort=False).sum()
