"""What can be seen of vehicles that hide each other, against a painter who marks every pixel."""

import cv2
import numpy as np
import pytest

from pipeline.sources.traffic.daylight import light_at
from pipeline.sources.traffic.flow import FAR_Z_M, LANES, NEAR_Z_M, TrafficFlow, Vehicle
from pipeline.sources.traffic.perspective import Perspective
from pipeline.sources.traffic.placement import Placement, place, truths
from pipeline.sources.traffic.sprites import SpriteBook
from pipeline.sources.traffic.vehicles import FLEET

PERSPECTIVE = Perspective(640, 360)
ONCOMING, OUTGOING = LANES[1], LANES[2]


def vehicle(z_m: float, track: int, model: int = 0, is_oncoming: bool = False) -> Vehicle:
    """A vehicle whose near end is at z."""
    body = FLEET[model].body
    front_m = FAR_Z_M - z_m if is_oncoming else z_m - NEAR_Z_M + body.length_m
    lane = ONCOMING if is_oncoming else OUTGOING
    return Vehicle(
        FLEET[model], FLEET[model].paints[5 % len(FLEET[model].paints)], lane, track, 0.0, front_m, 10.0, 10.0
    )


def painted_owner(placements: list[Placement]) -> np.ndarray:
    """For every pixel of the picture the track of the vehicle seen there, or 0; drawn from far to near."""
    owner = np.zeros((360, 640), int)
    for placement in placements:
        left, top = placement.canvas[:2]
        for row, column in np.argwhere(placement.mask):
            x, y = left + column, top + row
            if placement.cells[0] <= x < placement.cells[2] and placement.cells[1] <= y < placement.cells[3]:
                owner[y, x] = placement.vehicle.track
    return owner


def test_shares_and_visible_boxes_are_those_of_a_painter_from_far_to_near():
    flow = TrafficFlow(np.random.default_rng(11))
    book = SpriteBook(PERSPECTIVE)
    n_hidden = 0
    for _ in range(6):
        flow.step(7.0)
        placements = place(flow.vehicles, book, PERSPECTIVE)
        owner = painted_owner(placements)
        truth = {box.track: box for box in truths(placements)}
        for placement in placements:
            track = placement.vehicle.track
            n_seen, n_whole = (owner == track).sum(), placement.mask.sum()
            if track not in truth:
                assert n_seen <= 2
                continue
            box = truth[track]
            assert box.visible_share == pytest.approx(n_seen / n_whole, abs=1e-9)
            rows, columns = np.nonzero(owner == track)
            bounds = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            assert box.visible == pytest.approx(bounds, abs=1.6)
            n_hidden += box.visible_share < 0.9
    assert n_hidden >= 6


def test_a_vehicle_alone_is_seen_whole():
    (box,) = truths(place([vehicle(60.0, track=1)], SpriteBook(PERSPECTIVE), PERSPECTIVE))
    assert (box.label, box.track, box.visible_share) == ("car", 1, 1.0)
    assert box.visible == box.full


def test_a_truck_in_front_hides_part_of_a_car():
    placements = place([vehicle(95.0, 1), vehicle(60.0, 2, model=5)], SpriteBook(PERSPECTIVE), PERSPECTIVE)
    car, truck = truths(placements)
    assert truck.visible_share == 1.0
    assert 0 < car.visible_share < 0.7
    assert car.visible[3] <= truck.full[3]


def test_the_full_box_bounds_the_pixels_that_nothing_shines_through():
    light, book = light_at(1.0), SpriteBook(PERSPECTIVE)
    for z_m, is_oncoming in ((40.0, False), (90.0, False), (45.0, True), (140.0, True)):
        (placement,) = place([vehicle(z_m, 1, is_oncoming=is_oncoming)], book, PERSPECTIVE)
        on_black, on_white = (np.full((360, 640, 3), shade, np.uint8) for shade in (0, 255))
        placement.draw(on_black, book, light)
        placement.draw(on_white, book, light)
        shines_through = cv2.absdiff(on_black, on_white)[:, :, 1]
        rows, columns = np.nonzero(shines_through < 60)  # less than through any shadow
        bounds = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert placement.full == pytest.approx(bounds, abs=1.6)


def test_a_vehicle_beyond_the_crest_is_cut_off_by_it():
    placements = place([vehicle(168.0, 1, model=4)], SpriteBook(PERSPECTIVE), PERSPECTIVE)
    (box,) = truths(placements)
    assert 0 < box.visible_share < 1
    assert box.visible[3] <= PERSPECTIVE.crest_px < box.full[3]


@pytest.mark.parametrize("model", range(len(FLEET)))
def test_vehicles_come_and_go_unseen(model: int):
    beyond = vehicle(FAR_Z_M, 1, model, is_oncoming=True)
    below = vehicle(NEAR_Z_M - FLEET[model].body.length_m, 2, model)
    assert below.front_m == pytest.approx(0.0)
    assert truths(place([beyond, below], SpriteBook(PERSPECTIVE), PERSPECTIVE)) == ()


def test_no_vehicles_no_truth():
    assert truths(place([], SpriteBook(PERSPECTIVE), PERSPECTIVE)) == ()
