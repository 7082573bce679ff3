"""Pictures of the vehicles as the camera sees them from afar: drawn once, then painted, lit and scaled."""

import math
from collections import OrderedDict
from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from pipeline.sources.traffic.bodywork import Body, Lamp
from pipeline.sources.traffic.daylight import HAZE_BGR, Light
from pipeline.sources.traffic.flow import Vehicle
from pipeline.sources.traffic.perspective import SUB_BITS, Perspective, fixed_point, ground_m
from pipeline.sources.traffic.vehicles import Paint

SUN = np.array((-0.42, 0.80, -0.43))  # unit vector to the sun, behind the camera's left shoulder
AMBIENT_SHARE, SUN_SHARE = 0.55, 0.5  # of the light on a face
HAZE_PER_M = 1 / 900
GLOW_BGR = {Lamp.HEAD: (225, 240, 255), Lamp.TAIL: (20, 20, 210)}
GLOW_CORE, GLOW_HALO = 0.8, 1.4  # brightness of a lamp and of the light around it
HALO_M = 0.16
VIEW_STEP = 0.012  # of sqrt(1 m / z): 1 to 3 degrees, and 8 to 30 % in size, from one drawing to the next
LARGEST_CHANGE = 1.08  # a drawing is made this much larger than needed at its own distance ...
SHARPEST_PX = 220.0  # ... but no larger than this, at 640x360: what is nearer is hardly in the picture
MOST_OVERSAMPLING, DRAWING_PX = 4.0, 420  # drawn up to 4 times too large, then averaged
MARGIN_M = 0.55  # around the body, for its shadow and its lights
PAINT_UNIT = 240  # of a plane: the paint as it is
SHADOW_DARK = ((0.28, 70), (0.0, 175))  # m beyond the footprint, how much light is kept off (of 255)
KEPT_BYTES = 96 << 20
MAX_PAINTED = 500
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A vehicle drawn from one distance; all planes are uint8 and have the shape of the drawing.

    Attributes:
        fixed: blue, green and red of all that is not paint, by day.
        paint: how much of the vehicle's paint is added, in units of 1 / PAINT_UNIT.
        glow: blue, green and red that its lamps add.
        through: how much of the road shows, 0..255: not where the body is, less in its shadow.
        cover: how much of a pixel the body covers, 0..255.
        ends_m: (4, 3), the body's left, top, right and bottom ends: x, y, depth behind the near end.
        canvas: (4,), left, top, right and bottom of the drawing, if the body's box is (0, 0, 1, 1).
    """

    fixed: tuple[MatLike, ...]
    paint: MatLike
    glow: tuple[MatLike, ...]
    through: MatLike
    cover: MatLike
    ends_m: NDArray[np.float64]
    canvas: NDArray[np.float64]

    @property
    def n_bytes(self) -> int:
        return 9 * self.cover.size

    def painted(self, paint: Paint, light: Light) -> MatLike:
        """(height, width, 4): BGR to add to the picture, and how much of the picture shows through."""
        planes = []
        for fixed, glow, color, tint in zip(self.fixed, self.glow, paint, light.tint, strict=True):
            plane = cv2.addWeighted(fixed, tint, self.paint, tint * color / PAINT_UNIT, 0.0)
            planes.append(cv2.scaleAdd(glow, light.lamps_share, plane) if light.lamps_share else plane)
        return cv2.merge([*planes, self.through])


class SpriteBook:
    """Sprites by body, lane and distance, drawn when first asked for; those not used for longest go."""

    def __init__(self, perspective: Perspective):
        self._perspective = perspective
        self._meshes: dict[tuple[Body, bool], Mesh] = {}
        self._sprites: OrderedDict[tuple, Sprite] = OrderedDict()
        self._n_bytes = 0
        self._painted: dict[tuple[Sprite, Paint], MatLike] = {}
        self._light: Light | None = None

    def sprite(self, vehicle: Vehicle) -> Sprite:
        """The one drawn from nearest to where the vehicle is."""
        body, lane = vehicle.model.body, vehicle.lane
        view = round(math.sqrt(1.0 / vehicle.z_m) / VIEW_STEP)
        key = (body, lane, view)
        if key in self._sprites:
            self._sprites.move_to_end(key)
            return self._sprites[key]
        mesh = self._meshes.get((body, lane.is_oncoming))
        if mesh is None:
            mesh = self._meshes[body, lane.is_oncoming] = Mesh(body, lane.is_oncoming)
        sprite = draw(mesh, lane.x_m, 1.0 / (view * VIEW_STEP) ** 2, self._perspective)
        self._sprites[key] = sprite
        self._n_bytes += sprite.n_bytes
        while self._n_bytes > KEPT_BYTES and len(self._sprites) > 1:
            self._n_bytes -= self._sprites.popitem(last=False)[1].n_bytes
        return sprite

    def painted(self, sprite: Sprite, paint: Paint, light: Light) -> MatLike:
        """`Sprite.painted`, remembered until the light changes."""
        if light != self._light or len(self._painted) > MAX_PAINTED:
            self._painted.clear()
            self._light = light
        patch = self._painted.get((sprite, paint))
        if patch is None:
            patch = self._painted[sprite, paint] = sprite.painted(paint, light)
        return patch


class Mesh:
    """A body turned for one direction of travel, its faces in drawing order.

    Attributes:
        points: (n, 3) in m: x to the right of the axis, y above the road, depth behind the near end.
        starts: (n_faces + 1,) first row of each face in `points`.
        tones: (n_faces, 4) blue, green, red and paint, shaded.
        lamps: what each face sends out.
        footprint: half its width and its length, in m.
    """

    def __init__(self, body: Body, is_oncoming: bool):
        parts = sorted(body.parts, key=lambda part: part.middle_m, reverse=not is_oncoming)
        faces = [face for part in parts for face in part.faces]
        points = np.concatenate([face.points for face in faces])
        self.points = points * (-1, 1, -1) + (0, 0, body.length_m) if is_oncoming else points
        self.starts = np.cumsum([0, *(len(face.points) for face in faces)])
        self.lamps = [face.lamp for face in faces]
        self.tones = np.array([face.tone for face in faces]) * self._shades()[:, None]
        self.footprint = body.half_width_m, body.length_m

    def _shades(self) -> NDArray[np.float64]:
        """Brightness of every face, about 0.55 to 1.05; lamps shine by themselves."""
        a, b, c = (self.points[self.starts[:-1] + i] for i in range(3))
        normals = np.cross(c - a, b - a)  # x, y and depth are left-handed
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        shades = AMBIENT_SHARE + SUN_SHARE * np.clip(normals @ SUN, 0, None)
        shades[[lamp is not Lamp.NONE for lamp in self.lamps]] = 1.0
        return shades

    def facing(self, corners: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the faces turned to the camera, given the points' pixels, (n, 2)."""
        after = np.arange(1, len(corners) + 1)
        after[self.starts[1:] - 1] = self.starts[:-1]
        (x, y), (x1, y1) = corners.T, corners[after].T
        return np.flatnonzero(np.add.reduceat(x * y1 - y * x1, self.starts[:-1]) < 0)


