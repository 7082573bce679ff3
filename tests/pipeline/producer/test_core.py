"""Conversations with the producer's core; no socket, no clock."""

from typing import TypeVar

import pytest

from pipeline.messages import (
    Change,
    Confirm,
    End,
    Error,
    ErrorCode,
    Gap,
    GetStatus,
    GetWork,
    Outcome,
    Register,
    RegistrationConfirmation,
    SetKnobs,
    Settings,
    Standby,
    Start,
    State,
    Stop,
    Sync,
    Wait,
    Work,
)
from pipeline.options import QueuePolicy
from pipeline.producer.events import (
    BeginCapture,
    ChangeCapture,
    CollectorSpoke,
    ControlRequested,
    EndCapture,
    Finish,
    Malformed,
    Reply,
    SourceEnded,
    StopRequested,
    Tell,
    Unroutable,
)
from pipeline.sources.base import SourceReport
from tests.pipeline.producer.conversation import (
    COLLECTOR,
    EPISODE,
    INCARNATION,
    MS,
    OTHER,
    Conversation,
    S,
    config,
    replies,
    tasks_of,
)

T = TypeVar("T")


@pytest.fixture
def talk() -> Conversation:
    """A producer that has begun its episode; a collector is there, and worker b"a"."""
    talk = Conversation()
    talk.wait(0.05)
    talk.sync()
    talk.hire(b"a")
    return talk


def told(commands, kind: type[T]) -> list[T]:
    return [c.message for c in commands if isinstance(c, Tell) and isinstance(c.message, kind)]


def test_a_producer_by_itself_begins_at_the_first_tick():
    talk = Conversation()
    talk.wait(0.05)
    assert talk.begun == BeginCapture(EPISODE, 3, 1, config().ladders.settings((1, 0, 2)))


def test_it_waits_for_the_workers_and_the_collector_it_is_told_to_wait_for():
    talk = Conversation(wait_workers=2)
    talk.hire(b"a")
    talk.sync()
    talk.wait(1)
    assert talk.begun is None
    talk.hire(b"a")
    talk.hire(b"b")
    talk.sync()
    talk.wait(0.05)
    assert talk.begun is not None


def test_telemetry_tells_what_was_wrong_with_the_source(talk):
    assert talk.telemetry().source == SourceReport()
    talk.say(SourceEnded(EPISODE, source=SourceReport(undecodable=3, truncated=True)))
    assert talk.telemetry().source == SourceReport(undecodable=3, truncated=True)


def test_registration_tells_a_worker_all_it_needs(talk):
    (reply,) = replies(talk.worker(b"b", Register("b")))
    assert isinstance(reply, RegistrationConfirmation)
    assert (reply.work_type, reply.work_load, reply.loading_mode) == ("EMULATED", "HIGH", 1)
    assert (reply.grades, reply.sizes, reply.results) == (("n", "s", "m"), ((8, 8),), "tcp://127.0.0.1:1")


def test_work_without_registration_is_an_error_that_says_so(talk):
    (reply,) = replies(talk.worker(b"stranger", GetWork()))
    assert isinstance(reply, Error) and reply.code == "UNREGISTERED"


def test_tasks_come_oldest_first_and_several_if_asked_for(talk):
    talk.frame(3)
    assert talk.ask(b"a", 2) == [(0, 0), (0, 1)]
    assert talk.ask(b"a", 2) == [(0, 2)]


def test_a_request_is_held_until_a_task_comes(talk):
    assert replies(talk.worker(b"a", GetWork())) == []
    assert tasks_of(talk.frame()) == [(0, 0)]


def test_a_held_request_is_answered_with_wait_within_a_heartbeat(talk):
    talk.worker(b"a", GetWork())
    assert [type(reply) for reply in replies(talk.wait(0.5))] == [Wait]


def test_a_heartbeat_is_answered_at_once_and_takes_no_task(talk):
    talk.frame()
    assert [type(r) for r in replies(talk.worker(b"a", GetWork(n=0)))] == [Wait]
    assert talk.telemetry().interval.queue_size == 1


