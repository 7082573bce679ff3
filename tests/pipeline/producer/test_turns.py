"""Who gets which frame: each goes, in order, to the worker that would be done with it earliest."""

import pytest

from pipeline.messages import FIRST_TRIAL, Failure, GetWork, HandOut, SetKnobs, Start
from pipeline.producer.events import ControlRequested
from pipeline.producer.outlook import (
    Outlook,
    costs_of,
    free_after,
    n_done_before,
    next_done_ns,
    scaled,
    smoothed,
)
from pipeline.settings import ladders_for
from tests.pipeline.producer.conversation import MS, Conversation, S, tasks_of

GRADE, HEIGHT_PX = 2, 8  # of the settings in force


def begun(**changes) -> Conversation:
    """A producer that has begun, and a collector."""
    talk = Conversation(**{"queue_bound_s": 10.0, **changes})
    talk.wait(0.05)
    talk.sync()
    return talk


def known(talk: Conversation, name: bytes, service_ms: int, transfer_ms: int = 1) -> None:
    """Hire a worker, and have it do a frame in so long; it has nothing in hand then and asks for nothing."""
    talk.hire(name)
    talk.ask(name)
    (task,) = tasks_of(talk.frame())
    times = {"service_ns": service_ms * MS, "transfer_ns": transfer_ms * MS}
    talk.received_by(name.decode(), task[1], grade=GRADE, height_px=HEIGHT_PX, **times)
    talk.worker(name, GetWork(0))


@pytest.fixture
def talk() -> Conversation:
    """Of a worker b"a" that takes 10 ms, and b"b" that takes 100 ms: they have done frames 0 and 1."""
    talk = begun()
    known(talk, b"a", 10)
    known(talk, b"b", 100)
    return talk


def test_a_frame_waits_for_whoever_would_be_done_with_it_earlier(talk):
    talk.ask(b"b")
    talk.ask(b"a")
    assert tasks_of(talk.frame()) == [(0, 2)]
    assert talk.ask(b"a") == [], "it has frame 2, and b waits"
    interval = talk.telemetry().interval
    assert {worker.name: worker.in_hand for worker in interval.workers} == {"a": 1, "b": 0}


def test_a_slow_worker_gets_the_frame_whose_turn_comes_when_it_will_be_done(talk):
    talk.frame(20)  # 2 to 21
    # b would be done in 1 + 100 ms, a with its first in 11 ms and then every 10 ms: nine before b
    assert talk.ask(b"b") == [(0, 11)]
    assert talk.ask(b"a") == [(0, 2)]


def test_where_first_come_is_first_served_the_slow_one_gets_the_head():
    talk = begun(hand_out=HandOut.FIRST_ASKS)
    known(talk, b"a", 10)
    known(talk, b"b", 100)
    talk.frame(20)
    assert talk.ask(b"b") == [(0, 2)]


def test_a_worker_of_which_nothing_is_known_is_served_as_it_asks_while_it_has_nothing_in_hand(talk):
    talk.hire(b"c")
    talk.frame(2)
    assert talk.ask(b"c") == [(0, 2)]
    assert tasks_of(talk.worker(b"c", GetWork(1, in_hand=1))) == []
    # it does not say what it did, nor how long that took
    assert tasks_of(talk.received_by("c", 2)) == [(0, 3)]


def test_a_worker_that_takes_no_time_at_all_is_known_and_gets_frame_after_frame():
    talk = begun()
    talk.hire(b"c")
    talk.frame(10)
    assert talk.ask(b"c") == [(0, 0)]
    assert tasks_of(talk.worker(b"c", GetWork(1, in_hand=1))) == []
    said = {"grade": GRADE, "height_px": HEIGHT_PX, "sent_ns": talk.now_ns}
    assert tasks_of(talk.received_by("c", 0, **said)) == [(0, 1)]
    assert [talk.ask(b"c") for _ in range(8)] == [[(0, i)] for i in range(2, 10)], "no heartbeat between"


