"""What was judged by other rules is refused by field, values and runs, with a way out."""

import pytest

from experiments.program.errors import ConfigError
from experiments.results.collection import collected
from experiments.results.run_row import Row
from tests.experiments.results.rows import row


def refusal(*rows):
    with pytest.raises(ConfigError) as caught:
        collected(rows, "")
    return str(caught.value)


def test_other_thresholds_are_refused_by_name():
    strict = {"slo.slos": [{"metric": "load", "threshold": 0.5, "warn_at": 0.9}]}
    text = refusal(
        row("results/a"),
        row("results/b", seed=1),
        row("results/c", strict, slo="strict", spec_hash="eeeeeeeeeeee"),
    )
    assert "slo.load.threshold is 1 in 2 runs (results/b, ...), 0.5 in 1 run (results/c)" in text
    assert text.endswith("choose, for example with where=\"slo == 'default'\"")
    assert "spec_hash" not in text  # the field says it better


def test_other_knobs_are_refused():
    wide = {"video.width": 1280, "video.height": 720}
    text = refusal(row("b"), row("a", wide, video="wide", spec_hash="eeeeeeeeeeee"))
    assert "video.width is 640 in 1 run (b), 1280 in 1 run (a), video.height is " in text


def test_other_weights_of_quality_are_refused():
    weights = {"qoe.weights.grade": 2.0}
    assert "knob.grade.weight is 1 in 1 run (b), 2 in" in refusal(
        row("b"), row("a", weights, slo="sharp", spec_hash="eeeeeeeeeeee")
    )


def test_what_was_found_is_not_pooled_with_what_was_drawn_where_quality_is_by_it():
    def real(place: str, detections: str, by: str) -> Row:
        hardware = {"real": "local", "emulated": "rpi5"}[detections]
        return row(place, {"qoe.by": by}, env="pipeline", hardware=hardware, detections=detections)

    found = "detections is emulated in 1 run (b), real in 1 run (a)"
    assert found in refusal(real("a", "real", "ACCURACY"), real("b", "emulated", "ACCURACY"))
    by_knobs = collected([real("a", "real", "KNOBS"), real("b", "emulated", "KNOBS")], "")
    assert [cell.name for cell in by_knobs.cells] == ["local/steady", "rpi5/steady"]


def test_accuracies_of_another_hardware_are_no_reason():
    measured = {"hardware.accuracy": {"n": {"640x360": 0.5}}}
    found = collected([row("a"), row("b", measured, hardware="x", spec_hash="eeeeeeeeeeee")], "")
    assert [cell.name for cell in found.cells] == ["rpi5/steady", "x/steady"]


def test_one_world_that_was_judged_twice_is_refused():
    older = row("b", begun="20261101-000000", agent="aimd", spec_hash="eeeeeeeeeeee", git_commit="older")
    text = refusal(row("a"), older)
    assert "in rpi5/steady" in text
    assert "spec_hash is aaaaaaaaaaaa in 1 run (a), eeeeeeeeeeee in 1 run (b)" in text
    assert "where=\"git_commit == 'dddddddddddd'\"" in text


def test_a_choice_makes_it_comparable():
    other = {"slo.slos": [{"metric": "load", "threshold": 0.5, "warn_at": 0.9}]}
    rows = [row("a"), row("b", other, slo="strict", spec_hash="eeeeeeeeeeee")]
    assert len(collected(rows, "slo == 'default'").cells) == 1
