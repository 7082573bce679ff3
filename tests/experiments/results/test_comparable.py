"""What was judged by other rules is refused by field, values and runs, with a way out."""

import pytest

from experiments.program.errors import ConfigError
from experiments.results.collection import collected
from tests.experiments.results.candidates import candidate


def refusal(*candidates):
    with pytest.raises(ConfigError) as caught:
        collected(candidates, "")
    return str(caught.value)


def test_other_thresholds_are_refused_by_name():
    strict = {"slo.slos": [{"metric": "load", "threshold": 0.5, "warn_at": 0.9}]}
    text = refusal(
        candidate("results/a"),
        candidate("results/b", seed=1),
        candidate("results/c", strict, slo="strict", spec_hash="eeeeeeeeeeee"),
    )
    assert "slo.load.threshold is 1 in 2 runs (results/a, ...), 0.5 in 1 run (results/c)" in text
    assert text.endswith("choose, for example with where=\"slo == 'default'\"")
    assert "spec_hash" not in text  # the field says it better


def test_other_knobs_are_refused():
    wide = {"video.width": 1280, "video.height": 720}
    text = refusal(candidate("b"), candidate("a", wide, video="wide", spec_hash="eeeeeeeeeeee"))
    assert "video.width is 640 in 1 run (b), 1280 in 1 run (a); video.height is " in text


def test_other_weights_of_quality_are_refused():
    weights = {"slo.qoe_weights.grade": 2.0}
    assert "knob.grade.weight is 1 in 1 run (b), 2 in" in refusal(
        candidate("b"), candidate("a", weights, slo="sharp", spec_hash="eeeeeeeeeeee")
    )


def test_accuracies_of_another_hardware_are_no_reason():
    measured = {"hardware.accuracy": {"n": {"640x360": 0.5}}}
    found = collected([candidate("a"), candidate("b", measured, hardware="x", spec_hash="eeeeeeeeeeee")], "")
    assert [cell.name for cell in found.cells] == ["rpi5/steady", "x/steady"]


def test_one_world_that_was_judged_twice_is_refused():
    older = candidate(
        "b", begun="20261101-000000", agent="aimd", spec_hash="eeeeeeeeeeee", git_commit="older"
    )
    text = refusal(candidate("a"), older)
    assert "in rpi5/steady" in text
    assert "spec_hash is aaaaaaaaaaaa in 1 run (a), eeeeeeeeeeee in 1 run (b)" in text
    assert "where=\"git_commit == 'dddddddddddd'\"" in text


def test_a_choice_makes_it_comparable():
    other = {"slo.slos": [{"metric": "load", "threshold": 0.5, "warn_at": 0.9}]}
    runs = [candidate("a"), candidate("b", other, slo="strict", spec_hash="eeeeeeeeeeee")]
    assert len(collected(runs, "slo == 'default'").cells) == 1