def test_nothing_is_handed_out_long_before_it_can_be_begun(talk):
    talk.frame(40)
    talk.ask(b"b")
    began_ns = talk.now_ns + 1 * MS
    request = GetWork(1, in_hand=1, started_ns=began_ns, running_ns=1)
    talk.now_ns = began_ns + 10 * MS  # 90 ms of its task are left: more than transfer, tick and a quarter
    assert tasks_of(talk.worker(b"b", request)) == []
    talk.now_ns = began_ns + 30 * MS
    assert len(tasks_of(talk.wait(0.05))) == 1


def test_who_should_have_asked_long_ago_is_not_waited_for(talk):
    talk.ask(b"b")
    assert tasks_of(talk.frame()) == [], "a, which is free, is about to ask"
    assert tasks_of(talk.wait(0.1)) == []
    assert tasks_of(talk.wait(0.05)) == [(0, 2)]


def test_who_has_just_been_told_to_wait_is_counted_on(talk):
    talk.ask(b"a")
    talk.wait(0.35)
    talk.ask(b"b")
    talk.wait(0.05)  # a is told to wait
    assert tasks_of(talk.frame()) == []
    assert talk.ask(b"a") == [(0, 2)]


def test_a_frame_that_a_worker_could_not_process_does_not_wait_for_it(talk):
    talk.ask(b"b")
    talk.ask(b"a")
    talk.frame()
    failure = Failure(0, 2, talk.begun.episode, "poison")
    assert tasks_of(talk.worker(b"a", GetWork(1, in_hand=0, failed=(failure,)))) == [(0, 2)], "to b"


def trials(tasks: list[tuple[int, int]]) -> list[int]:
    """Those of tasks whose result nobody waits for."""
    return [frame_id for _, frame_id in tasks if frame_id >= FIRST_TRIAL]


def test_a_worker_that_has_brought_nothing_for_long_is_tried_at_a_bounded_cost(talk):
    def tried(seconds: float) -> int:
        """How often b is, with a frame every 50 ms: a brings each at once."""
        n_tried = 0
        for _ in range(round(20 * seconds)):
            talk.worker(b"b", GetWork(1))
            talk.worker(b"a", GetWork(1))
            talk.now_ns += 50 * MS
            tasks = tasks_of(talk.frame())
            for frame_id in trials(tasks):
                talk.received_by("b", frame_id, service_ns=100 * MS, grade=GRADE, height_px=HEIGHT_PX)
                n_tried += 1
            ((_, frame_id),) = [task for task in tasks if task[1] < FIRST_TRIAL]
            talk.received_by("a", frame_id, service_ns=10 * MS, grade=GRADE, height_px=HEIGHT_PX)
        return n_tried

    assert tried(9.9) == 0
    assert tried(0.2) == 1
    assert tried(9.8) == 0, "it has brought something just now"
    assert tried(0.7) == 1, "101 ms of 10.1 s and more"
    assert talk.telemetry().trials == 2


def test_a_trial_is_a_copy_that_tells_of_its_worker_and_of_no_frame(talk):
    for _ in range(11):
        talk.wait(1.0)
        talk.sync()
        talk.worker(b"b", GetWork(1))
        talk.worker(b"a", GetWork(1))
    before = talk.telemetry(close=True).totals
    trial, frame = tasks_of(talk.frame())
    assert trials([trial, frame]) == [trial[1]], "a has the frame itself"
    for _ in range(2):  # an acknowledgement may come twice
        talk.received_by("b", trial[1], service_ns=20 * MS, grade=GRADE, height_px=HEIGHT_PX)
    telemetry = talk.telemetry()
    b = next(worker for worker in telemetry.interval.workers if worker.name == "b")
    assert (b.processed, b.in_hand) == (1, 0)
    assert b.expected_service_s == pytest.approx(0.08), "100 ms, a quarter of the way to 20"
    assert telemetry.totals.offered == before.offered + 1
    assert telemetry.totals.in_flight == before.in_flight + 1


