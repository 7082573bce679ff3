from pathlib import Path

import numpy as np
import pytest

from pipeline.class_names import COCO, DOTA, class_name
from pipeline.collector.drawing import annotated, box_corners, class_color

METADATA = Path(__file__).parents[4] / "shared" / "data" / "yolo11n_int8_openvino_model" / "metadata.yaml"
GRAY = np.full((180, 320, 3), 128, np.uint8)


def rows(*values: tuple[float, ...]):
    return np.array(values, np.float32)


def is_color(pixels, class_id: int) -> bool:
    return bool((pixels == class_color(class_id)).all())


def test_boxes_are_scaled_to_the_pictures_size():
    picture = annotated(GRAY, rows((80, 60, 240, 150, 0.9, 2)), (640, 360), "")
    assert picture.shape == (360, 640, 3)
    assert is_color(picture[200, 160], 2)
    assert is_color(picture[200, 480], 2)
    assert is_color(picture[300, 300], 2)
    assert (picture[200, 300] == 128).all()


def test_the_frame_itself_is_left_alone():
    frame = GRAY.copy()
    frame.flags.writeable = False
    annotated(frame, rows((80, 60, 240, 150, 0.9, 2)), (320, 180), "LOW 320x180")
    assert (frame == 128).all()


def test_the_caption_keeps_to_its_corner():
    picture = annotated(GRAY, np.zeros((0, 6), np.float32), (320, 180), "LOW 320x180")
    changed = np.argwhere((picture != 128).any(axis=2))
    assert len(changed) > 50
    assert changed[:, 0].min() > 160
    assert changed[:, 1].max() < 100


def test_a_turned_box_has_turned_corners():
    corners = box_corners(rows((100, 50, 40, 20, np.pi / 2, 0.9, 1)))
    assert corners.shape == (1, 4, 2)
    assert corners[0].tolist() == pytest.approx(
        np.array([[110, 30], [110, 70], [90, 70], [90, 30]]), abs=1e-4
    )


def test_a_turned_box_is_drawn_along_its_own_sides():
    picture = annotated(GRAY, rows((160, 90, 100, 100, np.pi / 4, 0.9, 1)), (320, 180), "")
    upper, right = picture[18:24, 160], picture[90, 228:234]
    assert (upper != 128).any()
    assert (right != 128).any()
    assert (picture[45, 115] == 128).all()


def test_boxes_beyond_the_edge_and_broken_numbers_do_no_harm():
    boxes = rows(
        (-1e9, -50, 1e9, 50, 0.9, 0),
        (np.nan, 0, 10, 10, 0.9, 0),
        (0, 0, 10, 10, np.inf, 0),
        (400, 300, 500, 400, 0.9, 200),
        (300, -5, 400, 20, 0.9, 3),
    )
    assert annotated(GRAY, boxes, (320, 180), "LOW").shape == (180, 320, 3)


def test_neighbouring_classes_differ_in_colour():
    for first in range(0, 80, 8):
        colors = np.array([class_color(first + k) for k in range(8)])
        distances = np.abs(colors[:, None] - colors[None]).sum(axis=2)
        assert distances[~np.eye(8, dtype=bool)].min() > 90


def test_unknown_classes_are_named_by_their_number():
    assert class_name(2, COCO) == "car"
    assert class_name(80, COCO) == "80"
    assert class_name(-1, COCO) == "-1"
    assert class_name(9, DOTA) == "large vehicle"


@pytest.mark.skipif(not METADATA.exists(), reason="no model in ../shared/data")
def test_names_are_the_models_own():
    lines = METADATA.read_text().partition("names:\n")[2].splitlines()
    names = [line.partition(": ")[2].strip("'\"") for line in lines if line.startswith("  ")]
    assert tuple(names[: len(COCO)]) == COCO
