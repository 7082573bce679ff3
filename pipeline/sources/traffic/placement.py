"""Vehicles in one picture of the traffic scene: where each is drawn, and what can be seen of it."""

from collections.abc import Sequence

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from pipeline.sources.base import TruthBox
from pipeline.sources.traffic.daylight import Light
from pipeline.sources.traffic.flow import Vehicle
from pipeline.sources.traffic.perspective import CREST_Z_M, Perspective, ground_m
from pipeline.sources.traffic.sprites import Sprite, SpriteBook

HALF_COVERED = 127  # a pixel is the vehicle's where it covers more than this, of 255
Box = tuple[float, float, float, float]  # left, top, right, bottom in px
Cells = tuple[int, int, int, int]  # the same in whole pixels
PICTURE: Cells = (0, 0, 0, 0)  # the frame of what begins where the picture does


class Placement:
    """A vehicle where it stands in one picture.

    Attributes:
        canvas: the cells that its sprite is stretched to.
        full: its body's box, as drawn.
        cells: what is left of the canvas within the picture, and above the crest if it is beyond.
        is_whole: whether all of `full` is.
    """

    def __init__(self, vehicle: Vehicle, sprite: Sprite, canvas: Cells, full: Box, limit: Cells):
        self.vehicle, self.sprite = vehicle, sprite
        self.canvas, self.full = canvas, full
        self.cells = _common(canvas, limit)
        self.is_whole = _common(full, limit) == full
        self._mask: MatLike | None = None

    @property
    def mask(self) -> MatLike:
        """1 where the body is, over the whole canvas."""
        if self._mask is None:
            cover = cv2.resize(self.sprite.cover, _size(self.canvas))
            self._mask = cv2.threshold(cover, HALF_COVERED, 1, cv2.THRESH_BINARY)[1]
        return self._mask

    def draw(self, image: NDArray[np.uint8], book: SpriteBook, light: Light) -> None:
        """Lay the vehicle over the picture."""
        patch = cv2.resize(book.painted(self.sprite, self.vehicle.paint, light), _size(self.canvas))
        patch = _crop(patch, self.cells, self.canvas)
        through = cv2.cvtColor(cv2.extractChannel(patch, 3), cv2.COLOR_GRAY2BGR)
        under = _crop(image, self.cells, PICTURE)
        cv2.multiply(under, through, dst=under, scale=1 / 255)
        cv2.add(under, cv2.cvtColor(patch, cv2.COLOR_BGRA2BGR), dst=under)

    def truth(self, hiding: Sequence["Placement"]) -> TruthBox | None:
        """Say what can be seen of it behind these nearer ones; None if nothing."""
        label, track = self.vehicle.model.body.label, self.vehicle.track
        if self.is_whole and not hiding:
            return TruthBox(label, self.full, self.full, 1.0, track)
        cells = self.cells
        seen = _crop(self.mask, cells, self.canvas).copy()
        for other in hiding:
            shared = _common(cells, other.cells)
            if not _is_empty(shared):
                _crop(seen, shared, cells)[_crop(other.mask, shared, other.canvas) > 0] = 0
        x, y, width, height = cv2.boundingRect(seen)
        left, top = cells[0] + x, cells[1] + y
        visible = _common((left, top, left + width, top + height), self.full)
        if _is_empty(visible):
            return None
        share = cv2.countNonZero(seen) / cv2.countNonZero(self.mask)
        return TruthBox(label, self.full, visible, share, track)


def place(vehicles: Sequence[Vehicle], book: SpriteBook, perspective: Perspective) -> list[Placement]:
    """Say where these vehicles are drawn, those that are in the picture."""
    if not vehicles:
        return []
    sprites = [book.sprite(vehicle) for vehicle in vehicles]
    ends_m = np.stack([sprite.ends_m for sprite in sprites])
    feet_m = np.array([(vehicle.x_m, ground_m(vehicle.z_m), vehicle.z_m) for vehicle in vehicles])
    ends = perspective.project(ends_m + feet_m[:, None, :])
    box = np.stack((ends[:, 0, 0], ends[:, 1, 1], ends[:, 2, 0], ends[:, 3, 1]), axis=1)

    # The sprite is stretched to whole pixels; the box that counts is the one that comes of it.
    margins = np.stack([sprite.canvas for sprite in sprites])
    size = np.tile(box[:, 2:] - box[:, :2], 2)
    canvas = np.round(np.tile(box[:, :2], 2) + margins * size).astype(int)
    canvas[:, 2:] = np.maximum(canvas[:, 2:], canvas[:, :2] + 1)
    size = np.tile((canvas[:, 2:] - canvas[:, :2]) / (margins[:, 2:] - margins[:, :2]), 2)
    full = np.tile(canvas[:, :2], 2) + (np.array((0.0, 0.0, 1.0, 1.0)) - np.tile(margins[:, :2], 2)) * size
    whole = (0, 0, perspective.width_px, perspective.height_px)
    above_crest = (0, 0, perspective.width_px, perspective.crest_px)
    limits = [above_crest if z_m > CREST_Z_M else whole for z_m in feet_m[:, 2]]
    rows = zip(vehicles, sprites, _rows(canvas), _rows(full), limits, strict=True)
    return [placement for row in rows if not _is_empty((placement := Placement(*row)).cells)]


def truths(placements: Sequence[Placement]) -> tuple[TruthBox, ...]:
    """Return the truth about vehicles given from far to near."""
    if not placements:
        return ()
    boxes = np.array([placement.full for placement in placements])
    low, high = boxes[:, None, :2] - 1, boxes[:, None, 2:] + 1  # a pixel more, as masks are whole pixels
    touching = ((low < boxes[None, :, 2:]) & (boxes[None, :, :2] < high)).all(axis=2)
    hiding: list[list[Placement]] = [[] for _ in placements]
    for i, j in np.argwhere(np.triu(touching, k=1)).tolist():
        hiding[i].append(placements[j])
    found = (placement.truth(nearer) for placement, nearer in zip(placements, hiding, strict=True))
    return tuple(box for box in found if box is not None)


def _rows(boxes: NDArray) -> list:
    return [tuple(row) for row in boxes.tolist()]


def _common(a: tuple, b: tuple) -> tuple:
    """Return the box that two boxes share, if any."""
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _is_empty(box: Box) -> bool:
    return box[0] >= box[2] or box[1] >= box[3]


def _size(cells: Cells) -> tuple[int, int]:
    return cells[2] - cells[0], cells[3] - cells[1]


def _crop(image: MatLike, cells: Cells, frame: Cells) -> MatLike:
    """A view of these cells of an image that spans `frame`."""
    left, top = frame[:2]
    return image[cells[1] - top : cells[3] - top, cells[0] - left : cells[2] - left]