def test_a_frame_handed_out_ahead_leaves_those_before_it_in_the_queue_when_the_rate_falls():
    talk = begun(ladders=ladders_for(8, 8, 10.0, ("n", "s", "m"), fps_levels=(5, 10)))
    known(talk, b"a", 10)
    known(talk, b"b", 100)
    for _ in range(20):
        talk.now_ns += 100 * MS
        talk.frame()
    talk.worker(b"a", GetWork(0))
    (ahead,) = talk.ask(b"b")
    assert ahead[1] > 5
    talk.say(ControlRequested((b"c",), SetKnobs(levels=(0, 0, GRADE))))
    assert talk.telemetry().totals.thinned == 9, "one of each pair but for that of the frame ahead"


def test_the_plan_and_what_it_is_made_of_are_in_telemetry(talk):
    workers = {worker.name: worker for worker in talk.telemetry().interval.workers}
    assert workers["a"].expected_service_s == pytest.approx(0.01)
    assert workers["b"].expected_transfer_s == pytest.approx(0.001)


def test_what_is_known_outlives_an_episode(talk):
    talk.control(Start(seed=1, levels=(1, 0, GRADE), streams=1))
    talk.wait(0.1)
    workers = talk.telemetry().interval.workers
    assert [worker.expected_service_s for worker in workers] == pytest.approx([0.01, 0.1])


# --- the arithmetic ---


def test_recent_measurements_count_most():
    assert smoothed(0, 80) == 80
    assert smoothed(80, 40) == 70
    assert smoothed(80, 120) == 90


def test_what_was_never_done_is_scaled_from_what_was_done_last_by_flops_and_pixels():
    ladders = ladders_for(640, 360, 30.0, ("n", "s", "m"), heights_px=(180, 360))
    outlook = Outlook(costs_of(ladders), grade=0, size=1)
    outlook.measure(0, 1, 10_000, 4_000, now_ns=1)
    outlook.bind(grade=1, size=0)  # 21.5 instead of 6.5 GFLOPs, a quarter of the pixels
    assert (outlook.service_ns, outlook.transfer_ns) == (2_500 * 215 // 65, 1_000)
    outlook.measure(1, 0, 9_000, 1_500, now_ns=2)
    assert (outlook.service_ns, outlook.transfer_ns) == (9_000, 1_500)
    outlook.bind(grade=0, size=1)
    assert (outlook.service_ns, outlook.transfer_ns) == (10_000, 4_000), "as it was measured"
    assert scaled(1, 1, 100) == 1


def test_when_a_worker_will_be_free_follows_from_what_it_says():
    now_ns, service_ns = 10 * S, 100 * MS
    assert free_after(now_ns + 7, now_ns, 0, 0, service_ns) == now_ns
    assert free_after(now_ns + 7, now_ns, 2, 0, service_ns) == now_ns + 7, "it does not know our clock"
    assert free_after(0, now_ns, 2, now_ns - 30 * MS, service_ns) == now_ns + 170 * MS
    assert free_after(0, now_ns, 1, now_ns - 130 * MS, service_ns) == now_ns, "any moment"


def test_when_it_would_be_done_takes_link_and_device_in_turn():
    assert next_done_ns(now_ns=100, clear_ns=0, free_ns=0, transfer_ns=10, service_ns=50) == 160
    assert next_done_ns(now_ns=100, clear_ns=0, free_ns=130, transfer_ns=10, service_ns=50) == 180
    assert next_done_ns(now_ns=100, clear_ns=125, free_ns=130, transfer_ns=10, service_ns=50) == 185


def test_frames_done_before_a_time_are_counted():
    assert [n_done_before(until, first_ns=10, period_ns=5) for until in (9, 10, 11, 15, 16)] == [
        0,
        0,
        1,
        1,
        2,
    ]
