"""What the vehicles of the traffic scene are made of: flat faces, and ways to shape them.

Points are (x, y, l) in m: x to the right of the vehicle's axis, y above the road, l ahead of its rear end.
Faces run anticlockwise as seen from outside, so that those turned away can be left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Tone = tuple[
    float, float, float, float
]  # blue, green, red, 0..255 in full daylight; share of the vehicle's own paint
Point = tuple[float, float, float]
Quad = tuple[Point, Point, Point, Point]  # lower left, lower right, upper right, upper left
Rib = tuple[float, float, float, float]  # a cross-section: l, its lower and upper height, half its width

PAINT: Tone = (0, 0, 0, 1)
WHITE: Tone = (230, 230, 228, 0)
GLASS: Tone = (52, 44, 38, 0)
GLASS_SKY: Tone = (116, 102, 88, 0)
TYRE: Tone = (28, 28, 30, 0)
HUB: Tone = (150, 150, 152, 0)
TRIM: Tone = (38, 38, 40, 0)
PLATE: Tone = (228, 232, 232, 0)
TAIL: Tone = (40, 30, 185, 0)
HEAD: Tone = (242, 240, 235, 0)


class Lamp(StrEnum):
    """What a face sends out in the dark."""

    NONE = "none"
    HEAD = "head"
    TAIL = "tail"


@dataclass(frozen=True, slots=True)
class Face:
    """A flat polygon, shape (n, 3)."""

    points: NDArray[np.float64]
    tone: Tone
    lamp: Lamp = Lamp.NONE


@dataclass(frozen=True, slots=True)
class Part:
    """Faces in drawing order. Whole parts are drawn from the far one to the near one."""

    middle_m: float  # along the vehicle
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A vehicle's shape and colours; each is itself only.

    Attributes:
        label: its COCO class.
        length_m, half_width_m: its footprint.
        parts: what is drawn.
    """

    label: str
    length_m: float
    half_width_m: float
    parts: tuple[Part, ...]


def face(points: Sequence[Point], tone: Tone, lamp: Lamp = Lamp.NONE) -> Face:
    return Face(np.array(points, np.float64), tone, lamp)


def mix(a: Tone, b: Tone, share: float) -> Tone:
    blue, green, red, paint = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return blue, green, red, paint


def rear_wall(along: float, y0: float, y1: float, w: float) -> Quad:
    return (-w, y0, along), (w, y0, along), (w, y1, along), (-w, y1, along)


def front_wall(along: float, y0: float, y1: float, w: float) -> Quad:
    return (w, y0, along), (-w, y0, along), (-w, y1, along), (w, y1, along)


def side_walls(l0: float, l1: float, y0: float, y1: float, w: float) -> tuple[Quad, Quad]:
    """The right one and the left one; along both, u runs with the picture: rear to front, front to rear."""
    right = (w, y0, l0), (w, y0, l1), (w, y1, l1), (w, y1, l0)
    left = (-w, y0, l1), (-w, y0, l0), (-w, y1, l0), (-w, y1, l1)
    return right, left


def deck(l0: float, l1: float, y: float, w: float) -> Quad:
    """A level quad that is seen from above."""
    return (-w, y, l0), (w, y, l0), (w, y, l1), (-w, y, l1)


def inset(quad: Quad, u0: float, u1: float, v0: float, v1: float) -> Quad:
    """Part of a quad; u runs from its left to its right, v from its lower to its upper edge, in [0, 1]."""

    def at(u: float, v: float) -> Point:
        weights = (1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v
        x, y, along = (sum(w * p[axis] for w, p in zip(weights, quad, strict=True)) for axis in range(3))
        return x, y, along

    return at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)


def mirrored(quad: Quad, u0: float, u1: float, v0: float, v1: float) -> tuple[Quad, Quad]:
    """Return the inset and its twin on the quad's other half."""
    return inset(quad, u0, u1, v0, v1), inset(quad, 1 - u1, 1 - u0, v0, v1)


def bands(quad: Quad, lower: Tone, upper: Tone, n: int = 4) -> list[Face]:
    """A quad whose colour runs from the lower to the upper edge, as paint mirrors ground and sky."""
    return [face(inset(quad, 0, 1, i / n, (i + 1) / n), mix(lower, upper, (i + 0.5) / n)) for i in range(n)]


def painted(quad: Quad, paint: Tone) -> list[Face]:
    return bands(quad, mix(paint, TRIM, 0.4), paint)


