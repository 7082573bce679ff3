"""Detections drawn into a picture: boxes, labels, and a caption that says under which settings."""

import colorsys
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.class_names import COCO, DOTA, class_name

Color = tuple[int, int, int]  # BGR, 0..255

FONT = cv2.FONT_HERSHEY_SIMPLEX
BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)
REFERENCE_HEIGHT_PX = 360  # at which lines are 1 px wide
FONT_SCALE = 0.36  # at the reference height: letters 8 px high
FONT_GROWTH = 0.6  # exponent: larger pictures have relatively smaller letters, so that labels hide less
# Hues in turns of the colour wheel. Any eight classes in a row, as COCO's first, those of the road, are an
# eighth of it apart: car yellow, truck red, bus green. The next eight lie between those before.
FIRST_HUE, HUE_STEP, OCTAVE_STEP = 0.417, 0.375, 0.0773
ROTATED_COLUMNS = 7  # of boxes with a rotation
FARTHEST_PX = 1 << 14  # beyond any picture; OpenCV draws with 16 fractional bits


def annotated(
    frame: NDArray[np.uint8],
    boxes: NDArray[np.float32],
    size_px: tuple[int, int],
    caption: str,
    present: NDArray[np.float64] | None = None,
) -> NDArray[np.uint8]:
    """Copy a picture to another size, with the detections drawn into it.

    Args:
        frame: uint8 BGR, shape (height, width, 3).
        boxes: as `pipeline.messages.Result.boxes` has them, in px of the frame, shape (n, 6) or (n, 7).
            Rows that are not finite are left out.
        size_px: (width, height) of the copy.
        caption: a few words for the lower left corner.
        present: x1, y1, x2, y2 of what is really there, as shares of the picture's sides, shape (n, 4):
            outlined thinly, below the detections.
    """
    height, width = frame.shape[:2]
    picture = np.asarray(cv2.resize(frame, size_px, interpolation=cv2.INTER_LINEAR), np.uint8)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    boxes = boxes[np.argsort(boxes[:, -2])]  # the surest last, on top
    names = DOTA if boxes.shape[1] == ROTATED_COLUMNS else COCO
    corners_px = box_corners(boxes) * np.array([size_px[0] / width, size_px[1] / height], np.float32)
    corners_px = np.clip(corners_px, -FARTHEST_PX, FARTHEST_PX).round().astype(np.int32)
    scale = size_px[1] / REFERENCE_HEIGHT_PX
    thickness, font_scale = max(1, round(scale)), FONT_SCALE * scale**FONT_GROWTH
    line = cv2.LINE_AA if boxes.shape[1] == ROTATED_COLUMNS else cv2.LINE_8
    if present is not None:
        for left, top, right, bottom in np.rint(present * np.tile(size_px, 2)).astype(int).tolist():
            cv2.rectangle(picture, (left, top), (right, bottom), WHITE, 1)
    for corners, row in zip(corners_px, boxes, strict=True):
        cv2.polylines(picture, [corners], True, class_color(round(float(row[-1]))), thickness, line)
    for corners, row in zip(corners_px, boxes, strict=True):
        class_id = round(float(row[-1]))
        label = f"{class_name(class_id, names)} {row[-2]:.2f}"
        _draw_label(picture, label, corners, class_color(class_id), font_scale)
    _draw_caption(picture, caption, font_scale)
    return picture


def box_corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the four corners of each box, in px, shape (n, 4, 2), for boxes of shape (n, 6) or (n, 7)."""
    if boxes.shape[1] != ROTATED_COLUMNS:
        return boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    center, size, angle = boxes[:, None, :2], boxes[:, 2:4], boxes[:, 4]
    cos, sin = np.cos(angle), np.sin(angle)
    along = np.stack([cos, sin], axis=1)[:, None] * (size[:, :1] / 2)[:, None]
    across = np.stack([-sin, cos], axis=1)[:, None] * (size[:, 1:] / 2)[:, None]
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)[None]
    return (center + signs[..., :1] * along + signs[..., 1:] * across).astype(np.float32)


@lru_cache(maxsize=256)
def class_color(class_id: int) -> Color:
    """Choose a bright colour for each class, the same in every picture."""
    hue = FIRST_HUE + HUE_STEP * class_id + OCTAVE_STEP * (class_id // 8)
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, 0.8, 1.0)
    return round(255 * blue), round(255 * green), round(255 * red)


def _draw_label(
    picture: NDArray[np.uint8], text: str, corners: NDArray[np.int32], color: Color, font_scale: float
) -> None:
    """Text on the class's colour, above the box, or within it at the picture's upper edge."""
    picture_height, picture_width = picture.shape[:2]
    x, y = corners.min(axis=0).tolist()
    if x >= picture_width or y >= picture_height or corners.max() < 0:
        return
    (width, height), descent = cv2.getTextSize(text, FONT, font_scale, 1)
    total = height + descent
    x = max(0, min(x, picture_width - width))
    top = y - total if y >= total else max(0, y)
    cv2.rectangle(picture, (x, top), (x + width, top + total), color, cv2.FILLED)
    blue, green, red = color
    ink = BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 110 else WHITE  # ITU-R BT.601 luma
    cv2.putText(picture, text, (x, top + height), FONT, font_scale, ink, 1, cv2.LINE_AA)


def _draw_caption(picture: NDArray[np.uint8], text: str, font_scale: float) -> None:
    """Small light text on a darkened strip in the lower left corner."""
    (width, height), descent = cv2.getTextSize(text, FONT, font_scale, 1)
    margin = max(2, height // 3)
    strip = picture[-(height + descent + 2 * margin) :, : width + 2 * margin]
    strip //= 2
    at = (margin, picture.shape[0] - descent - margin)
    cv2.putText(picture, text, at, FONT, font_scale, WHITE, 1, cv2.LINE_AA)
