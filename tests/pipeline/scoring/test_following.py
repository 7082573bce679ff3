"""A source of 10 frames/s, with a car that moves by 10 px from picture to picture, and others that come."""

import math

import numpy as np
import pytest

from pipeline.findings import Followed, box_jitter, box_jitter_px
from pipeline.scoring.following import Follower
from pipeline.scoring.matching import Detections, Objects

S = 1_000_000_000
BEGAN_NS = 50 * S
CAR = 7


def box(index: int, off: float = 0.0) -> np.ndarray:
    """20 x 40 px, by so much to the right and further down than the car is in this picture."""
    return np.array([(10.0 * index, 0.0, 10.0 * index + 20.0, 40.0)]) + off


def look(index: int) -> Objects:
    return Objects(box(index), ["car"], np.zeros(1, bool), [CAR])


def emit(follower: Follower, index: int, off: float | None) -> None:
    """A result of this picture; `off` is None where it shows nothing."""
    boxes = np.zeros((0, 4)) if off is None else box(index, off)
    found = Detections(boxes, ["car"] * len(boxes), np.ones(len(boxes)))
    follower.emitted(0, index, found, BEGAN_NS + index * S // 10)


def test_boxes_tremble_by_what_moves_them_against_their_objects():
    follower = Follower(look, 10.0, BEGAN_NS)
    for index, off in ((0, 1.0), (3, -1.0), (4, 0.0), (5, None), (6, 2.0)):
        emit(follower, index, off)
    followed = follower.followed
    assert followed.n == 2, "each with the result before; none with one that does not show it"
    assert box_jitter_px(followed) == pytest.approx((2.0 + 1.0) / 2), "however far the car has gone"
    assert box_jitter(followed) == pytest.approx(1.5 / 20)
    assert math.isnan(box_jitter(Followed()))


def test_a_picture_that_nobody_can_have_seen_yet_is_of_nothing():
    follower = Follower(look, 10.0, BEGAN_NS)
    found = Detections(box(10**9), ["car"], np.ones(1))
    follower.emitted(0, 10**9, found, BEGAN_NS)
    follower.emitted(0, 10**9, found, BEGAN_NS)
    assert follower.followed.n == 0


def test_an_object_is_waited_for_from_when_it_first_counts_until_it_is_shown():
    follower = Follower(look, 10.0, BEGAN_NS)
    follower.due(0, 0, (), objects(1))  # there from the beginning: nobody saw it come
    follower.due(0, S, (0,), objects(1, 2))  # object 2 comes
    follower.due(0, 2 * S, (0,), objects(1, 2, 3, hidden=3))
    follower.due(0, 3 * S, (0, 1), objects(1, 2, 3))  # 2 is shown after two seconds; 3 counts from now on
    assert math.isnan(follower.followed.delay_ms), "of one there is no spread"
    follower.due(0, 4 * S, (0, 1), objects(1, 2, 3, hidden=3))
    follower.due(0, 7 * S, (0, 1, 2), objects(1, 2, 3))
    follower.due(0, 8 * S, (0, 1, 2), objects(1, 2, 3))
    assert follower.followed.delay_ms == pytest.approx((2000 + 4000) / 2)
    assert follower.followed.spread_ms == pytest.approx(1000)


def objects(*ids: int, hidden: int = 0) -> Objects:
    """Objects of which one does not count."""
    return Objects(np.zeros((len(ids), 4)), ["car"] * len(ids), np.array([i == hidden for i in ids]), ids)


def test_what_is_beyond_an_earlier_tally_are_its_sums_and_what_holds_last():
    first, second = Followed(2, 3.0, 0.5, 100.0, 10.0), Followed(5, 9.0, 1.5, 200.0, 20.0)
    assert second - first == Followed(3, 6.0, 1.0, 200.0, 20.0)
    assert (Followed() + first) + (second - first) == second