def test_the_request_that_waited_longest_is_served_first(talk):
    talk.hire(b"b")
    talk.worker(b"b", GetWork())
    talk.worker(b"a", GetWork())
    (reply,) = [c for c in talk.frame() if isinstance(c, Reply)]
    assert reply.envelope == (b"b",)


def test_a_change_is_told_at_once_to_those_who_wait(talk):
    talk.worker(b"a", GetWork())
    commands = talk.say(ControlRequested((b"c",), SetKnobs(levels=(0, 0, 0))))
    assert any(isinstance(c, ChangeCapture) for c in commands)
    assert [type(reply) for reply in replies(commands)] == [Change]


def test_setting_what_is_set_changes_nothing(talk):
    before = talk.control(GetStatus()).epoch
    assert talk.control(SetKnobs(levels=(1, 0, 2))).epoch == before


def test_a_level_outside_its_ladder_is_refused_in_one_sentence(talk):
    reply = talk.control(SetKnobs(levels=(9, 0, 0)))
    assert isinstance(reply, Error) and "fps level must be in 0..1, got 9" in reply.reason


def test_frames_of_a_silent_worker_go_back_and_come_out_first(talk):
    talk.frame(3)
    assert talk.ask(b"a", 2) == [(0, 0), (0, 1)]
    talk.wait(2.1)
    talk.hire(b"b")
    assert talk.ask(b"b", 3) == [(0, 0), (0, 1), (0, 2)]
    assert talk.telemetry().totals.requeued == 2


def test_a_lease_that_runs_out_goes_back_though_its_worker_lives(talk):
    talk.frame()
    talk.ask(b"a")
    for _ in range(11):
        talk.wait(1)
        talk.worker(b"a", GetWork(n=0))
    assert talk.ask(b"a") == [(0, 0)]


def test_a_frame_is_lost_after_its_last_retry_and_only_if_the_collector_agrees(talk):
    talk.frame()
    for _ in range(3):
        assert talk.ask(b"a") == [(0, 0)]
        talk.wait(2.1)
        talk.hire(b"a")
    assert talk.ask(b"a") == [] and talk.telemetry().totals.in_flight == 1
    (gap,) = told(talk.sync(), Gap)
    assert gap.frames == ((0, 0, Outcome.LOST),)
    talk.acknowledge(0, outcome=Outcome.LOST)
    totals = talk.telemetry().totals
    assert (totals.lost, totals.in_flight) == (1, 0)


def test_a_result_that_beats_the_retry_takes_its_frame_out_of_the_queue(talk):
    talk.frame()
    talk.ask(b"a")
    talk.wait(2.1)
    assert talk.telemetry().interval.queue_size == 1
    talk.acknowledge(0)
    assert talk.telemetry().interval.queue_size == 0 and talk.telemetry().totals.delivered == 1


def test_an_acknowledgement_ends_the_lease_before_the_verdict(talk):
    talk.frame()
    talk.ask(b"a")
    talk.acknowledge(0, outcome=None)
    talk.wait(11)
    totals = talk.telemetry().totals
    assert (totals.requeued, totals.in_flight) == (0, 1)


def test_an_outcome_is_set_once(talk):
    talk.frame()
    talk.ask(b"a")
    talk.acknowledge(0)
    talk.acknowledge(0, outcome=Outcome.LATE)
    totals = talk.telemetry().totals
    assert (totals.delivered, totals.late) == (1, 0)


def test_a_task_that_could_not_be_sent_costs_no_retry(talk):
    talk.frame()
    for _ in range(5):
        commands = talk.worker(b"a", GetWork())
        header = next(c for c in commands if isinstance(c, Reply)).tasks[0][0]
        talk.say(Unroutable(b"a", (header,)))
        talk.hire(b"a")
    assert talk.ask(b"a") == [(0, 0)] and talk.telemetry().totals.requeued == 0


