"""Profiles with figures made by hand."""

from typing import Any

import pytest

from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Origin


def grade(**by_height: tuple[float, ...]) -> GradeF1:
    f1 = {height.removeprefix("px"): values for height, values in by_height.items()}
    return GradeF1(f1, Origin.MEASURED, "this test")


N = grade(px100=(0.4, 0.2), px200=(0.8, 0.6))


def profile(**changes: Any) -> StreamProfile:
    """Heights 100 and 200 px, fresh and a second old."""
    return StreamProfile(**{"ages_s": (0.0, 1.0), "grades": {"n": N}, **changes})


def test_between_heights_and_ages_it_is_interpolated_and_beyond_them_it_stays():
    of = profile().f1
    assert [of("n", 200, age_s) for age_s in (0.0, 0.25, 1.0, 9.0)] == pytest.approx([0.8, 0.75, 0.6, 0.6])
    assert [of("n", height, 0.0) for height in (150, 400)] == pytest.approx([0.6, 0.8])
    assert of("n", 150, 0.5) == pytest.approx((0.3 + 0.7) / 2)


def test_below_the_lowest_height_less_and_less_is_found():
    assert [profile().f1("n", height, 0.0) for height in (0, 25)] == pytest.approx([0.0, 0.1])


def test_of_a_grade_that_was_not_measured_the_misses_are_scaled_and_it_ages_alike():
    scaled = 1 - 0.2 * (100 - 51.5) / (100 - 39.5)  # of COCO's mAP, m and n
    assert profile().f1("m", 200, 0.0) == pytest.approx(scaled)
    assert profile().f1("m", 200, 1.0) == pytest.approx(scaled * 0.6 / 0.8)
    assert profile().origin("m") is Origin.SCALED and profile().origin("n") is Origin.MEASURED
    assert profile(grades={"s": N}).f1("n", 200, 0.0) < 0.8, "from above, where there is none below"
    assert profile(grades={"n": grade(px100=(0.0, 0.0))}).f1("m", 100, 0.0) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ages_s": (0.1, 1.0)}, "ascend from 0"),
        ({"grades": {}}, "got \\[\\]"),
        ({"grades": {"q": N}}, "got \\['q'\\]"),
        ({"ages_s": (0.0,)}, "needs 1 values per height"),
        ({"second_sd": -1.0}, "must be >= 0"),
        ({"second_correlation": 1.0}, "in \\[0, 1\\)"),
        ({"pace": 0.0}, "in \\[0.1, 10.0\\], got 0.0"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=words):
        profile(**changes)


@pytest.mark.parametrize("values", [{"tall": (0.1,)}, {"100": (1.1,)}, {}])
def test_figures_are_shares_by_height_in_px(values: dict[str, tuple[float, ...]]):
    with pytest.raises(ValueError):
        GradeF1(values, Origin.MEASURED, "this test")
