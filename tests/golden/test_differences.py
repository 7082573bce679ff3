"""How the golden set says what has changed."""

import math

from tests.golden import fixture
from tests.golden.figures import differences, flat, kept

TITLE = "trace of run rule, rpi5, worker_loss, 0"
BEFORE = {TITLE: {"step": [0, 1, 2], "reward": [0.1, 0.2, 0.3], "qoe": [1.0, 1.0, 1.0]}}


def changed(**columns):
    return {TITLE: BEFORE[TITLE] | columns}


def test_equal_figures_are_no_difference_and_new_ones_neither():
    assert differences(BEFORE, changed(power_w=[1.0, 1.0, 1.0]) | {"trace of another": {}}) == []


def test_the_first_step_that_differs_is_named_with_both_values():
    now = changed(reward=[0.1, 0.20000000000000004, 0.9], qoe=[1.0, 1.0, 0.5])
    assert differences(BEFORE, now) == [f"{TITLE}, step 1: reward 0.2 then, 0.20000000000000004 now"]


def test_a_trace_that_ends_early_is_named():
    now = changed(step=[0, 1], reward=[0.1, 0.2], qoe=[1.0, 1.0])
    assert "step 2: step 2 then, nothing now; reward 0.3 then, nothing now" in differences(BEFORE, now)[0]


def test_a_run_or_a_column_that_is_gone_is_named():
    assert differences(BEFORE, {}) == [f"{TITLE}: there is none now"]
    assert differences(BEFORE, {TITLE: {"step": [0, 1, 2]}}) == [f"{TITLE}: there is no reward, qoe now"]


def test_rows_of_tables_are_rows():
    assert differences({"cells.csv": {"score": ["0.5"]}}, {"cells.csv": {"score": ["0.6"]}}) == [
        "cells.csv, row 0: score '0.5' then, '0.6' now"
    ]


def test_what_a_machine_took_and_what_a_run_depends_on_is_left_out():
    facts = {
        "machine": {"cpu": "x"},
        "decision_ms_p50": 1.0,
        "frames": {"lost": 0},
        "qoe": [math.nan],
    }
    columns = {name: [value] for name, value in flat(facts)}
    assert kept(columns) == {"frames.lost": [0], "qoe.0": ["nan"]}


def test_every_digit_comes_back_from_the_files(tmp_path):
    figures = {"run": {"reward": [0.1 + 0.2, "nan", None, True]}, "cells.csv": {"score": ["0.50"]}}
    fixture.save(figures, BEFORE, tmp_path)
    assert fixture.load(tmp_path) == (figures, BEFORE)
