"""Every ns of a worker's time is booked once, as it passes."""

import random

import pytest

from pipeline.producer.occupancy import Occupancy
from tests.pipeline.producer.conversation import MS, S


def test_a_task_that_lasts_is_booked_interval_by_interval_and_its_result_brings_the_rest():
    worker = Occupancy(since_ns=0)
    worker.told(started_ns=200 * MS, running_ns=1 * MS)
    booked = []
    for now_ns in (1 * S, 2 * S):
        booked.append(worker.unbooked_ns(now_ns))
        worker.book(now_ns)
    assert booked == [800 * MS, 1 * S]
    assert worker.finished(done_ns=2860 * MS, service_ns=2660 * MS) == 860 * MS
    assert worker.unbooked_ns(3 * S) == 0, "it is done"


def test_reading_changes_nothing_until_it_is_booked():
    worker = Occupancy(since_ns=0)
    worker.told(1 * S, 0)
    assert worker.unbooked_ns(3 * S) == worker.unbooked_ns(3 * S) == 2 * S


def test_short_tasks_are_booked_when_their_results_come():
    worker = Occupancy(since_ns=0)
    assert [worker.finished(done_ns=n * 100 * MS, service_ns=40 * MS) for n in range(1, 4)] == [40 * MS] * 3


def test_the_next_task_may_be_known_before_the_result_of_the_one_before():
    worker = Occupancy(since_ns=0)
    worker.told(0 + 100 * MS, 300 * MS)
    worker.book(1 * S)  # 100 ... 1000
    worker.told(1300 * MS, 100 * MS)
    assert worker.unbooked_ns(2 * S) == 700 * MS
    worker.book(2 * S)
    assert worker.finished(done_ns=1300 * MS, service_ns=1200 * MS) == 300 * MS, "1000 ... 1300"
    assert worker.unbooked_ns(2100 * MS) == 100 * MS, "the next one still runs"
    assert worker.finished(done_ns=2500 * MS, service_ns=1200 * MS) == 500 * MS


def test_what_a_heartbeat_says_late_of_a_finished_task_is_not_believed():
    worker = Occupancy(since_ns=0)
    worker.finished(done_ns=900 * MS, service_ns=500 * MS)
    worker.told(400 * MS, 450 * MS)
    assert worker.unbooked_ns(2 * S) == 0 and worker.running_ns == 0


def test_time_before_it_registered_is_not_booked():
    worker = Occupancy(since_ns=10 * S)
    worker.told(4 * S, 6 * S)
    assert worker.unbooked_ns(11 * S) == 1 * S
    assert worker.finished(done_ns=12 * S, service_ns=8 * S) == 2 * S


def test_a_stranger_that_never_says_what_it_is_at_is_booked_by_results_alone():
    worker = Occupancy(since_ns=0)
    worker.told(0, 0)
    assert worker.unbooked_ns(5 * S) == 0


@pytest.mark.parametrize("seed", range(20))
def test_no_ns_is_booked_twice_and_none_of_a_task_is_missed(seed):
    """Tasks follow each other; heartbeats, results and readings come late and in any rhythm."""
    draw = random.Random(seed)
    tasks, free_ns = [], MS
    while free_ns < 60 * S:
        began_ns = free_ns + draw.choice((0, draw.randrange(400 * MS)))
        free_ns = began_ns + draw.randrange(1, draw.choice((50 * MS, 3 * S)))
        tasks.append((began_ns, free_ns))
    agenda = [(done + draw.randrange(200 * MS), 0, (began, done)) for began, done in tasks]
    for said_ns in range(0, free_ns, 400 * MS):
        running = next((began for began, done in tasks if began <= said_ns < done), 0)
        agenda.append((said_ns + draw.randrange(40 * MS), 1, (running, said_ns)))
    agenda += [(at_ns, 2, (0, 0)) for at_ns in range(S, free_ns + 2 * S, S)]
    results = iter(tasks)  # they arrive in order
    worker, total_ns, booked_ns = Occupancy(since_ns=0), 0, 0
    for at_ns, what, (a_ns, b_ns) in sorted(agenda):
        if what == 0:
            began_ns, done_ns = next(results)
            booked_ns += worker.finished(done_ns, done_ns - began_ns)
        elif what == 1:
            worker.told(a_ns, b_ns - a_ns if a_ns else 0)
        else:
            booked_ns += worker.unbooked_ns(at_ns)
            worker.book(at_ns)
            assert booked_ns <= 1.45 * S, "an interval has at most what the heartbeat before did not tell"
            total_ns, booked_ns = total_ns + booked_ns, 0
    total_ns += booked_ns
    served_ns = sum(done - began for began, done in tasks)
    assert served_ns <= total_ns <= served_ns + 200 * MS * len(tasks)