def test_a_worker_that_registers_again_gets_its_old_tasks_back(talk):
    talk.frame()
    talk.ask(b"a")
    talk.worker(b"new", Register("a", identity=b"a".hex()))
    talk.wait(1.1)  # it has not spoken through its former socket for two heartbeats
    talk.worker(b"new", GetWork(n=0))
    assert talk.ask(b"new") == [(0, 0)]


@pytest.mark.parametrize(
    ("policy", "waiting"),
    [(QueuePolicy.DROP_OLDEST, list(range(5, 25))), (QueuePolicy.DROP_NEWEST, list(range(20)))],
)
def test_a_full_queue_drops_by_its_policy_counts_it_and_tells_the_collector(policy, waiting):
    talk = Conversation(queue_policy=policy)
    talk.wait(0.05)
    talk.sync()
    gaps = told(talk.frame(25), Gap)
    talk.hire(b"a")
    assert [frame_id for _, frame_id in talk.ask(b"a", 64)] == waiting
    assert sum(len(gap.frames) for gap in gaps) == 5
    assert talk.telemetry().totals.dropped == {policy: 5}


def test_frames_that_came_back_do_not_count_against_the_bound(talk):
    talk.frame(10)
    talk.ask(b"a", 10)
    talk.frame(20)
    talk.wait(2.1)
    telemetry = talk.telemetry()
    assert telemetry.interval.queue_size == 30 and telemetry.totals.dropped == {}


def test_waiting_lets_the_source_wait():
    talk = Conversation(queue_policy=QueuePolicy.WAIT)
    talk.wait(0.05)
    talk.frame(19)
    assert talk.core.accepts_frames
    talk.frame()
    assert not talk.core.accepts_frames


def test_streams_have_their_own_ids_and_a_bound_that_grows_with_them(talk):
    talk.control(SetKnobs(streams=3))
    talk.frame(2)
    assert sorted(talk.ask(b"a", 6)) == [(s, i) for s in range(3) for i in range(2)]
    talk.control(SetKnobs(streams=1))
    talk.frame()
    talk.control(SetKnobs(streams=2))
    talk.frame()
    assert sorted(talk.ask(b"a", 6)) == [(0, 2), (0, 3), (1, 2)]


def test_a_queue_whose_bound_shrank_drops_down_to_it(talk):
    talk.control(SetKnobs(streams=3))
    talk.frame(20)
    talk.control(SetKnobs(streams=1))
    talk.frame()
    assert talk.telemetry().interval.queue_size == 20


def test_the_interval_counts_what_happened_since_the_last_one_was_closed(talk):
    talk.frame(4)
    talk.ask(b"a", 3)
    talk.acknowledge(0, 1, service_ns=200_000_000)
    talk.wait(1)
    interval = talk.telemetry(close=True).interval
    assert (interval.offered, interval.delivered, interval.queue_size) == (4, 2, 1)
    assert interval.duration_s == pytest.approx(1.0) and interval.latencies_ms == (50, 50, 50)
    assert interval.held_bytes == 2 * 8 * 8 * 3 and interval.oldest_undelivered_ms == pytest.approx(1000)
    assert talk.telemetry().interval.offered == 0


def test_slos_are_judged_in_telemetry(talk):
    talk.frame(11)
    reading = talk.telemetry().slos["queue_size"]
    assert reading.ratio == pytest.approx(1.1) and reading.state == 2


def test_dead_workers_enter_no_average(talk):
    assert [worker.name for worker in talk.telemetry().interval.workers] == ["a"]
    talk.wait(2.1)
    assert talk.telemetry().interval.workers == ()


def test_it_ends_when_the_source_has_and_everything_is_judged(talk):
    talk.frame()
    talk.say(SourceEnded(EPISODE))
    assert talk.ask(b"a") == [(0, 0)]
    assert not any(isinstance(c, Finish) for c in talk.wait(0.5))
    talk.acknowledge(0)
    assert [type(reply) for reply in replies(talk.worker(b"a", GetWork()))] == [End]
    assert any(isinstance(c, Finish) for c in talk.wait(0.1))


