"""What is really in the pictures of a source, picture by picture, without the pictures."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from pipeline.catalogue import OF_FOLLOWED
from pipeline.content import Swing
from pipeline.messages import Drawn, Truth, WorkType
from pipeline.options import ProducerOptions, SourceKind
from pipeline.scoring.matching import Objects
from pipeline.slos import parse_slo
from pipeline.sources.base import TruthBox
from pipeline.sources.traffic.truth import TrafficTruth

# What is lower, or more hidden, is neither asked for nor held against who finds it.
LEAST_HEIGHT_PX = 12.0
LEAST_VISIBLE_SHARE = 0.3
MOT_COLUMNS = ("frame", "id", "left", "top", "width", "height", "counts")  # and more, which are not read

Look = Callable[[int], Objects | None]  # by index in the source, ascending; None where nothing is known


def is_known(options: ProducerOptions) -> bool:
    """Whether somebody knows what is in the source's pictures, and when each of them is due."""
    has_truth = options.source is SourceKind.FILE and bool(options.truth)
    return options.pacing and (has_truth or options.source is SourceKind.TRAFFIC)


def truth_of(options: ProducerOptions) -> Truth | None:
    """Say what can be known of the source's pictures; None if nothing, or if there is nothing to score.

    There is not if workers bring no boxes and none are drawn, or if frames do not come at the source's own
    pace: then none has a time at which it is shown.

    Raises:
        ValueError: a file of truth, or of what is drawn by, cannot be read.
        SourceError: its video cannot be.
    """
    drawn = read_drawn(options)
    if not is_known(options) or (drawn is None and options.work_type is not WorkType.YOLO_DETECTION):
        return None
    is_followed = any(parse_slo(slo).metric in OF_FOLLOWED for slo in options.slos)
    known = Truth(classes=options.classes, drawn=drawn, is_followed=is_followed)
    if options.source is SourceKind.TRAFFIC:
        n_pictures = round(options.length_s * options.source_fps)
        density = Swing(*options.density) if options.density else None
        return structs.replace(known, n_pictures=n_pictures, density=density, pace=options.pace)
    from pipeline.sources.file import count_pictures  # it needs FFmpeg

    try:
        read_mot(Path(options.truth), options.classes[0])
    except OSError as error:
        raise ValueError(f"the truth cannot be read: {error}") from error
    n_pictures = count_pictures(options.path) if options.loop else 0
    return structs.replace(known, path=options.truth, n_pictures=n_pictures)


def read_drawn(options: ProducerOptions) -> Drawn | None:
    """Read what detections are drawn by, None if they are not. Raises ValueError: the file is not of that."""
    if not options.drawn:
        return None
    try:
        drawn = msgspec.json.decode(Path(options.drawn).read_bytes(), type=Drawn)
    except (OSError, msgspec.MsgspecError) as error:
        raise ValueError(f"what detections are drawn by cannot be read: {options.drawn}: {error}") from error
    if len(drawn.f1) != len(options.grades):
        raise ValueError(f"{options.drawn}: expected f1 of {len(options.grades)} grades, got {len(drawn.f1)}")
    return drawn


def open_truth(truth: Truth, source_size: tuple[int, int], source_fps: float) -> Look:
    """Return what says what is in the picture of an index.

    Args:
        truth: where it is from.
        source_size: (width, height) in px.
        source_fps: frames/s.

    Raises:
        OSError, ValueError: as `read_mot`.
    """
    n, classes = truth.n_pictures, truth.classes
    if truth.path:
        objects = read_mot(Path(truth.path), classes[0])
        return lambda index: objects.get(index % n if n else index)
    traffic = TrafficTruth(truth.seed, *source_size, source_fps, truth.density, truth.pace)
    return lambda index: None if n and index >= n else objects_of(traffic.at(index), classes)


def objects_of(boxes: Sequence[TruthBox], labels: Collection[str]) -> Objects:
    """Take what a source says of its picture; what is of other classes is not there."""
    wanted = [box for box in boxes if box.label in labels]
    corners = np.array([box.visible for box in wanted], dtype=float).reshape(-1, 4)
    hidden = np.array([box.visible_share < LEAST_VISIBLE_SHARE for box in wanted], dtype=bool)
    labels, ids = [box.label for box in wanted], [box.track for box in wanted]
    return Objects(corners, labels, hidden | is_low(corners), ids)


def read_mot(path: Path, label: str) -> dict[int, Objects]:
    """Read what is in a video by index from 0, of those pictures of which something is said.

    Args:
        path: rows as MOT_COLUMNS, separated by commas, pictures counted from 1.
        label: class of all of it, which MOT format does not name.

    Raises:
        OSError: it cannot be read.
        ValueError: it is something else.
    """
    expected = f"{path}: expected MOT rows ({', '.join(MOT_COLUMNS)}, ...)"
    try:
        rows = np.loadtxt(path, delimiter=",", usecols=range(len(MOT_COLUMNS)), ndmin=2)
    except ValueError as error:
        raise ValueError(f"{expected}: {error}") from error
    if not rows.size or not np.isfinite(rows).all():
        raise ValueError(f"{expected}, got some with less")
    corners = np.hstack((rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]))
    ignored = (rows[:, 6] == 0) | is_low(corners)
    frames, ids = rows[:, 0].astype(int) - 1, rows[:, 1].astype(int)
    return {
        int(index): Objects(corners[of], [label] * int(of.sum()), ignored[of], ids[of].tolist())
        for index, of in ((index, frames == index) for index in np.unique(frames))
    }


def is_low(corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes (n, 4) are too low to be asked for, in px of the source's picture; shape (n,)."""
    return corners[:, 3] - corners[:, 1] < LEAST_HEIGHT_PX
