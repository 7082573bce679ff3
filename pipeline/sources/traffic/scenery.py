"""The still part of the traffic scene: sky, town, trees and the road itself."""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from pipeline.sources.traffic.daylight import HAZE_BGR, Light
from pipeline.sources.traffic.flow import LANE_WIDTH_M, LANES_EACH_WAY, MEDIAN_HALF_M
from pipeline.sources.traffic.perspective import (
    CAMERA_HEIGHT_M,
    CAMERA_X_M,
    CREST_Z_M,
    SUB_BITS,
    Perspective,
    fixed_point,
)

SHOULDER_M = 0.9
ROAD_HALF_M = MEDIAN_HALF_M + LANES_EACH_WAY * LANE_WIDTH_M + SHOULDER_M
DASH_M, DASH_PERIOD_M = 4.0, 12.0
LINE_HALF_M, LINE_SHARE = 0.09, 0.85
HAZE = np.array(HAZE_BGR, np.float32)
ASPHALT, GRASS, GRAVEL, WHITE = (
    np.array(color, np.float32)
    for color in ((119, 120, 121), (74, 128, 104), (118, 128, 132), (222, 226, 226))
)
SKY, CLOUD = np.array((214, 168, 120), np.float32), np.array((240, 238, 236), np.float32)
LEAF, TRUNK, POLE = np.array((48, 96, 74)), np.array((52, 66, 82)), np.array((118, 118, 116))
LEAF_CONTRAST = 24.0
WINDOW_LIGHT, LAMP_LIGHT = (60, 130, 165), (150, 215, 255)
Field = NDArray[Any]  # one float for every pixel, or three


class Scenery:
    """The background in every light; it keeps the picture of the light last asked for."""

    def __init__(self, perspective: Perspective, rng: np.random.Generator):
        day, lamps = _paint(perspective, rng)
        self._day, self._lamps = cv2.split(day), cv2.split(lamps)
        self._light: Light | None = None
        self._lit = day

    def lit(self, light: Light) -> MatLike:
        """Return the background, (height, width, 3) BGR; not to be written to."""
        if light != self._light:
            planes = zip(self._day, light.tint, self._lamps, strict=True)
            self._lit = cv2.merge([cv2.addWeighted(d, t, g, light.lamps_share, 0.0) for d, t, g in planes])
            self._light = light
        return self._lit


def _paint(perspective: Perspective, rng: np.random.Generator) -> tuple[MatLike, MatLike]:
    """Return the scene by day, and what its lamps add in the dark."""
    width, height = perspective.width_px, perspective.height_px
    crest = perspective.crest_px
    image, lamps = _sky(perspective, rng), np.zeros((height, width, 3), np.uint8)
    _hills(image, perspective, rng)
    _town(image, lamps, perspective, rng)
    image[crest:] = _ground(perspective, rng)[crest:]
    lamps[crest:] = 0
    _barrier(image, perspective)
    _trees(image, lamps, perspective, rng)
    for z_m in range(136, 39, -32):
        _street_lamp(image, lamps, perspective, -1, z_m)
        _street_lamp(image, lamps, perspective, 1, z_m)
    glow = cv2.GaussianBlur(lamps, (0, 0), 2.0 * perspective.scale)
    return cv2.GaussianBlur(image, (3, 3), 0.5), cv2.addWeighted(lamps, 0.9, glow, 0.7, 0.0)