def glass(quad: Quad, margin_u: float = 0.0, margin_v: float = 0.0) -> list[Face]:
    return bands(inset(quad, margin_u, 1 - margin_u, margin_v, 1 - margin_v), GLASS, GLASS_SKY)


def hull(ribs: Sequence[Rib], paint: Tone, top: Tone | None = None) -> list[Face]:
    """Sides and top over these cross-sections, from the rear one on."""
    faces: list[Face] = []
    for (l0, a0, a1, aw), (l1, b0, b1, bw) in pairwise(ribs):
        right: Quad = (aw, a0, l0), (bw, b0, l1), (bw, b1, l1), (aw, a1, l0)
        left: Quad = (-bw, b0, l1), (-aw, a0, l0), (-aw, a1, l0), (-bw, b1, l1)
        for side in (right, left):
            faces += bands(side, mix(paint, TRIM, 0.55), mix(paint, HEAD, 0.08), 3)
        faces.append(face(((-aw, a1, l0), (aw, a1, l0), (bw, b1, l1), (-bw, b1, l1)), top or paint))
    return faces


def block(ribs: Sequence[Rib], paint: Tone) -> list[Face]:
    """A hull with its rear and its front."""
    return [*hull(ribs, paint), face(rear_wall(*ribs[0]), paint), face(front_wall(*ribs[-1]), paint)]


def greenhouse(paint: Tone, w: float, belt_m: float, roof_m: float, pillars: Sequence[float]) -> list[Face]:
    """Windows and roof of a car.

    Args:
        pillars: l of the rear window's foot and head, and of the windscreen's head and foot.
    """
    foot0, head0, head1, foot1 = pillars
    v = 0.80 * w  # the windows lean inwards
    rear: Quad = (-w, belt_m, foot0), (w, belt_m, foot0), (v, roof_m, head0), (-v, roof_m, head0)
    front: Quad = (w, belt_m, foot1), (-w, belt_m, foot1), (-v, roof_m, head1), (v, roof_m, head1)
    right: Quad = (w, belt_m, foot0), (w, belt_m, foot1), (v, roof_m, head1), (v, roof_m, head0)
    left: Quad = (-w, belt_m, foot1), (-w, belt_m, foot0), (-v, roof_m, head0), (-v, roof_m, head1)
    faces = [face(quad, paint) for quad in (rear, front, right, left)]
    faces += [*glass(rear, 0.07, 0.1), *glass(front, 0.05, 0.07)]
    for side in (right, left):
        faces += glass(inset(side, 0.03, 0.5, 0, 1), 0.1, 0.12)
        faces += glass(inset(side, 0.5, 0.97, 0, 1), 0.06, 0.12)
    return [*faces, *bands(deck(head0, head1, roof_m, v), paint, mix(paint, HEAD, 0.12))]


def side_mirrors(w: float, y: float, along: float, tone: Tone) -> Part:
    box = block(((along - 0.1, y - 0.08, y + 0.1, 0.1), (along + 0.1, y - 0.08, y + 0.1, 0.1)), tone)
    return Part(
        along,
        tuple(Face(f.points + np.array((x, 0.0, 0.0)), f.tone) for x in (-w - 0.08, w + 0.08) for f in box),
    )


def tyre_ends(along: float, w: float) -> list[Face]:
    """Return the tyres of an axle as seen from the rear and the front, under the bumper."""
    walls = rear_wall(along - 0.3, 0.0, 0.5, 0.13), front_wall(along + 0.3, 0.0, 0.5, 0.13)
    return [face([(px + x, y, z) for px, y, z in wall], TYRE) for x in (0.16 - w, w - 0.16) for wall in walls]


def wheel(x: float, along: float, radius_m: float, tone: Tone) -> Face:
    """A disc that faces to the side on which it stands: x < 0 is left."""
    angles = [math.copysign(2 * math.pi * i / 14, x) for i in range(14)]
    return face(
        [(x, radius_m + radius_m * math.sin(a), along + radius_m * math.cos(a)) for a in angles], tone
    )


def wheels(along: float, w: float, radius_m: float) -> list[Face]:
    """Return the outer sides of an axle's two wheels."""
    faces: list[Face] = []
    for x in (-w - 0.01, w + 0.01):
        hub = wheel(x, along, 0.55 * radius_m, HUB)
        faces += [
            wheel(x, along, radius_m, TYRE),
            Face(hub.points + np.array((0.0, 0.45 * radius_m, 0.0)), HUB),
        ]
    return faces