def test_it_ends_without_any_worker_and_counts_what_nobody_took():
    talk = Conversation()
    talk.wait(0.05)
    talk.frame(3)
    talk.say(SourceEnded(EPISODE))
    assert any(isinstance(c, Finish) for c in talk.wait(2.2))
    assert talk.telemetry().totals.lost == 3


def test_it_ends_at_the_drain_deadline_though_a_worker_sits_on_a_task(talk):
    talk.frame()
    talk.ask(b"a")
    talk.say(SourceEnded(EPISODE))
    finished = []
    for _ in range(12):
        finished += [c for c in talk.wait(0.5) if isinstance(c, Finish)]
        talk.worker(b"a", GetWork(n=0))
    assert finished and talk.telemetry().totals.lost == 1


def test_ctrl_c_drops_what_waits_and_ends_and_twice_ends_at_once(talk):
    talk.frame(2)
    talk.ask(b"a")
    commands = talk.say(StopRequested())
    assert EndCapture() in commands
    assert talk.telemetry().totals.dropped == {"stopped": 1}
    assert talk.say(StopRequested()) == [Finish()]


def test_a_supervised_producer_waits_for_start_and_outlives_its_source():
    talk = Conversation(supervised=True)
    assert not any(isinstance(c, BeginCapture) for c in talk.wait(1))
    talk.control(Start(seed=5, levels=(0, 0, 0), streams=2))
    assert talk.begun is not None and talk.begun.seed == 5
    talk.say(SourceEnded(EPISODE, "gone"))
    talk.wait(3)
    telemetry = talk.telemetry()
    assert telemetry.state is State.ENDED and telemetry.error == "gone"


def test_start_drains_the_running_episode_first_and_its_late_results_count_for_nothing(talk):
    talk.frame(3)
    talk.ask(b"a")
    commands = talk.say(ControlRequested((b"c",), Start(seed=1, levels=(0, 0, 0))))
    assert EndCapture() in commands and not any(isinstance(c, BeginCapture) for c in commands)
    talk.acknowledge(0)
    assert talk.begun is not None and talk.begun.episode == EPISODE + 1
    totals = talk.telemetry().totals
    assert (totals.offered, totals.delivered) == (0, 0)


def test_stop_over_the_control_socket_is_answered_and_ends(talk):
    assert talk.control(Stop()) is not None
    talk.worker(b"a", GetWork())
    assert any(isinstance(c, Finish) for c in talk.wait(0.1))


def test_what_is_malformed_is_counted_and_answered_and_nothing_else(talk):
    (reply,) = replies(talk.say(Malformed("nonsense", work=(b"a",))))
    assert isinstance(reply, Error) and reply.reason == "nonsense"
    assert talk.say(Malformed("nonsense")) == []
    other = Malformed("use one release", ErrorCode.OTHER_PROTOCOL, link=b"old collector")
    (command,) = talk.say(other)
    assert command == Tell(b"old collector", Error("use one release", "OTHER_PROTOCOL"))
    talk.frame()
    assert talk.ask(b"a") == [(0, 0)] and talk.telemetry().rejected == 3


ELSEWHERE = {"peer": b"other", "results": "tcp://127.0.0.1:2", "collector": OTHER}


def test_a_second_collector_elsewhere_waits_and_takes_over_and_what_the_first_one_held_is_lost(talk):
    talk.frame(2)
    talk.ask(b"a", 2)
    talk.acknowledge(0, outcome=None)
    assert talk.sync(**ELSEWHERE) == [Tell(b"other", Standby("tcp://127.0.0.1:1"))]
    talk.wait(1.5)
    talk.worker(b"a", GetWork(n=0))
    talk.wait(1.6)
    (gap,) = told(talk.sync(**ELSEWHERE), Gap)
    assert gap.frames == ((0, 0, Outcome.LOST),)
    assert isinstance(replies(talk.worker(b"a", GetWork()))[0], Error)
    talk.hire(b"a")
    assert talk.ask(b"a") == [(0, 1)]
    assert told(talk.sync(), Standby) == [Standby("tcp://127.0.0.1:2")]


