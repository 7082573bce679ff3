"""When a task is overdue, and how two processes see it."""

import multiprocessing

from pipeline.worker.progress import LEAST_PATIENCE_NS, NEVER_NS, Patience, Progress

MS = 1_000_000
S = 1000 * MS
SHAPE = (36, 64, 3)


def test_the_first_task_of_a_grade_and_shape_may_take_any_time():
    patience = Patience()
    assert patience.due_ns(5 * S, 0, SHAPE, 1.0) == NEVER_NS
    patience.took(20 * MS, 0, SHAPE, 1.0)
    assert patience.due_ns(5 * S, 0, SHAPE, 1.0) == 5 * S + LEAST_PATIENCE_NS
    assert patience.due_ns(5 * S, 1, SHAPE, 1.0) == patience.due_ns(5 * S, 0, (18, 32, 3), 1.0) == NEVER_NS
    patience.forget()
    assert patience.due_ns(5 * S, 0, SHAPE, 1.0) == NEVER_NS


def test_a_task_may_take_five_times_as_long_as_the_longest_before_on_a_device_as_slow_as_now():
    patience = Patience()
    for service_ns in (2 * S, 1 * S):
        patience.took(service_ns, 0, SHAPE, 1.0)
    assert patience.due_ns(0, 0, SHAPE, 1.0) == 10 * S
    assert patience.due_ns(0, 0, SHAPE, 3.0) == 30 * S
    patience.took(7 * S, 0, SHAPE, 3.5)  # no longer than the first one
    assert patience.due_ns(0, 0, SHAPE, 1.0) == 10 * S


def test_what_one_side_writes_the_other_reads():
    progress = Progress(multiprocessing.get_context("spawn"))
    assert (progress.started_ns, progress.due_ns) == (0, NEVER_NS), "it starts"
    progress.wait()
    assert (progress.due_ns, progress.n_taken) == (0, 0)
    progress.take()
    progress.begin(started_ns=1 << 61, due_ns=(1 << 61) + 5)
    assert (progress.started_ns, progress.due_ns, progress.n_taken) == (1 << 61, (1 << 61) + 5, 1)
    progress.end()
    assert (progress.started_ns, progress.due_ns) == (0, NEVER_NS)
