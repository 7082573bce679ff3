"""The vehicles of the traffic scene: cars, pick-ups, buses and trucks, their paints and their shares."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.sources.traffic.bodywork import (
    HEAD,
    PAINT,
    PLATE,
    TAIL,
    TRIM,
    WHITE,
    Body,
    Face,
    Lamp,
    Part,
    Tone,
    bands,
    deck,
    face,
    front_wall,
    glass,
    greenhouse,
    hull,
    inset,
    mirrored,
    mix,
    painted,
    rear_wall,
    side_mirrors,
    side_walls,
    tyre_ends,
    wheels,
)

Paint = tuple[int, int, int]  # BGR, 0..255, in full daylight

CAR_PAINTS: tuple[Paint, ...] = (
    (236, 236, 234), (196, 198, 200), (150, 152, 154), (74, 72, 70), (48, 46, 46), (36, 34, 170),
    (150, 88, 36), (110, 52, 30), (62, 92, 40), (130, 170, 196), (40, 150, 225),
)  # fmt: skip
BUS_PAINTS: tuple[Paint, ...] = ((40, 38, 190), (150, 90, 30), (40, 170, 235), (90, 130, 50))
TRUCK_PAINTS: tuple[Paint, ...] = (
    (150, 88, 36),
    (36, 34, 170),
    (62, 92, 40),
    (70, 140, 205),
    (214, 216, 220),
)
DISPLAY: Tone = (60, 190, 250, 0)  # a bus's line number


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of vehicle: its body, the paints it comes in, and its share of the traffic, in [0, 1]."""

    body: Body
    paints: tuple[Paint, ...]
    share: float


def car(
    length_m: float,
    half_width_m: float,
    belt_m: float,
    roof_m: float,
    pillars: Sequence[float],
    label: str = "car",
) -> Body:
    """A passenger car.

    Args:
        belt_m, roof_m: heights of the windows' lower edge and of the roof.
        pillars: l of the rear window's foot and head, and of the windscreen's head and foot.
        label: what COCO calls it.
    """
    w, end, axles = half_width_m, length_m, (0.18 * length_m, 0.81 * length_m)
    ribs = (
        (0.0, 0.30, 0.84 * belt_m, 0.93 * w),
        (0.20, 0.24, 0.97 * belt_m, w),
        (pillars[0] + 0.25, 0.20, belt_m, w),
        (pillars[3], 0.20, belt_m, w),
        (end - 0.65, 0.20, 0.88 * belt_m, 0.98 * w),
        (end - 0.15, 0.22, 0.78 * belt_m, 0.93 * w),
        (end, 0.28, 0.66 * belt_m, 0.86 * w),
    )
    rear, front = rear_wall(*ribs[0]), front_wall(*ribs[-1])
    faces = [f for along in axles for f in tyre_ends(along, w)]
    faces += hull(ribs, PAINT)
    faces += [f for along in axles for f in wheels(along, w, 0.33)]
    faces += [*painted(rear, PAINT), face(inset(rear, 0.02, 0.98, 0.0, 0.2), TRIM)]
    faces += [face(quad, TAIL, Lamp.TAIL) for quad in mirrored(rear, 0.01, 0.22, 0.62, 0.96)]
    faces.append(face(inset(rear, 0.37, 0.63, 0.42, 0.66), PLATE))
    faces += [*painted(front, PAINT), face(inset(front, 0.08, 0.92, 0.0, 0.3), TRIM)]
    faces.append(face(inset(front, 0.27, 0.73, 0.55, 0.88), TRIM))
    faces.append(face(inset(front, 0.38, 0.62, 0.32, 0.52), PLATE))
    faces += [face(quad, HEAD, Lamp.HEAD) for quad in mirrored(front, 0.0, 0.22, 0.58, 0.95)]
    faces += greenhouse(PAINT, 0.95 * w, belt_m, roof_m, pillars)
    mirrors = side_mirrors(w, belt_m + 0.1, pillars[3] - 0.35, PAINT)
    return Body(label, length_m, w, (Part(length_m / 2, tuple(faces)), mirrors))


def pickup() -> Body:
    """COCO calls it a truck."""
    shell = car(5.2, 0.95, 1.08, 1.78, (2.05, 2.2, 3.1, 3.75), label="truck")
    whole, mirrors = shell.parts
    bed = bands(deck(0.15, 2.0, 1.085, 0.8), TRIM, mix(TRIM, HEAD, 0.12))
    return Body(shell.label, shell.length_m, shell.half_width_m, (Part(2.6, (*whole.faces, *bed)), mirrors))


