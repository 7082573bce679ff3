"""Ladders come from the source itself."""

import pytest

from pipeline.settings import StreamSettings, inference_size_px, ladders_for


def test_the_source_is_the_highest_level():
    ladders = ladders_for(640, 360, 30.0, ("n", "s", "m"))
    assert ladders.fps == (5, 10, 15, 20, 25, 30)
    assert ladders.sizes == ((160, 90), (320, 180), (480, 270), (640, 360))
    assert ladders.settings((5, 3, 2)) == StreamSettings(30.0, 640, 360, 2)


def test_an_odd_source_keeps_its_aspect_and_rate():
    ladders = ladders_for(540, 960, 23.976, ("n",))
    assert ladders.fps == (5, 10, 15, 20, 23.976)
    assert ladders.sizes[-1] == (540, 960) and ladders.sizes[3] == (202, 360)
    assert ladders.n_levels == (5, 7, 1)


def test_a_slow_small_source_has_ladders_of_one_level():
    assert ladders_for(64, 48, 2.0, ("x",)).n_levels == (1, 1, 1)


def test_grades_ascend_whatever_order_they_are_given_in():
    assert ladders_for(640, 360, 30.0, ("x", "n", "m")).grades == ("n", "m", "x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grades": ()}, "grades must be"),
        ({"grades": ("n", "n")}, "grades must be"),
        ({"grades": ("q",)}, "grades must be"),
        ({"fps_levels": (10.0, 60.0)}, "fps_levels must be in"),
        ({"heights_px": (720,)}, "heights_px must be in"),
        ({"heights_px": (0, 90)}, "heights_px must be in"),
    ],
)
def test_levels_that_cannot_be_are_refused(changes, words):
    arguments = {"width": 640, "height": 360, "fps": 30.0, "grades": ("n",), **changes}
    with pytest.raises(ValueError, match=words):
        ladders_for(**arguments)


@pytest.mark.parametrize("levels", [(0, 0), (6, 0, 0), (0, -1, 0)])
def test_levels_outside_the_ladders_are_refused(levels):
    with pytest.raises(ValueError):
        ladders_for(640, 360, 30.0, ("n",)).settings(levels)


def test_inference_sees_height_and_width_rounded_up_to_the_stride():
    assert inference_size_px(640, 360) == (384, 640)
    assert inference_size_px(160, 90) == (96, 160)
    assert inference_size_px(320, 192) == (192, 320)
