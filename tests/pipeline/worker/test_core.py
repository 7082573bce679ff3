"""Conversations with the worker's core; no socket, no clock, no model."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from pipeline.messages import (
    Binding,
    Change,
    End,
    Error,
    ErrorCode,
    Failure,
    GetWork,
    LoadingMode,
    Register,
    RegistrationConfirmation,
    TaskHeader,
    Wait,
    Weights,
    Work,
    WorkType,
)
from pipeline.worker.core import WorkerCore
from pipeline.worker.events import (
    Accept,
    Adopt,
    Bind,
    Fail,
    GiveUp,
    Load,
    Malformed,
    Prepared,
    Reopen,
    Replied,
    Request,
    Stop,
    StopRequested,
    TaskFailed,
    TasksLeft,
    Tick,
    WorkerConfig,
)
from pipeline.worker.progress import Activity

MS = 1_000_000
S = 1000 * MS
HEARTBEAT_NS = 400 * MS  # 0.8 of the confirmation's half second
CONFIRMATION = RegistrationConfirmation(
    work_type=WorkType.YOLO_DETECTION,
    work_load="MEDIUM",
    loading_mode=LoadingMode.EAGER,
    epoch=3,
    grades=("n", "s", "m"),
    weights={"n": "/models/n.pt"},
    sizes=((320, 180), (640, 360)),
    results="tcp://10.0.0.1:5553",
    return_frames=False,
    heartbeat_s=0.5,
    now_ns=7 * S,
)
LAZY = replace(CONFIRMATION, loading_mode=LoadingMode.LAZY)
HAND_OUT = replace(CONFIRMATION, binding=Binding.HAND_OUT)
TASK = TaskHeader(id=0, dtype="uint8", shape=(360, 640, 3), grade=1)


def core(**options) -> Any:  # so that tests may name the fields of the commands they expect
    """A worker with three slots that has just asked to be registered."""
    config: dict[str, Any] = {"n_slots": 3, **options}
    worker = WorkerCore(WorkerConfig("w", "1d", **config))
    assert worker.handle(Tick(), 0) == [Request(Register(worker="w", identity="1d", sent_ns=0))]
    return worker


def registered(confirmation=CONFIRMATION, now_ns=0, **options) -> Any:
    """Registered, its clock measured, its models not loaded."""
    worker = core(**options)
    worker.handle(Replied(confirmation), now_ns)
    worker.handle(Replied(Wait(now_ns=now_ns)), now_ns)
    return worker


def asking(confirmation=CONFIRMATION, **options) -> Any:
    """Ready: its first request for work is out, since 0 ns."""
    worker = registered(confirmation, **options)
    assert [request.message.n for request in worker.handle(Prepared(1, Weights.TRAINED), 0)] == [
        options.get("batch", 1)
    ]
    return worker


def works(n: int) -> Replied:
    """A reply with n tasks."""
    return Replied(Work(), [replace(TASK, id=i) for i in range(n)])


def message_in(commands) -> Any:
    """The one request among the commands."""
    (request,) = [command for command in commands if isinstance(command, Request)]
    return request.message


def test_a_confirmation_says_where_results_go_and_what_is_loaded():
    worker = core(weights={"n": "/own/n.pt"})
    request, adopt, bind, load = worker.handle(Replied(CONFIRMATION), 5)
    assert adopt == Adopt("tcp://10.0.0.1:5553", 640 * 360 * 3)
    assert isinstance(load, Load)
    plan = load.prepare.plan
    assert plan.load == (0, 1, 2) and plan.sizes == ((320, 180), (640, 360))
    assert plan.weights == {"n": "/own/n.pt"}, "the worker's own weights are stronger"
    assert request == Request(GetWork(n=0, in_hand=0, ready=False, weights=Weights.NONE, sent_ns=5, epoch=3))
    assert bind == Bind(0, 1), "tasks keep the settings that they were captured under"


def test_while_models_load_it_says_each_heartbeat_that_it_lives_and_is_not_ready():
    worker = registered()
    assert worker.deadline_ns == HEARTBEAT_NS
    assert worker.handle(Tick(), HEARTBEAT_NS - 1) == []
    assert message_in(worker.handle(Tick(), HEARTBEAT_NS)) == GetWork(
        n=0, ready=False, weights=Weights.NONE, sent_ns=HEARTBEAT_NS, epoch=3
    )


def test_once_ready_it_asks_at_once_and_says_what_its_weights_are():
    worker = registered()
    message = message_in(worker.handle(Prepared(1, Weights.UNTRAINED), 9))
    assert message == GetWork(n=1, in_hand=0, ready=True, weights=Weights.UNTRAINED, sent_ns=9, epoch=3)


def test_readiness_counts_only_for_the_last_plan():
    worker = core()
    worker.handle(Replied(CONFIRMATION), 0)
    worker.handle(Replied(Error("", code="UNREGISTERED")), 0)
    worker.handle(Replied(replace(CONFIRMATION, sizes=((64, 64),))), 0)  # plan 2
    worker.handle(Replied(Wait()), 0)
    assert worker.handle(Prepared(1, Weights.TRAINED), 1) == []
    assert message_in(worker.handle(Prepared(2, Weights.TRAINED), 2)).n == 1


def test_it_prefetches_until_its_slots_are_full():
    worker = asking()
    for n_in_hand in (1, 2):
        request, accept = worker.handle(works(1), n_in_hand)  # in this order: the next is on its way
        assert accept == Accept()
        assert (request.message.n, request.message.in_hand) == (1, n_in_hand)
    assert worker.handle(works(1), 3) == [Accept()]
    assert worker.is_full


def test_full_slots_are_heartbeats_and_a_task_that_leaves_is_a_request():
    worker = asking()
    for now_ns in (0, 0, 0):
        worker.handle(works(1), now_ns)
    assert worker.deadline_ns == HEARTBEAT_NS
    assert message_in(worker.handle(Tick(), HEARTBEAT_NS)) == GetWork(
        n=0, in_hand=3, weights=Weights.TRAINED, sent_ns=HEARTBEAT_NS, epoch=3
    )
    assert worker.handle(TasksLeft(2), 500 * MS) == [], "one request at a time"
    message = message_in(worker.handle(Replied(Wait()), 501 * MS))
    assert (message.n, message.in_hand) == (1, 1)


def full(confirmation=HAND_OUT) -> Any:
    """All slots are full since 0 ns, and a standing request is out."""
    worker = asking(confirmation)
    for _ in range(2):
        worker.handle(works(1), 0)
    standing = message_in(worker.handle(works(1), 0))
    assert (standing.n, standing.standing, standing.in_hand, standing.epoch) == (0, True, 3, 3)
    return worker


def test_a_full_worker_hears_of_a_change_at_once_and_stands_by_for_the_next():
    request, bind = full().handle(Replied(Change(epoch=4, CHANGE_WORK_LOAD=0)), 5)
    assert bind == Bind(4, 0), "what has not begun takes the new grade"
    assert request.message.standing and request.message.epoch == 4


def test_a_standing_request_gives_way_to_any_other():
    message = message_in(full().handle(TasksLeft(1), 5))
    assert (message.n, message.standing) == (1, False)
    assert full().deadline_ns == HEARTBEAT_NS
    heartbeat = message_in(full().handle(Tick(), HEARTBEAT_NS))
    assert (heartbeat.n, heartbeat.standing) == (0, False), "whose answer, at once, measures the clock"
    failure = Failure(stream=0, id=0, episode=1, reason="poison")
    assert message_in(full().handle(TaskFailed(failure), 5)).failed == (failure,)


def test_a_standing_request_is_never_overdue_and_measures_no_clock():
    worker = full()
    worker.handle(Replied(Wait(now_ns=10**12)), 300 * MS)
    assert worker.offset_ns == 0
    message = message_in(worker.handle(TasksLeft(1), 400 * MS))
    assert message.n == 1


def test_who_loads_models_stands_by_too():
    worker = core()
    worker.handle(Replied(HAND_OUT), 0)
    standing = message_in(worker.handle(Replied(Wait()), 0))
    assert standing.standing and not standing.ready


def test_a_batch_is_never_more_than_the_free_slots():
    worker = asking(batch=2)
    message = message_in(worker.handle(works(2), 1))
    assert (message.n, message.in_hand) == (1, 2)


def test_a_held_request_that_found_nothing_is_made_again_at_once():
    worker = asking()
    assert message_in(worker.handle(Replied(Wait()), 400 * MS)).n == 1


def test_a_producer_that_never_holds_is_asked_with_pauses():
    worker = asking()
    assert worker.handle(Replied(Wait()), 1 * MS) == []
    assert worker.deadline_ns == 20 * MS
    assert worker.handle(Tick(), 19 * MS) == []
    assert message_in(worker.handle(Tick(), 20 * MS)).n == 1


def test_without_a_collector_it_registers_again_each_heartbeat_and_asks_for_nothing():
    homeless = replace(CONFIRMATION, results="")
    worker = core()
    commands = worker.handle(Replied(homeless), 0)
    assert not [command for command in commands if isinstance(command, Request)]
    worker.handle(Prepared(1, Weights.TRAINED), 10)
    assert worker.deadline_ns == HEARTBEAT_NS
    commands = worker.handle(Tick(), HEARTBEAT_NS)
    assert isinstance(message_in(commands), Register)
    commands = worker.handle(Replied(CONFIRMATION), 401 * MS)
    assert Adopt("tcp://10.0.0.1:5553", 640 * 360 * 3) in commands
    assert not [command for command in commands if isinstance(command, Load)], "the models are loaded"
    assert message_in(commands).n == 0, "the clock is measured first"
    assert message_in(worker.handle(Replied(Wait()), 402 * MS)).n == 1


def test_an_overdue_reply_means_a_new_socket_back_off_and_registration():
    worker = asking()
    assert worker.deadline_ns == 1500 * MS  # three heartbeats
    assert worker.handle(Tick(), 1500 * MS - 1) == []
    assert worker.handle(Tick(), 1500 * MS) == [Reopen()]
    assert worker.deadline_ns == 1600 * MS
    assert message_in(worker.handle(Tick(), 1600 * MS)) == Register("w", "1d", sent_ns=1600 * MS)


def test_back_off_doubles_up_to_a_bound_and_is_forgotten_on_success():
    worker, now_ns, pauses = core(), 0, []
    for _ in range(6):
        now_ns = worker.deadline_ns
        assert worker.handle(Tick(), now_ns) == [Reopen()]
        pauses.append((worker.deadline_ns - now_ns) // MS)
        now_ns = worker.deadline_ns
        assert isinstance(message_in(worker.handle(Tick(), now_ns)), Register)
    assert pauses == [100, 200, 400, 800, 800, 800]
    worker.handle(Replied(CONFIRMATION), now_ns)
    now_ns = worker.deadline_ns
    worker.handle(Tick(), now_ns)
    assert worker.deadline_ns == now_ns + 100 * MS


def test_a_reply_to_a_socket_that_was_given_up_changes_nothing():
    worker = asking()
    worker.handle(Tick(), 1500 * MS)
    assert worker.handle(works(1), 1501 * MS) == []


def test_a_producer_that_has_forgotten_us_is_registered_with_at_once():
    worker = asking()
    assert message_in(worker.handle(Replied(Error("who?", code="UNREGISTERED")), 5)) == Register(
        "w", "1d", sent_ns=5
    )
    heartbeat, adopt, _ = worker.handle(Replied(CONFIRMATION), 6)
    assert isinstance(adopt, Adopt) and heartbeat.message.n == 0 and heartbeat.message.ready


def test_another_refusal_is_followed_by_a_pause():
    worker = asking()
    assert worker.handle(Replied(Error("no")), 5) == []
    assert worker.deadline_ns == 5 + 100 * MS
    assert message_in(worker.handle(Tick(), 5 + 100 * MS)).n == 1


def test_what_the_producer_refuses_over_and_over_is_asked_with_pauses_and_said_once(caplog):
    worker, now_ns = core(), 5
    for pause_ms in (100, 200, 400, 800, 800):
        assert worker.handle(Replied(Error("another has this identity")), now_ns) == []
        now_ns += pause_ms * MS
        assert isinstance(message_in(worker.handle(Tick(), now_ns)), Register)
    assert len(caplog.messages) == 1 and "another has this identity" in caplog.text


def test_nonsense_is_answered_with_a_new_socket():
    assert asking().handle(Malformed("what"), 5) == [Reopen()]
    assert core().handle(Replied(Wait()), 5) == [Reopen()], "WAIT is no answer to REGISTER"
    assert asking().handle(works(2), 5) == [Reopen()], "more tasks than asked for"
    assert asking().handle(Replied(Work(), [replace(TASK, grade=3)]), 5) == [Reopen()], "no such grade"
    assert asking().handle(Replied(Change(epoch=4, CHANGE_WORK_LOAD=3)), 5) == [Reopen()]


def test_a_wrong_confirmation_is_not_believed():
    for wrong in (
        {"grades": ()},
        {"grades": ("n", "q")},
        {"work_load": "HIGHEST"},
        {"work_load": "TOP"},
        {"heartbeat_s": 0.0},
        {"heartbeat_s": float("nan")},
    ):
        assert core().handle(Replied(replace(CONFIRMATION, **wrong)), 5) == [Reopen()], wrong


def test_a_producer_of_another_protocol_is_an_error():
    worker = core()
    (fail,) = worker.handle(Replied(Error("use one release", ErrorCode.OTHER_PROTOCOL)), 5)
    assert fail == Fail("use one release")
    assert worker.deadline_ns is None


def test_eager_has_nothing_to_load_on_a_change():
    commands = asking().handle(Replied(Change(epoch=4, CHANGE_WORK_LOAD=2, CHANGE_SIZE=(320, 180))), 5)
    assert message_in(commands).n == 1 and not any(isinstance(command, Load) for command in commands)


def test_lazy_begins_with_the_current_grade_alone():
    _, _, _, load = core().handle(Replied(LAZY), 0)
    assert load.prepare.plan.load == (1,) and load.prepare.plan.sizes == ()


def test_lazy_loads_what_a_change_brings_and_is_not_ready_meanwhile():
    worker = asking(LAZY)
    change = Replied(Change(epoch=4, CHANGE_WORK_LOAD=2, CHANGE_SIZE=(320, 180)))
    _, load = worker.handle(change, 5)
    assert load.prepare.number == 2
    assert load.prepare.plan.load == (2,) and load.prepare.plan.sizes == ((320, 180),)
    heartbeat = message_in(worker.handle(Tick(), HEARTBEAT_NS))
    assert (heartbeat.n, heartbeat.ready) == (0, False)
    worker.handle(Replied(Wait()), HEARTBEAT_NS + 1)
    assert message_in(worker.handle(Prepared(2, Weights.TRAINED), HEARTBEAT_NS + 2)).n == 1
    assert message_in(worker.handle(change, 800 * MS)).n == 1, "loaded once is loaded"


def test_lazy_loads_what_an_unannounced_task_needs_before_the_task():
    worker = asking(LAZY)
    unannounced = Replied(Work(), [replace(TASK, grade=0)])
    load, accept = worker.handle(unannounced, 5)
    assert load.prepare.plan.load == (0,) and accept == Accept()
    assert message_in(worker.handle(Prepared(2, Weights.UNTRAINED), 6)).weights == Weights.UNTRAINED
    _, accept = worker.handle(unannounced, 7)
    assert accept == Accept()


def test_a_change_of_anything_else_loads_nothing():
    change = Change(epoch=4, CHANGE_FPS=15.0)
    assert change.CHANGE_WORK_LOAD is UNSET
    assert message_in(asking(LAZY).handle(Replied(change), 5)).n == 1


def test_end_and_a_wish_to_stop_finish_what_is_in_hand():
    for event in (Replied(End()), StopRequested()):
        worker = asking()
        worker.handle(works(1), 1)
        (stop,) = worker.handle(event, 2)
        assert isinstance(stop, Stop) and stop.wait_s > 0
        assert worker.deadline_ns is None
        assert worker.handle(StopRequested(), 3) == [] and worker.handle(TasksLeft(1), 4) == []


def test_the_offset_is_that_of_the_shortest_heartbeat():
    worker = core()
    worker.handle(Replied(CONFIRMATION), 900 * MS)  # the registration waited for the producer: no sample
    assert worker.offset_ns == 0
    worker.handle(Replied(Wait(now_ns=10 * S)), 902 * MS)
    assert worker.offset_ns == 10 * S - 901 * MS
    worker.handle(Tick(), 2 * S)
    worker.handle(Replied(Wait(now_ns=20 * S)), 2 * S + 100 * MS)  # a longer round trip
    assert worker.offset_ns == 10 * S - 901 * MS


def test_an_old_offset_is_measured_anew_before_more_work_is_asked_for():
    worker = asking()
    message = message_in(worker.handle(works(1), 31 * S))
    assert message.n == 0
    worker.handle(Replied(Wait(now_ns=5)), 31 * S + 2)
    assert worker.offset_ns == 5 - (31 * S + 1), "another clock: half of the round trip"


def test_a_request_says_since_when_inference_is_at_its_task_on_the_producers_clock():
    worker = core()
    worker.handle(Replied(CONFIRMATION), 0)
    worker.handle(Replied(Wait(now_ns=7 * S + 1)), 2)  # the producer's clock is 7 s ahead
    worker.handle(Prepared(1, Weights.TRAINED), 2)
    message = message_in(worker.handle(works(1), 500, Activity(started_ns=100)))
    assert (message.started_ns, message.running_ns) == (7 * S + 100, 400)
    assert message_in(worker.handle(works(1), 600, Activity())).started_ns == 0


def test_nothing_is_said_of_a_task_while_the_producers_clock_is_unknown():
    worker = asking()
    worker.handle(Replied(Error("who?", code="UNREGISTERED")), 5)
    message = message_in(worker.handle(Replied(CONFIRMATION), 6, Activity(started_ns=3)))
    assert (message.n, message.started_ns) == (0, 0)


def test_what_could_not_be_processed_is_said_at_once_until_it_is_heard():
    worker = asking()
    worker.handle(works(1), 1)
    worker.handle(works(1), 1)
    worker.handle(works(1), 1)  # its slots are full: nothing to ask for before the next heartbeat
    failure = Failure(0, 0, 7, "RuntimeError: poison")
    message = message_in(worker.handle(TaskFailed(failure), 2))
    assert (message.n, message.failed) == (0, (failure,))
    assert message_in(worker.handle(Replied(Wait()), HEARTBEAT_NS + 3)).failed == ()


def test_what_came_up_while_a_request_was_out_is_said_with_the_next_one():
    worker = asking()
    worker.handle(works(1), 1)
    failures = [Failure(0, frame_id, 7, "poison") for frame_id in range(2)]
    for failure in failures:
        assert worker.handle(TaskFailed(failure), 2) == []
    assert message_in(worker.handle(Replied(Wait()), 400 * MS)).failed == tuple(failures)


def test_a_new_socket_says_nothing_of_failures_since_all_that_was_in_hand_goes_back():
    worker = asking()
    worker.handle(works(1), 1)
    worker.handle(TaskFailed(Failure(0, 0, 7, "poison")), 2)
    worker.handle(Malformed("what"), 3)
    worker.handle(Tick(), 103 * MS)
    assert message_in(worker.handle(Replied(CONFIRMATION), 104 * MS)).failed == ()


def test_a_name_that_another_worker_has_is_changed_as_the_producer_says(caplog):
    worker = core()
    assert worker.name == "w"
    worker.handle(Replied(replace(CONFIRMATION, name="w-2")), 0)
    assert worker.name == "w-2" and "another worker is called w: this one is w-2 from now on" in caplog.text
    worker.handle(Replied(Error("who?", code="UNREGISTERED")), 1)
    worker.handle(Replied(replace(CONFIRMATION, name="w-2")), 2)
    assert caplog.text.count("from now on") == 1


def test_a_hanging_inference_process_is_given_up_after_two_looks():
    worker = asking()
    worker.handle(works(1), 1)
    at_it = Activity(started_ns=100 * MS, due_ns=3100 * MS)
    for now_ns in (400 * MS, 3100 * MS, 3200 * MS):  # overdue since the last one
        assert not gives_up(worker.handle(Replied(Wait(now_ns=1)), now_ns, at_it))
    assert not gives_up(worker.handle(Replied(Wait(now_ns=1)), 3699 * MS, at_it))
    (command,) = worker.handle(Replied(Wait(now_ns=1)), 3700 * MS, at_it)
    assert command == GiveUp("the inference process hangs: it has been at one task for 3.6 s")
    leave = worker.leave(command.reason, 0, at_it)
    assert (leave.identity, [failure.id for failure in leave.failed]) == ("1d", [0])
    assert worker.deadline_ns is None, "nothing more is asked"


def test_a_host_that_stood_still_as_a_whole_has_no_hanging_inference_process():
    worker = asking()
    worker.handle(works(1), 1)
    overdue, next_one = Activity(100 * MS, 3100 * MS), Activity(9100 * MS, 12_100 * MS)
    assert not gives_up(worker.handle(Replied(Wait(now_ns=1)), 9000 * MS, overdue))
    assert not gives_up(worker.handle(Replied(Wait(now_ns=1)), 9600 * MS, next_one))


def test_only_what_inference_was_at_has_broken_it():
    worker = asking()
    worker.handle(works(1), 1)
    worker.handle(works(1), 2)
    assert worker.leave("no orders taken", 0, Activity()).failed == ()
    assert core().leave("it cannot start", 0, Activity()) is None, "nobody knows us"


def test_what_has_left_before_is_not_what_it_broke_over():
    worker = asking()
    for frame_id in range(2):
        worker.handle(Replied(Work(), [replace(TASK, id=frame_id)]), frame_id)
    leave = worker.leave("killed", 1, Activity(started_ns=1))
    assert [failure.id for failure in leave.failed] == [1]


def gives_up(commands) -> bool:
    return any(isinstance(command, GiveUp) for command in commands)