def bus() -> Body:
    """A city bus of 10 m."""
    w, high, end = 1.25, 3.0, 10.0
    roof = mix(PAINT, HEAD, 0.85)
    ribs = (
        (0, 0.4, 2.9, 0.97 * w),
        (0.15, 0.35, high, w),
        (end - 0.3, 0.35, high, w),
        (end, 0.4, 2.85, 0.96 * w),
    )
    rear, front = rear_wall(*ribs[0]), front_wall(*ribs[-1])
    faces = [*tyre_ends(1.9, w), *tyre_ends(7.4, w), *hull(ribs, PAINT, top=roof)]
    for side in side_walls(0.3, end - 0.4, 0.35, high, w + 0.005):
        for i in range(7):
            faces += glass(inset(side, i / 7, (i + 1) / 7, 0.4, 0.86), 0.02)
    faces += [*wheels(1.9, w, 0.48), *wheels(7.4, w, 0.48), *painted(rear, PAINT), *painted(front, PAINT)]
    faces += glass(inset(rear, 0.08, 0.92, 0.54, 0.9))
    faces.append(face(inset(rear, 0.2, 0.8, 0.14, 0.4), mix(PAINT, TRIM, 0.8)))
    faces.append(face(inset(rear, 0.4, 0.6, 0.05, 0.13), PLATE))
    faces += [face(quad, TAIL, Lamp.TAIL) for quad in mirrored(rear, 0.02, 0.13, 0.18, 0.44)]
    faces += glass(inset(front, 0.03, 0.97, 0.30, 0.83))
    faces += [
        face(inset(front, 0.495, 0.505, 0.30, 0.83), TRIM),
        face(inset(front, 0.1, 0.9, 0.85, 0.97), TRIM),
    ]
    faces.append(face(inset(front, 0.2, 0.8, 0.875, 0.945), DISPLAY))
    faces += [face(inset(front, 0.0, 1.0, 0.0, 0.08), TRIM), face(inset(front, 0.4, 0.6, 0.1, 0.17), PLATE)]
    faces += [face(quad, HEAD, Lamp.HEAD) for quad in mirrored(front, 0.03, 0.18, 0.13, 0.22)]
    faces += [face(deck(at, at + 1.3, high + 0.01, 0.5), mix(roof, TRIM, 0.2)) for at in (1.8, 5.6)]
    return Body("bus", end, w, (Part(end / 2, tuple(faces)), side_mirrors(w, 2.2, end - 0.1, TRIM)))


def box_truck(cab: Tone, box: Tone) -> Body:
    """A rigid truck of 8 m with a closed box."""
    cab_faces, mirrors = _truck_cab(cab)
    return Body("truck", 8.0, 1.2, (Part(3.0, tuple(_truck_box(box))), Part(7.0, tuple(cab_faces)), mirrors))


def _truck_box(tone: Tone) -> list[Face]:
    w, end, low, high = 1.2, 5.9, 0.95, 3.2
    frame = mix(tone, TRIM, 0.45)
    rear, under = rear_wall(0.0, low, high, w), rear_wall(0.07, 0.5, 0.85, w)
    faces = [*tyre_ends(1.5, w), *hull(((0.1, 0.5, low, 0.9 * w), (end, 0.5, low, 0.9 * w)), TRIM)]
    faces += [*wheels(1.5, w, 0.48), face(rear_wall(0.08, 0.45, low, w), TRIM)]
    faces += [face(quad, TAIL, Lamp.TAIL) for quad in mirrored(under, 0.03, 0.17, 0.1, 0.9)]
    faces.append(face(inset(under, 0.4, 0.6, 0.2, 0.8), PLATE))
    faces += hull(((0.0, low, high, w), (end, low, high, w)), tone)
    faces += [*bands(rear, mix(tone, TRIM, 0.15), tone), face(inset(rear, 0.0, 1.0, 0.96, 1.0), frame)]
    faces += [face(inset(rear, u, u + 0.025, 0.02, 0.98), frame) for u in (0.0, 0.4875, 0.975)]
    faces += [face(quad, TRIM) for quad in mirrored(rear, 0.44, 0.47, 0.1, 0.6)]
    return [*faces, *painted(front_wall(end, low, high, w), tone)]


def _truck_cab(tone: Tone) -> tuple[list[Face], Part]:
    w, end = 1.2, 8.0
    ribs = ((6.05, 0.45, 2.55, 0.95 * w), (7.6, 0.4, 2.55, 0.97 * w), (end, 0.4, 2.35, 0.9 * w))
    front = front_wall(*ribs[-1])
    faces = [*tyre_ends(6.9, w), *hull(ribs, tone)]
    for side in side_walls(6.3, 7.6, 0.4, 2.55, 0.975 * w):
        faces += glass(inset(side, 0.1, 0.9, 0.55, 0.9))
    faces += [*wheels(6.9, w, 0.48), *painted(front, tone), *glass(inset(front, 0.05, 0.95, 0.52, 0.9))]
    faces.append(face(inset(front, 0.18, 0.82, 0.25, 0.45), TRIM))
    faces.append(face(inset(front, 0.0, 1.0, 0.0, 0.2), mix(tone, TRIM, 0.7)))
    faces.append(face(inset(front, 0.4, 0.6, 0.04, 0.13), PLATE))
    faces += [face(quad, HEAD, Lamp.HEAD) for quad in mirrored(front, 0.03, 0.2, 0.1, 0.24)]
    return faces, side_mirrors(w, 1.9, end - 0.2, TRIM)


FLEET = (
    Model(car(4.05, 0.88, 0.93, 1.48, (0.12, 0.5, 2.35, 3.05)), CAR_PAINTS, 0.28),  # hatchback
    Model(car(4.65, 0.91, 0.95, 1.45, (0.7, 1.4, 2.75, 3.5)), CAR_PAINTS, 0.26),  # saloon
    Model(car(4.6, 0.94, 1.08, 1.72, (0.08, 0.4, 2.75, 3.45)), CAR_PAINTS, 0.23),  # sport utility vehicle
    Model(pickup(), CAR_PAINTS, 0.05),
    Model(bus(), BUS_PAINTS, 0.08),
    Model(box_truck(PAINT, WHITE), TRUCK_PAINTS, 0.06),
    Model(box_truck(WHITE, PAINT), TRUCK_PAINTS, 0.04),
)