def draw(mesh: Mesh, x_m: float, z_m: float, perspective: Perspective) -> Sprite:
    """Draw a vehicle whose axis is at x and whose near end is at z."""
    ground = np.array((x_m, ground_m(z_m), z_m))
    corners = perspective.project(mesh.points + ground)
    per_m = perspective.focal_px / z_m
    low, high = corners.min(axis=0), corners.max(axis=0)
    origin, size = low - MARGIN_M * per_m - 2, high - low + 2 * MARGIN_M * per_m + 4
    sharpness = min(LARGEST_CHANGE, SHARPEST_PX * perspective.scale / size.max())
    final = np.ceil(size * sharpness).astype(int)
    over = np.round(final * np.clip(DRAWING_PX / final.max(), 1.0, MOST_OVERSAMPLING)).astype(int)

    drawn = _draw_faces(mesh, corners, (corners - origin) * (over / size), over, min(0.5, z_m * HAZE_PER_M))
    color, paint, glow = (cv2.resize(layer, final.tolist(), interpolation=cv2.INTER_AREA) for layer in drawn)
    color, paint = (cv2.GaussianBlur(layer, (3, 3), 0.45) for layer in (color, paint))
    halo = cv2.stackBlur(glow, (2 * math.ceil(HALO_M * per_m) + 1,) * 2)
    glow = cv2.addWeighted(glow, GLOW_CORE, halo, GLOW_HALO, 0.0)
    *fixed, cover = cv2.split(color)
    shadow = _draw_shadow(mesh, ground, perspective, origin, final / size, final, per_m)
    through = cv2.multiply(255 - cover, 255 - shadow, scale=1 / 255)
    ends = mesh.points[[*corners.argmin(axis=0), *corners.argmax(axis=0)]]
    canvas = np.concatenate(((origin - low), (origin + size - low))) / np.tile(high - low, 2)
    return Sprite(tuple(fixed), paint, tuple(cv2.split(glow)), through, cover, ends, canvas)


def _draw_faces(
    mesh: Mesh, corners: Array, pixels: Array, size: NDArray[np.int_], haze: float
) -> tuple[MatLike, MatLike, MatLike]:
    """Colour with cover (BGRA), paint, and the lamps' glow (BGR), in this many pixels (width, height)."""
    shape = int(size[1]), int(size[0])
    color, paint, glow = (np.zeros((*shape, n), np.uint8) for n in (4, 1, 3))
    tones = mesh.tones * (1 - haze) + np.array((*HAZE_BGR, 0.0)) * haze
    tones = np.minimum(tones * (1, 1, 1, PAINT_UNIT), 255)
    outlines = fixed_point(pixels)
    for i in mesh.facing(corners):
        polygon = [outlines[mesh.starts[i] : mesh.starts[i + 1]]]
        cv2.fillPoly(color, polygon, (*tones[i, :3].tolist(), 255), cv2.LINE_AA, SUB_BITS)
        cv2.fillPoly(paint, polygon, float(tones[i, 3]), cv2.LINE_AA, SUB_BITS)
        if mesh.lamps[i] is not Lamp.NONE:
            cv2.fillPoly(glow, polygon, GLOW_BGR[mesh.lamps[i]], cv2.LINE_AA, SUB_BITS)
    return color, paint, glow


def _draw_shadow(
    mesh: Mesh,
    ground: Array,
    perspective: Perspective,
    origin: Array,
    zoom: Array,
    size: NDArray[np.int_],
    per_m: float,
) -> MatLike:
    """How much light is kept off the road, 0..255: under the vehicle, and to its right where no sun comes."""
    shadow = np.zeros((int(size[1]), int(size[0])), np.uint8)
    w, length = mesh.footprint
    for more, dark in SHADOW_DARK:
        left, right, near, far = -w - more, w + 1.8 * more, -more, length + more
        outline = np.array(((left, 0, near), (right, 0, near), (right, 0, far), (left, 0, far))) + ground
        pixels = (perspective.project(outline) - origin) * zoom
        cv2.fillPoly(shadow, [fixed_point(pixels)], dark, cv2.LINE_AA, SUB_BITS)
    soft = max(1, round(0.12 * per_m))
    return cv2.blur(shadow, (2 * soft + 1, 2 * (soft // 2) + 1))