def test_a_collector_replaced_at_its_own_endpoint_is_noticed_at_once(talk):
    talk.frame(3)
    talk.ask(b"a", 2)
    talk.acknowledge(0, outcome=None)
    talk.hire(b"b")
    (gap,) = told(talk.sync(b"new", collector=OTHER), Gap)
    assert gap.frames == ((0, 0, Outcome.LOST),)
    talk.hire(b"b")
    assert talk.ask(b"b", 3) == [(0, 1), (0, 2)]
    talk.acknowledge(1, collector=OTHER)
    talk.acknowledge(2)  # the old one's last word
    assert (talk.telemetry().totals.delivered, talk.telemetry().refused) == (1, 1)
    assert told(talk.sync(), Standby) == [Standby("tcp://127.0.0.1:1")]  # it is not dead, but out of charge


def test_a_worker_that_waits_for_a_task_is_told_at_once_to_register_with_a_new_collector(talk):
    talk.worker(b"a", GetWork())
    (reply,) = replies(talk.sync(b"new", collector=OTHER))
    assert isinstance(reply, Error) and reply.code == "UNREGISTERED"


def test_workers_hear_of_a_collector_that_wants_the_frames_though_its_predecessor_did_not(talk):
    talk.say(CollectorSpoke(b"collector", Sync(talk.now_ns, COLLECTOR, "tcp://127.0.0.1:1", True)))
    assert isinstance(replies(talk.worker(b"a", GetWork()))[0], Error)
    (reply,) = replies(talk.worker(b"a", Register("a")))
    assert isinstance(reply, RegistrationConfirmation) and reply.return_frames


def test_a_collector_whose_connection_is_new_is_the_one_it_was(talk):
    talk.frame()
    talk.ask(b"a")
    talk.acknowledge(0, outcome=None)
    commands = talk.sync(b"new routing id")
    assert told(commands, Gap) == [] and len(told(commands, Settings)) == 1


@pytest.mark.parametrize("changes", [{"incarnation": 78}, {"episode": 2}, {"collector": OTHER}])
def test_an_acknowledgement_of_anything_else_is_confirmed_counted_and_not_booked(talk, changes, caplog):
    talk.frame()
    talk.ask(b"a")
    for _ in range(3):
        (command,) = talk.acknowledge(0, **changes)
        assert command == Tell(b"collector", Confirm(talk.seq))
    telemetry = talk.telemetry()
    assert (telemetry.totals.delivered, telemetry.totals.in_flight, telemetry.refused) == (0, 1, 3)
    assert ["are refused" in line for line in caplog.messages] == [True]


def test_what_all_collectors_refused_is_in_telemetry(talk):
    talk.sync(refused=4, rejected=1)
    talk.acknowledge(0, episode=9)
    talk.sync(collector=OTHER, refused=2, duplicates=3)  # another process, which counts from 0
    telemetry = talk.telemetry()
    assert (telemetry.refused, telemetry.rejected, telemetry.duplicates) == (7, 1, 3)


def test_the_offset_of_the_collectors_clock_is_in_telemetry(talk):
    assert talk.telemetry().clock_error_ms is None
    talk.sync(clock_offset_ns=70 * S, clock_error_ns=3_000_000)
    telemetry = talk.telemetry()
    assert (telemetry.clock_offset_ms, telemetry.clock_error_ms) == (70_000.0, 3.0)


def test_episodes_count_from_one_and_tasks_name_the_producer(talk):
    talk.frame()
    (reply,) = [c for c in talk.worker(b"a", GetWork()) if isinstance(c, Reply)]
    header, _ = reply.tasks[0]
    assert (header.incarnation, header.episode) == (INCARNATION, 1)
    talk.acknowledge(0)
    talk.control(Start(seed=1, levels=(0, 0, 0)))
    (settings,) = told(talk.sync(), Settings)
    assert (settings.incarnation, settings.episode) == (INCARNATION, 2)