def _noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> Field:
    """Smooth noise of about -1 to 1 in so many cells (rows, columns)."""
    coarse = rng.uniform(-1, 1, cells).astype(np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _sky(perspective: Perspective, rng: np.random.Generator) -> MatLike:
    shape = perspective.height_px, perspective.width_px
    up = np.clip(1 - np.arange(shape[0], dtype=np.float32) / max(1.0, perspective.horizon_px), 0, 1) ** 0.8
    sky = HAZE + (SKY - HAZE) * up[:, None, None]
    rows, columns = (
        max(1, round(n / perspective.scale / cell_px)) for n, cell_px in zip(shape, (22, 90), strict=True)
    )
    clouds = sum(
        (_noise(rng, shape, (rows * k, columns * k)) / k for k in (1, 2, 4)), np.zeros(shape, np.float32)
    )
    return _blend(sky, CLOUD, np.clip(clouds * 0.9 - 0.1, 0, 0.8)).astype(np.uint8)


def _hills(image: MatLike, perspective: Perspective, rng: np.random.Generator) -> None:
    width, base = perspective.width_px, perspective.crest_px + 2
    for high_px, color in ((26, (196, 182, 164)), (16, (150, 150, 128))):
        ridge = _noise(rng, (1, width), (1, 5))[0] * 0.5 + _noise(rng, (1, width), (1, 14))[0] * 0.2
        rows = perspective.horizon_px - perspective.scale * high_px * (0.55 + ridge)
        outline = np.vstack((np.stack((np.arange(width), rows), axis=1), (width, base), (0, base)))
        cv2.fillPoly(image, [np.round(outline).astype(np.int32)], color, cv2.LINE_AA)


def _town(image: MatLike, lamps: MatLike, perspective: Perspective, rng: np.random.Generator) -> None:
    """Blocks of flats on the horizon, higher to the sides; none where the road meets the sky."""
    scale, width, base = perspective.scale, perspective.width_px, perspective.crest_px + 2
    places = np.concatenate((np.linspace(0.0, 0.36, 7), np.linspace(0.64, 1.0, 7)))
    for place in places + rng.uniform(-0.02, 0.02, places.size):
        half = scale * rng.uniform(9, 19)
        top = round(perspective.horizon_px - scale * rng.uniform(8, 20 + 80 * abs(place - 0.5)))
        left, right = round(place * width - half), round(place * width + half)
        wall = np.array((172, 174, 178)) * rng.uniform(0.8, 1.05) + rng.uniform(-7, 7, 3)
        cv2.rectangle(image, (left, top), (right, base), wall.tolist(), -1)
        cv2.rectangle(lamps, (left, top), (right, base), 0, -1)
        pitch = max(3, round(5 * scale))
        for row in range(top + pitch // 2, base - pitch, pitch):
            for column in range(left + pitch // 2, right - pitch // 2, pitch):
                pane = (column, row), (column + pitch // 2, row + pitch // 2)
                cv2.rectangle(image, *pane, (wall * 0.75).tolist(), -1)
                if rng.random() < 0.35:
                    cv2.rectangle(lamps, *pane, WINDOW_LIGHT, -1)


def _ground(perspective: Perspective, rng: np.random.Generator) -> MatLike:
    """Road and verges: what lies at (x, z) on the plane, for every pixel below the horizon."""
    rows = np.maximum(np.arange(perspective.height_px, dtype=np.float32) + 0.5 - perspective.horizon_px, 0.5)
    z = (perspective.focal_px * CAMERA_HEIGHT_M / rows)[:, None].astype(np.float32)
    per_m = np.float32(perspective.focal_px) / z
    columns = np.arange(perspective.width_px, dtype=np.float32) + 0.5 - perspective.width_px / 2
    x = CAMERA_X_M + columns[None, :] / per_m
    near = np.clip(per_m / (12 * perspective.scale), 0.15, 1.0)  # texture drowns in the distance
    grain, patches = 5 * near * _texture(rng, x * 40, z * 12), near * _texture(rng, x * 3, z * 1.2)
    from_axis = np.abs(x)
    across = np.abs((from_axis - MEDIAN_HALF_M) % LANE_WIDTH_M - LANE_WIDTH_M / 2)
    tracks = np.exp(-(((across - 0.8) / 0.35) ** 2))  # worn by wheels
    image = GRASS + (22 * patches + 2.5 * grain)[:, :, None] * np.array((0.7, 1.0, 0.9), np.float32)
    image = _blend(image, GRAVEL, _stripe(from_axis, per_m, ROAD_HALF_M + 0.35, 0.4))
    road = ASPHALT + (grain + 4 * patches - 7 * tracks)[:, :, None]
    image = _blend(image, road, np.clip((ROAD_HALF_M - from_axis) * per_m + 0.5, 0, 1))
    is_dash = z % DASH_PERIOD_M < DASH_M
    lines = is_dash * _stripe(from_axis, per_m, MEDIAN_HALF_M + LANE_WIDTH_M, LINE_HALF_M)
    for at_m in (MEDIAN_HALF_M + 0.25, ROAD_HALF_M - SHOULDER_M):
        lines = lines + _stripe(from_axis, per_m, at_m, LINE_HALF_M)
    image = _blend(image, WHITE, LINE_SHARE * lines)
    return np.clip(_blend(image, HAZE, 0.28 * np.clip(z / CREST_Z_M, 0, 1)), 0, 255).astype(np.uint8)


def _texture(rng: np.random.Generator, u: Field, v: Field) -> Field:
    """Noise of about -1 to 1 looked up at (u, v) in cells, repeating every 254."""
    cells = 2 * cv2.GaussianBlur(rng.normal(0, 1, (256, 256)).astype(np.float32), (0, 0), 0.8)
    u, v = np.broadcast_arrays(u % 254, v % 254)
    return cv2.remap(cells, u.copy(), v.copy(), cv2.INTER_LINEAR)


def _stripe(from_axis: Field, per_m: Field, at_m: float, half_m: float) -> Field:
    """Say how much of a pixel lies on the stripes along the road at +-at_m, in [0, 1]."""
    cover = np.clip((half_m - np.abs(from_axis - at_m)) * per_m + 0.5, 0, 1)
    return cover * np.minimum(1.0, 2 * half_m * per_m)


def _blend(under: Field, over: Field, share: Field) -> Field:
    return under + (over - under) * share[:, :, None]


def _hazy(color: Field, z_m: float) -> list:
    """A colour, or rows of colours, as seen from this far, for OpenCV."""
    share = 0.35 * z_m / CREST_Z_M
    return np.clip(color * (1 - share) + HAZE * share, 0, 255).tolist()


def _barrier(image: MatLike, perspective: Perspective) -> None:
    """Return the concrete wall on the median, in pieces from far to near."""
    edges = np.geomspace(CREST_Z_M, 20.0, 40)
    for i, (far, near) in enumerate(pairwise(edges)):
        side = ((0.3, 0.0, near), (0.3, 0.0, far), (0.12, 0.8, far), (0.12, 0.8, near))
        top = ((0.12, 0.8, near), (0.12, 0.8, far), (-0.12, 0.8, far), (-0.12, 0.8, near))
        for corners, tone in ((side, 150 - 5 * (i % 2)), (top, 196)):
            pixels = fixed_point(perspective.project(np.array(corners)))
            cv2.fillPoly(image, [pixels], _hazy(np.full(3, tone), far), cv2.LINE_AA, SUB_BITS)


def _trees(image: MatLike, lamps: MatLike, perspective: Perspective, rng: np.random.Generator) -> None:
    """Trees along both verges, from far to near. None stands between the camera and the road."""
    crowns = np.zeros(image.shape[:2], np.uint8)
    for z_m in np.geomspace(CREST_Z_M, 52, 34):
        for side in (-1, 1):
            x_m = side * (ROAD_HALF_M + 5.5 + rng.exponential(5.0))
            _tree(image, crowns, perspective, x_m, z_m * rng.uniform(0.96, 1.0), rng)
    leaves = rng.normal(0, LEAF_CONTRAST, crowns.shape).astype(np.float32)
    leaves = cv2.GaussianBlur(leaves, (0, 0), 0.7 * perspective.scale) * perspective.scale
    textured = np.clip(image + (leaves * (crowns / 255))[:, :, None], 0, 255)
    image[:] = textured.astype(np.uint8)
    lamps[crowns > 0] = 0


def _tree(
    image: MatLike,
    crowns: MatLike,
    perspective: Perspective,
    x_m: float,
    z_m: float,
    rng: np.random.Generator,
) -> None:
    x, y = perspective.project(np.array((x_m, 0.0, z_m))).tolist()
    per_m = perspective.focal_px / z_m
    high = rng.uniform(4.5, 8.0) * per_m
    stem = (round(x), round(y)), (round(x), round(y - high * 0.5))
    cv2.line(image, *stem, _hazy(TRUNK, z_m), max(1, round(0.3 * per_m)), cv2.LINE_AA)
    leaf = LEAF * rng.uniform(0.75, 1.15) + rng.uniform(-8, 8, 3)
    n_clumps = 48
    up = np.linspace(0, 1, n_clumps)
    aside, raised = np.clip(rng.normal(0, 0.5, (2, n_clumps)), -1, 1)
    spread = 0.4 * np.sin(np.pi * np.minimum(0.97, 0.22 + 0.76 * up))
    centers = np.stack((x + high * aside * spread, y - high * (0.26 + 0.74 * up - 0.12 * raised)), axis=1)
    radii = np.maximum(1, np.round(high * rng.uniform(0.04, 0.10, n_clumps))).astype(int).tolist()
    colors = _hazy(leaf * (0.62 + 0.5 * up - 0.12 * aside)[:, None], z_m)
    for center, radius, color in zip(np.round(centers).astype(int).tolist(), radii, colors, strict=True):
        cv2.circle(image, center, radius, color, -1, cv2.LINE_AA)
        cv2.circle(crowns, center, radius, 255, -1)


def _street_lamp(image: MatLike, lamps: MatLike, perspective: Perspective, side: int, z_m: float) -> None:
    x_m, arm_m = side * (ROAD_HALF_M + 1.2), side * (ROAD_HALF_M - 0.9)
    points = perspective.project(np.array(((x_m, 0.0, z_m), (x_m, 8.0, z_m), (arm_m, 8.3, z_m))))
    per_m = perspective.focal_px / z_m
    thick = max(1, round(0.16 * per_m))
    cv2.polylines(image, [fixed_point(points)], False, _hazy(POLE, z_m), thick, cv2.LINE_AA, SUB_BITS)
    end = round(points[2, 0]), round(points[2, 1])
    cv2.circle(lamps, end, max(1, round(0.22 * per_m)), LAMP_LIGHT, -1, cv2.LINE_AA)
