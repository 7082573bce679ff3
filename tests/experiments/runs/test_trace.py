"""The trace keeps every figure of every interval, whatever becomes of the run."""

import math
from contextlib import closing

import pytest

from experiments.runs.episode import Step, Steps, play
from experiments.runs.trace import JOURNAL, TRACE, TraceWriter, read_journal, read_trace, row_of, write_trace
from tests.experiments.world import SPEC, Script, World

KNOBS = [knob.name for knob in SPEC.knobs]


def steps_of(n_steps: int) -> list[Step]:
    kept = Steps()
    play(Script(SPEC, [(0, 0, 0), (5, 2, 1)]), World(n_steps), 0, [kept])
    return kept.seen


def test_a_row_names_every_figure_of_info_with_dots():
    row = row_of(steps_of(1)[0], KNOBS)
    assert row["step"] == 0
    assert (row["action.fps"], row["action.resolution"], row["action.grade"]) == (0, 0, 0)
    assert row["levels.fps"] == 0
    assert row["metrics.offered_fps"] == 5.0
    assert row["slos.load"] == 0
    assert row["workers.worker-0.processed"] == 5
    assert row["frames.delivered"] == 5
    assert row["explain.expected_capacity"] == 0.5


def test_steps_are_counted_from_zero_and_the_loop_ends_with_the_episode():
    steps = steps_of(3)
    assert [step.index for step in steps] == [0, 1, 2]
    assert [step.action for step in steps] == [(0, 0, 0), (5, 2, 1), (5, 2, 1)]


def test_a_written_trace_is_parquet_with_one_row_per_step_and_no_word_for_the_summary(tmp_path):
    with closing(TraceWriter(tmp_path)) as trace:
        for step in steps_of(3):
            trace.write(row_of(step, KNOBS))
        trace.note(status="FINISHED")
    rows, facts, _ = read_journal(tmp_path)
    assert facts == {"status": "FINISHED"}
    write_trace(tmp_path, rows)
    (tmp_path / JOURNAL).unlink()
    assert (tmp_path / TRACE).exists()
    assert list(read_trace(tmp_path)["action.fps"]) == [0, 5, 5]


def test_a_killed_run_leaves_its_rows_and_a_torn_last_line_is_left_out(tmp_path):
    trace = TraceWriter(tmp_path)
    trace.write({"step": 0, "qoe": 0.5})
    with (tmp_path / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write('{"step": 1, "qo')
    assert read_trace(tmp_path).to_dict("records") == [{"step": 0, "qoe": 0.5}]


def test_columns_that_appear_late_are_missing_before(tmp_path):
    with closing(TraceWriter(tmp_path)) as trace:
        trace.write({"step": 0})
        trace.write({"step": 1, "workers.b.processed": 7, "metrics.load": math.inf})
    frame = read_trace(tmp_path)
    processed, load = frame["workers.b.processed"].tolist(), frame["metrics.load"].tolist()
    assert math.isnan(processed[0])
    assert processed[1] == 7
    assert load[1] == math.inf


def test_a_directory_without_a_trace_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"trace\.parquet"):
        read_trace(tmp_path)
