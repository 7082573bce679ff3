"""The file and the tables."""

import json
import math

import pytest
from rich.console import Console

from experiments.bench.figures import Target, contenders_table, write_figures

FIGURES = {
    "emulated.full.frames_per_s": 1234.5,
    "emulated.full.cpu_ms_per_frame": 1.5,
    "emulated.bare.frames_per_s": 2000.0,
    "emulated.bare.cpu_ms_per_frame": 0.75,
    "emulated.ratio_full_to_bare": 0.62,
    "emulated.ratio_full_to_bare_lowest": 0.6,
    "emulated.ratio_full_to_bare_highest": 0.7,
    "emulated.limit.frames_per_s": 8000.0,
}


def test_figures_are_a_flat_map_from_name_to_number(tmp_path):
    path = tmp_path / "bench" / "pipeline.json"
    write_figures(FIGURES, path)
    assert json.loads(path.read_text()) == FIGURES


def test_a_figure_that_is_no_number_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"emulated\.ratio must be a finite number"):
        write_figures({"emulated.ratio": math.nan}, tmp_path / "pipeline.json")


def test_the_table_has_a_row_per_contender_that_was_measured():
    console = Console(width=100, record=True)
    rows = [("full", "the whole path"), ("bare", "bare chain"), ("ray", "Ray actors")]
    console.print(contenders_table("Frames", "emulated", rows, FIGURES))
    text = console.export_text()
    (full,) = [line for line in text.splitlines() if "the whole path" in line]
    assert [cell.strip() for cell in full.split("│")[1:-1]] == [
        "the whole path",
        "1,234",
        "1.50",
        "0.62",
        "15%",
    ]
    assert "bare chain" in text
    assert "Ray" not in text


@pytest.mark.parametrize(("at_least", "verdict"), [(0.5, "met"), (0.7, "missed")])
def test_a_target_says_whether_it_is_met(at_least, verdict):
    line = Target("emulated.ratio_full_to_bare", at_least, "full ÷ bare").verdict(FIGURES)
    assert line.startswith("full ÷ bare: 0.62 (0.60 to 0.70)")
    assert verdict in line