def test_collectors_that_wait_hear_of_the_end_too(talk):
    talk.sync(**ELSEWHERE)
    commands = talk.say(StopRequested())
    assert [(c.peer, c.message) for c in commands if isinstance(c, Tell)] == [
        (b"collector", End()),
        (b"other", End()),
    ]
    assert talk.sync(**ELSEWHERE) == [Tell(b"other", End())]


def test_nothing_is_handed_to_a_worker_that_is_not_ready(talk):
    talk.worker(b"b", Register("b"))
    talk.frame()
    assert [type(r) for r in replies(talk.worker(b"b", GetWork(n=1, ready=False)))] == [Wait]
    status = talk.control(GetStatus())
    assert [(w.name, w.ready) for w in status.workers] == [("a", True), ("b", False)]


def test_work_is_answered_with_work(talk):
    talk.frame()
    assert [type(r) for r in replies(talk.worker(b"a", GetWork()))] == [Work]


def test_frames_of_two_streams_that_a_full_queue_evicts_are_counted_once_each():
    talk = Conversation(streams=2, queue_bound_s=0.1)  # room for two tasks
    talk.wait(0.05)
    talk.sync()
    commands = talk.frame(3)
    gaps = [key for gap in told(commands, Gap) for key in gap.frames]
    assert [(stream, frame) for stream, frame, _ in gaps] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    telemetry = talk.telemetry()
    assert telemetry.interval.dropped == telemetry.totals.dropped == {"drop_oldest": 4}


def test_a_task_that_lasts_for_several_intervals_keeps_its_worker_busy_in_each(talk):
    """2.7 s a frame: the load is what has passed of it times what is offered, from the first interval on."""
    talk.frame(3)
    talk.ask(b"a", 3)
    began_ns, figures = talk.now_ns, []
    for _ in range(2):
        for _ in range(10):
            talk.frame()
            talk.wait(0.1)
            talk.worker(b"a", GetWork(n=0, started_ns=began_ns, running_ns=talk.now_ns - began_ns))
        figures.append(talk.telemetry(close=True))
    assert [t.metrics["utilisation"] for t in figures] == [pytest.approx(1), pytest.approx(1)]
    assert [t.metrics["load"] for t in figures] == [pytest.approx(13 * 1), pytest.approx(10 * 2)]
    assert figures[0].slos["load"].known and figures[0].slos["load"].state == 2
    talk.wait(0.7)
    talk.received_by("a", 0, service_ns=2700 * MS)
    talk.wait(0.3)
    metrics = talk.telemetry().metrics
    assert (metrics["utilisation"], metrics["service_ms"]) == (pytest.approx(0.7), pytest.approx(2700))


def test_a_worker_that_hangs_shows_in_the_load_though_others_go_on(talk):
    talk.hire(b"b")
    talk.frame(2)
    talk.ask(b"a")
    talk.ask(b"b")
    talk.wait(1.5)
    talk.worker(b"a", GetWork(n=0, started_ns=talk.now_ns - 1500 * MS, running_ns=1500 * MS))
    talk.worker(b"b", GetWork(n=0))
    talk.received_by("b", 1, service_ns=100 * MS)
    metrics = talk.telemetry().metrics
    assert metrics["load"] == pytest.approx(2 / 1.5 / (1 / 0.1 + 1 / 1.5))
    assert metrics["processing_time_max_worker"] == pytest.approx(1.5 * 2 / 1.5 / 2)


def test_where_nothing_was_finished_and_nothing_runs_the_load_is_unknown(talk):
    talk.frame()
    assert talk.telemetry().metrics["load"] is None


def test_a_task_that_takes_as_long_as_those_before_changes_no_figure(talk):
    talk.frame(3)
    talk.ask(b"a", 2)
    talk.wait(1)
    talk.received_by("a", 0, service_ns=100 * MS)
    talk.worker(b"a", GetWork(n=0, started_ns=talk.now_ns - 99 * MS, running_ns=99 * MS))
    assert talk.telemetry().metrics["load"] == pytest.approx(3 * 0.1)
