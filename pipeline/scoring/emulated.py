"""Detections that stand in for a network's, drawn from the truth by what such a network is known to find.

Of fresh detections F1 is what it is told. How it ages follows by itself, for what is shown is held against
the truth of later pictures; the higher an object is, the likelier it is found.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.class_names import COCO
from pipeline.content import modulated
from pipeline.messages import Result, Truth
from pipeline.scoring.matching import Objects
from pipeline.scoring.moments import Content
from pipeline.scoring.truth import Look

DRAWING = 0xD7A3  # what of a seed's random numbers are for this
JITTER_SHARE = 0.05  # of an object's sides: by so much each edge is off, at most; IoU stays above .8
FOUND_CONFIDENCE, FALSE_CONFIDENCE = (0.5, 0.95), (0.25, 0.5)  # uniform; what is there is surer
REMEMBERED_S = 30.0  # of the source's time; what a picture shows that is older, nobody finds any more
EARLY_S = 1.0  # by so much a picture may seem early, for clocks of two hosts differ
REACH_S = 2.0  # a collector that comes later may be sent what is so much older than it

NOTHING = np.empty((0, 6), np.float32)

Size = tuple[int, int]


class Memory:
    """What is in the pictures of late, for who asks out of turn; each is looked at once.

    Args:
        look: asked in ascending order, one index after the other.
        fps: of the source, frames/s.
        first: index that is looked at first.
    """

    def __init__(self, look: Look, fps: float, first: int = 0) -> None:
        self._look = look
        self._next = first
        self._most = round(REMEMBERED_S * fps)
        self._seen: dict[int, Objects | None] = {}

    def at(self, index: int) -> Objects | None:
        """Say what is in a picture; None where nothing is known of it any more, or at all."""
        while self._next <= index:
            self._seen[self._next] = self._look(self._next)
            self._seen.pop(self._next - self._most, None)
            self._next += 1
        return self._seen.get(index)


def remembering(truth: Truth, look: Look, source_fps: float, from_ns: int) -> Look:
    """Let pictures of late be asked for in any order, by who takes what was emitted from a time on.

    Args:
        truth: says since when the source plays.
        look: what is in a picture; it is asked for ascending indices only.
        source_fps: frames/s.
        from_ns: source frames due earlier are another collector's.
    """
    first = int(((from_ns - truth.began_ns) * 1e-9 - REACH_S) * source_fps)
    return Memory(look, source_fps, max(0, first)).at


def is_due(index: int, played_ns: int, fps: float) -> bool:
    """Tell whether a picture can have been seen by so long after the source began; else who says so errs."""
    return index <= (played_ns * 1e-9 + EARLY_S) * fps


class Emulated:
    """The detections of an episode. Those of the same picture, grade and size are the same.

    Args:
        truth: with what they are drawn by.
        look: what is in a picture, asked in any order.
        source_size: (width, height) in px.
        source_fps: frames/s.
    """

    def __init__(self, truth: Truth, look: Look, source_size: Size, source_fps: float) -> None:
        assert truth.drawn is not None, "there is something to draw by"
        drawn = truth.drawn
        self._look = look
        self._seed, self._size, self._fps = truth.seed, source_size, source_fps
        self._began_ns = truth.began_ns
        self._f1 = [sorted(by_height.items()) for by_height in drawn.f1]
        self._offset = drawn.offset
        self._content = Content(truth.seed, drawn.scene_sd, drawn.second_sd, drawn.second_correlation)

    def boxes(self, header: Result, emitted_ns: int) -> NDArray[np.float32]:
        """Draw what is found in a result's picture; as `Result.boxes` of axis-aligned ones, (n, 6).

        Nothing is found in a picture that was not due yet when the result was emitted, by the producer's
        clock: its worker names one that it cannot have seen.
        """
        was_due = is_due(header.source_index, emitted_ns - self._began_ns, self._fps)
        if not was_due or header.grade >= len(self._f1):
            return NOTHING
        objects = self._look(header.source_index)
        if objects is None:
            return NOTHING
        rng = np.random.default_rng((self._seed, DRAWING, header.source_index))
        found = drawn_boxes(objects, self.f1(header), self._size, rng)
        found[:, :4] *= np.array([header.size[0] / self._size[0], header.size[1] / self._size[1]] * 2)
        return found.astype(np.float32)

    def f1(self, header: Result) -> float:
        """Return F1 of a result while it is fresh: of its grade and height, as the content has it."""
        heights, values = zip(*self._f1[header.grade], strict=True)
        known = float(np.interp(header.size[1], [0, *heights], [0.0, *values]))
        now_s = header.source_index / self._fps
        offset = self._content.offset(now_s) + (self._offset.at(now_s) if self._offset else 0.0)
        return modulated(known, offset, self._content.variance)


def drawn_boxes(objects: Objects, f1: float, size: Size, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw detections whose F1 is as given, over many pictures.

    The share of objects found is R = F1 (1 + F1) / 2, and to each object there are F1 (1 - F1) / 2 false
    detections: then F1 = 2 R / (R + false + 1), and (1 + F1) / 2 of the detections are right. The i-th of n
    objects by height, the lowest first, is found with probability n R ((i / n)^(1/R) - ((i - 1) / n)^(1/R)):
    R on average, whatever n is, and more the higher it is.
    What counts neither way is not found.

    Args:
        objects: what is there, in px of a picture of this size.
        f1: in [0, 1].
        size: (width, height) in px.

    Returns:
        x1, y1, x2, y2, confidence, class in COCO; shape (n, 6).
    """
    there = ~objects.ignored
    corners, n = objects.boxes[there], int(there.sum())
    classes = np.array([COCO.index(label) for label in objects.labels], dtype=float)[there]
    if not n or f1 <= 0:
        return np.empty((0, 6))
    is_found = rng.random(n) < found_shares(corners[:, 3] - corners[:, 1], f1 * (1 + f1) / 2)
    sides = np.tile(corners[:, 2:] - corners[:, :2], 2)
    off = corners + JITTER_SHARE * rng.uniform(-1.0, 1.0, (n, 4)) * sides
    found = np.column_stack((off, rng.uniform(*FOUND_CONFIDENCE, n), classes))[is_found]
    alike = rng.integers(n, size=rng.poisson(n * f1 * (1 - f1) / 2))  # what a false one looks like
    left_top = rng.random((len(alike), 2)) * np.maximum(np.array(size) - sides[alike, :2], 0.0)
    placed = np.hstack((left_top, left_top + sides[alike, :2]))
    false = np.column_stack((placed, rng.uniform(*FALSE_CONFIDENCE, len(alike)), classes[alike]))
    return np.vstack((found, false))


def found_shares(heights: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """How likely each is found, so that this share in (0, 1] of all is, see `drawn_boxes`; shape (n,)."""
    n = len(heights)
    below = np.argsort(np.argsort(heights, kind="stable"), kind="stable") / n
    return n * share * ((below + 1 / n) ** (1 / share) - below ** (1 / share))
