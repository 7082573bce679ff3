"""The file, the table and the verdicts."""

import json
import math

import pytest
from rich.console import Console

from benchmarks.report import Goal, number, table, with_range, write_figures
from benchmarks.turns import spread
from pipeline.slos import Sense

FIGURES = spread("ratio", [0.62, 0.6, 0.7])


def test_figures_are_a_flat_map_from_name_to_number(tmp_path):
    path = tmp_path / "bench" / "pipeline.json"
    write_figures(FIGURES, path)
    assert json.loads(path.read_text()) == FIGURES


def test_a_figure_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"emulated\.ratio must be a finite number"):
        write_figures({"emulated.ratio": math.nan}, tmp_path / "pipeline.json")


@pytest.mark.parametrize(
    ("sense", "bound", "verdict"),
    [
        (Sense.AT_LEAST, 0.5, "at least 0.5: met"),
        (Sense.AT_LEAST, 0.7, "at least 0.7: missed"),
        (Sense.AT_MOST, 0.7, "at most 0.7: met"),
        (Sense.AT_MOST, 0.5, "at most 0.5: missed"),
    ],
)
def test_a_goal_says_what_was_measured_and_whether_it_is_met(sense, bound, verdict):
    console = Console(width=100, record=True)
    console.print(Goal("ratio", bound, "full ÷ bare", sense).verdict(FIGURES))
    assert console.export_text().strip() == f"full ÷ bare: 0.620 (0.600 to 0.700), {verdict}"


def test_a_goal_has_its_unit_at_both_numbers():
    line = Goal("ratio", 1.5, "aif decides", Sense.AT_MOST, "ms").verdict(FIGURES)
    assert line.startswith("aif decides: 0.620 (0.600 to 0.700) ms, at most 1.5 ms: ")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.0471, "0.047"), (0.123, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (1234.4, "1,234")],
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_what_was_not_compared_is_empty():
    assert with_range(FIGURES, "ratio_other") == ""


def test_a_table_has_a_row_per_contender():
    console = Console(width=100, record=True)
    console.print(
        table("Frames", ("frames/s", "÷ bare"), [("this pipeline", "1,234", "0.62"), ("bare", "2", "")])
    )
    printed = [line.split() for line in console.export_text().splitlines()]
    assert printed[-2:] == [["this", "pipeline", "1,234", "0.62"], ["bare", "2"]]
