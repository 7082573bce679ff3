"""A real worker between a producer and a collector that the test plays; emulated work, real sockets."""

import os
import signal
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from msgspec.structs import replace

from pipeline.messages import (
    Binding,
    Change,
    End,
    Error,
    Failure,
    GetWork,
    Leave,
    LoadingMode,
    Register,
    Wait,
    Weights,
    Work,
    WorkType,
)
from pipeline.service_times import ServiceTimes
from tests.pipeline.worker.surroundings import PATIENCE_S, ROOT, FakeCollector, FakeProducer, WorkerProcess

pytestmark = pytest.mark.real


@pytest.fixture
def collector():
    """Takes results when told to."""
    with FakeCollector() as collector:
        yield collector


@pytest.fixture
def start(tmp_path):
    """Starts workers at a producer; they are gone after the test."""
    with ExitStack() as running:

        def start(producer: FakeProducer, *argv: str, **env: str) -> WorkerProcess:
            log = tmp_path / f"worker-{time.monotonic_ns()}.log"
            worker = WorkerProcess(log, "--producer", producer.endpoint, "--name", "w", *argv, env=env)
            return running.enter_context(worker)

        yield start


@pytest.fixture
def producer(collector):
    """Emulated work of 0 ms unless a test changes the confirmation."""
    with FakeProducer(collector.endpoint) as producer:
        yield producer


def slow(tmp_path: Path, ms: float) -> tuple[str, str]:
    """The option for a device that takes this long for any frame of FRAME's size."""
    path = tmp_path / "device.json"
    ServiceTimes({"n": ((64, 36, ms),)}).save(path)
    return "--service-times", str(path)


def shared_memory() -> set[str]:
    """Names of this machine's segments, whoever made them."""
    return {name for name in os.listdir("/dev/shm") if name.startswith("psm_")}


def outlives(before: set[str]) -> set[str]:
    """Segments that are new and keep their names: other tests' lose theirs as soon as they are attached."""
    found, deadline_s = shared_memory() - before, time.monotonic() + PATIENCE_S
    while found and time.monotonic() < deadline_s:
        time.sleep(0.05)
        found &= shared_memory()
    return found


def test_from_registration_to_the_end(start, producer, collector):
    worker = start(producer)
    register = producer.receive()
    assert isinstance(register, Register) and register.worker == "w" and register.sent_ns > 0
    producer.reply(producer.confirmation)
    request = producer.next_work_request()
    assert request.ready and request.weights == Weights.EMULATED
    header, frame = producer.task(stream=2, episode=3, epoch=4, grade=0, source_index=17)
    producer.reply(Work(), (header, frame))
    result = collector.receive()
    copied = ("id", "stream", "episode", "epoch", "grade", "source_index", "captured_ns")
    assert [getattr(result.header, name) for name in copied] == [getattr(header, name) for name in copied]
    assert result.header.worker == "w" and result.header.size == (64, 36)
    assert result.boxes.shape == (0, 6) and result.frame is None
    sent, received, started, done = result.header.stamps_ns
    assert sent == header.sent_ns - header.captured_ns
    assert sent <= received <= started <= done, "on one host the producer's clock is the worker's"
    producer.end()
    assert worker.exit_code() == 0


def test_the_header_of_a_result_stays_small(start, producer, collector):
    start(producer, "--name", "worker-of-20-letters")
    producer.give(id=100_000, stream=12, episode=1_700_000_000, epoch=300, source_index=100_000)
    collector.receive()
    assert collector.header_bytes < 200


def test_it_prefetches_while_a_task_is_processed(start, producer, collector, tmp_path):
    start(producer, "--prefetch", "2", *slow(tmp_path, 60_000))
    in_hand = []
    for _ in range(3):
        in_hand.append(producer.next_work_request().in_hand)
        producer.reply(Work(), producer.task())
    assert in_hand == [0, 1, 2]
    heartbeat = producer.next_heartbeat()
    assert heartbeat.in_hand == 3 and heartbeat.ready


def test_several_tasks_come_in_one_reply_and_all_are_done_in_order(start, producer, collector):
    start(producer, "--prefetch", "3", "--batch", "4")
    assert producer.next_work_request().n == 4
    producer.reply(Work(), *(producer.task() for _ in range(4)))
    assert [collector.receive().header.id for _ in range(4)] == [0, 1, 2, 3]


def test_work_of_type_none_passes_any_array(start, producer, collector):
    producer.confirmation = replaced(producer, work_type=WorkType.NONE)
    start(producer)
    producer.give(np.arange(10, dtype=np.float64))
    result = collector.receive()
    assert result.header.size == (10, 1) and result.header.service_ns == 0


def test_frames_come_back_where_the_sink_needs_them_also_larger_ones(start, producer, collector):
    producer.confirmation = replaced(producer, return_frames=True)
    start(producer)
    for side in (8, 8, 300, 16, 500):
        frame = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
        producer.give(frame)
        result = collector.receive()
        assert result.frame is not None and np.array_equal(result.frame, frame)


def test_no_frame_is_overwritten_by_another(start, producer, collector):
    producer.confirmation = replaced(producer, return_frames=True)
    start(producer, "--prefetch", "3")
    for value in range(20):
        producer.give(np.full((36, 64, 3), value, np.uint8))
        if value >= 4:  # let some pile up
            result = collector.receive()
            assert result.frame is not None and (result.frame == result.header.id).all()


def test_an_emulated_device_takes_its_time_and_a_slowed_one_more(start, producer, collector, tmp_path):
    start(producer, "--capacity", "0.5", *slow(tmp_path, 20.0))
    for _ in range(3):
        producer.give()
        result = collector.receive()
        _, received, started, done = result.header.stamps_ns
        assert result.header.service_ns == done - started == 40_000_000
        assert started >= received


def test_heartbeats_go_on_while_the_collector_takes_nothing(start, producer, collector):
    producer.confirmation = replaced(producer, return_frames=True)
    start(producer)
    frame = np.zeros((1000, 1000, 3), np.uint8)
    n_given = 0
    while True:  # until neither sockets nor slots take more
        request = producer.next_request(lambda request: isinstance(request, GetWork))
        if request.n:
            producer.reply(Work(), producer.task(frame))
            n_given += 1
        else:
            producer.reply(Wait(now_ns=time.monotonic_ns()))
            if request.in_hand == 3:
                break
    for _ in range(3):
        assert producer.next_heartbeat().in_hand == 3
        producer.reply(Wait(now_ns=time.monotonic_ns()))
    assert [collector.receive().header.id for _ in range(n_given - 3)] == list(range(n_given - 3))
    assert producer.next_work_request().n == 1, "it goes on by itself"


def test_heartbeats_go_on_while_models_load_and_say_so(start, producer, tmp_path):
    """The inference process is stopped: to its parent it looks as if it loaded for long."""
    worker = start(producer)
    producer.receive()
    inference = worker.inference()
    inference.suspend()
    producer.reply(producer.confirmation)
    for _ in range(3):
        heartbeat = producer.next_heartbeat()
        assert not heartbeat.ready
        producer.reply(Wait(now_ns=time.monotonic_ns()))
    inference.resume()
    assert producer.next_work_request().ready


def test_a_producer_that_comes_back_is_registered_with_again(start, producer, collector):
    start(producer)
    producer.give()
    collector.receive()
    producer.next_work_request()  # never answered
    producer.die()
    producer.come_back()
    assert isinstance(producer.receive(), Register)
    producer.reply(producer.confirmation)
    producer.give()
    assert collector.receive().header.id == 1


def test_a_producer_that_has_forgotten_it_is_registered_with_again(start, producer):
    start(producer)
    producer.next_work_request()
    producer.reply(Error("who are you?", code="UNREGISTERED"))
    assert isinstance(producer.receive(), Register)


def test_a_late_reply_is_never_taken_for_the_answer_to_a_newer_request(start, producer, collector):
    start(producer)
    producer.next_work_request()
    late = list(producer._envelope)
    producer.receive()  # the worker has given up: it registers again
    fresh, producer._envelope = producer._envelope, late
    producer.reply(Work(), producer.task())
    producer._envelope = fresh
    producer.reply(producer.confirmation)
    producer.give()
    assert collector.receive().header.id == 1, "the late task 0 was not taken"


def test_nonsense_from_the_producer_is_survived(start, producer, collector):
    start(producer)
    producer.next_work_request()
    producer._socket.send_multipart([*producer._envelope, b"\xc1 what"])
    producer.next_work_request()
    header, frame = producer.task(dtype="complex64")
    producer.reply(Work(), (header, frame))
    producer.give()
    assert collector.receive().header.id == 1


def test_a_collector_may_come_later_and_may_move(start, producer, collector):
    home, producer.confirmation = producer.confirmation, replaced(producer, results="")
    start(producer)
    for _ in range(2):  # it registers again, and asks for nothing
        producer.next_request(lambda request: isinstance(request, Register))
        producer.reply(producer.confirmation)
    producer.confirmation = home
    producer.give()
    assert collector.receive().header.id == 0
    with FakeCollector() as other:
        producer.next_work_request()
        producer.reply(Error("", code="UNREGISTERED"))
        producer.confirmation = replaced(producer, results=other.endpoint)
        producer.give()
        assert other.receive().header.id == 1


def test_a_change_is_followed_and_a_task_carries_its_own_grade(start, producer, collector, tmp_path):
    path = tmp_path / "device.json"
    ServiceTimes({"n": ((64, 36, 1.0),), "m": ((64, 36, 7.0),)}).save(path)
    producer.confirmation = replaced(producer, grades=("n", "m"), loading_mode=LoadingMode.LAZY)
    start(producer, "--service-times", str(path))
    producer.give(grade=0)
    producer.next_work_request()
    producer.reply(Change(epoch=1, CHANGE_WORK_LOAD=1, CHANGE_SIZE=(64, 36)))
    producer.give(grade=1, epoch=1)
    producer.give(grade=0, epoch=0)
    assert [collector.receive().header.service_ns for _ in range(3)] == [1_000_000, 7_000_000, 1_000_000]


def test_a_full_worker_hears_of_a_change_at_once_and_what_has_not_begun_takes_its_grade(
    start, producer, collector, tmp_path
):
    path = tmp_path / "device.json"
    ServiceTimes({"n": ((64, 36, 1.0),), "s": ((64, 36, 400.0),)}).save(path)
    confirmed = {"grades": ("n", "s"), "work_load": "MEDIUM", "epoch": 1, "binding": Binding.HAND_OUT}
    producer.confirmation = replace(producer.confirmation, **confirmed)
    start(producer, "--service-times", str(path))
    for _ in range(3):
        assert producer.next_work_request().epoch == 1
        producer.reply(Work(), producer.task(grade=1, epoch=1))
    assert producer.receive().standing, "there is no task that it could take"
    producer.reply(Change(epoch=2, CHANGE_WORK_LOAD=0))
    done = [collector.receive().header for _ in range(3)]
    assert [(header.grade, header.epoch) for header in done] == [(1, 1), (0, 2), (0, 2)]


def test_end_lets_what_is_in_hand_be_finished(start, producer, collector, tmp_path):
    worker = start(producer, "--prefetch", "2", *slow(tmp_path, 100.0))
    for _ in range(3):
        producer.give()
    producer.end()
    assert [collector.receive().header.id for _ in range(3)] == [0, 1, 2]
    assert worker.exit_code() == 0


def test_without_a_collector_the_end_comes_all_the_same(start, producer, tmp_path):
    with FakeCollector() as gone:
        nowhere = gone.endpoint
    producer.confirmation = replaced(producer, results=nowhere, return_frames=True)
    worker = start(producer, "--prefetch", "9")
    for _ in range(10):
        producer.give(np.zeros((600, 600, 3), np.uint8))
    producer.end()
    assert worker.exit_code() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_ends_it_cleanly(start, producer, number):
    worker = start(producer)
    producer.next_work_request()
    os.killpg(worker.process.pid, number)  # as a terminal does with Ctrl-C
    assert worker.exit_code() == 0
    assert "Traceback" not in worker.log


def test_a_supervised_worker_ends_with_its_supervisor(start, producer):
    worker = start(producer, "--supervised")
    producer.next_work_request()
    worker.process.stdin.close()
    assert worker.exit_code() == 0


def test_its_supervisor_can_slow_it_down_and_nonsense_is_ignored(start, producer, collector, tmp_path):
    worker = start(producer, "--supervised", *slow(tmp_path, 20.0))
    for lines, service_ns in (
        (b"", 20_000_000),
        (b'{"slowdown":2.0}\n', 40_000_000),
        (b'faster!\n{"slowdown":0}\n', 40_000_000),
        (b'{"slowdown":5.0}\n{}\n', 20_000_000),
    ):
        worker.say(lines)
        while True:  # until it has heard
            producer.give()
            if collector.receive().header.service_ns == service_ns:
                break
    assert "expected a line like" in worker.log and "faster!" in worker.log
    producer.end()
    assert worker.exit_code() == 0


def test_jobs_that_wait_are_slowed_too(start, producer, collector, tmp_path):
    worker = start(producer, "--supervised", "--prefetch", "2", *slow(tmp_path, 20.0))
    producer.next_work_request()
    inference = worker.inference()
    inference.suspend()
    producer.reply(Work(), producer.task())
    for _ in range(2):
        producer.give()
    worker.say(b'{"slowdown":1.5}\n')
    while "slowdown=1.5" not in worker.log:
        producer.next_heartbeat()
        producer.reply(Wait(now_ns=time.monotonic_ns()))
    inference.resume()
    assert [collector.receive().header.service_ns for _ in range(3)] == [30_000_000] * 3


def test_over_an_emulated_link_frames_and_results_travel_one_after_the_other(
    start, producer, collector, tmp_path
):
    # a frame of 64x36 is 6912 bytes: at 0.55296 Mbit/s it takes 100 ms
    producer.confirmation = replaced(producer, return_frames=True)
    start(producer, "--prefetch", "3", "--link-mbit-s", "0.55296", "--link-delay-ms", "30")
    for _ in range(3):
        producer.give()
    results = [collector.receive() for _ in range(3)]
    sent, received, _, _ = results[0].header.stamps_ns
    assert received - sent >= 130_000_000
    arrivals = [result.header.stamps_ns[1] + result.header.captured_ns for result in results]
    assert all(later - earlier >= 100_000_000 for earlier, later in pairwise(arrivals))
    assert all(result.frame is not None for result in results)


def test_requests_and_replies_without_frames_take_the_delay_of_an_emulated_link_too(start, producer):
    start(producer, "--link-delay-ms", "30")
    assert producer.next_work_request().delay_ns >= 30_000_000, "half of its shortest round trip"


def test_what_is_on_an_emulated_link_is_delivered_before_the_end(start, producer, collector):
    worker = start(producer, "--prefetch", "3", "--link-delay-ms", "150")
    for _ in range(3):
        producer.give()
    producer.end()
    assert [collector.receive().header.id for _ in range(3)] == [0, 1, 2]
    assert worker.exit_code() == 0


def test_kill_9_of_the_worker_leaves_no_process_and_no_memory(start, producer, collector, tmp_path):
    before = shared_memory()
    worker = start(producer, *slow(tmp_path, 300.0))
    for _ in range(3):
        producer.give()
    family = worker.group()
    assert len(family) >= 2
    worker.process.kill()
    worker.process.wait()
    _, left = psutil.wait_procs(family, timeout=20)
    assert not left
    assert not outlives(before)
    assert "leaked" not in worker.log and "Traceback" not in worker.log


def test_a_clean_end_leaves_no_memory_and_no_warning(start, producer, collector):
    before = shared_memory()
    worker = start(producer)
    for side in (10, 400):
        producer.give(np.zeros((side, side, 3), np.uint8))
        collector.receive()
    producer.end()
    assert worker.exit_code() == 0
    assert not outlives(before)
    assert "leaked" not in worker.log and "Traceback" not in worker.log


def test_a_worker_whose_inference_dies_says_so_and_ends_with_1(start, producer, tmp_path):
    worker = start(producer, *slow(tmp_path, 60_000))
    producer.give()
    producer.next_request(lambda request: isinstance(request, GetWork) and request.started_ns > 0)
    worker.inference().kill()
    producer.reply(Wait(now_ns=time.monotonic_ns()))
    leave = producer.next_request(lambda request: isinstance(request, Leave))
    assert isinstance(leave, Leave) and "exit code -9" in leave.reason
    assert [failure.id for failure in leave.failed] == [0], "over this one it broke"
    assert worker.exit_code() == 1
    assert "worker w: the inference process ended with exit code -9" in worker.log
    assert "Traceback" not in worker.log


def test_an_inference_process_that_hangs_is_noticed_and_what_is_in_hand_goes_back(
    start, producer, collector, tmp_path
):
    worker = start(producer, *slow(tmp_path, 200.0))
    producer.give()  # the first of its kind may take any time
    collector.receive()
    for _ in range(2):
        producer.give()
    producer.next_request(lambda request: isinstance(request, GetWork) and request.started_ns > 0)
    worker.inference().suspend()
    producer.reply(Wait(now_ns=time.monotonic_ns()))
    leave = producer.next_request(lambda request: isinstance(request, Leave))
    assert isinstance(leave, Leave) and "hangs" in leave.reason
    assert worker.exit_code() == 1
    (line,) = [line for line in worker.log.splitlines() if line.startswith("worker w:")]
    assert "the inference process hangs: it has been at one task for" in line


def test_a_frame_that_the_detector_breaks_over_costs_no_worker(producer, collector, tmp_path):
    argv = ("--producer", producer.endpoint, "--name", "w")
    poisoned = {"env": {"POISON_EVERY": "2"}, "program": (str(ROOT / "tests/pipeline/poisoned.py"),)}
    with WorkerProcess(tmp_path / "log", *argv, **poisoned) as worker:
        for index in (1, 2, 3):
            producer.give(source_index=index, episode=7, stream=4)
        assert [collector.receive().header.source_index for _ in range(2)] == [1, 3]
        producer.next_request(lambda _: bool(producer.failures))
        assert producer.failures == [Failure(4, 1, 7, "RuntimeError: frame 2 is poison")]
        producer.reply(Wait(now_ns=time.monotonic_ns()))
        producer.next_work_request()
        assert len(producer.failures) == 1, "it is said once"
        producer.reply(End())
        assert worker.exit_code() == 0
        assert worker.log.count("Traceback") == 1, "where it comes from, once"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--service-times", "/nowhere/device.json"), "/nowhere/device.json"),
        (("--cores", "4096"), "4096"),
    ],
)
def test_what_inference_cannot_do_is_one_line_and_exit_code_1(start, producer, argv, message):
    worker = start(producer, *argv)
    producer.receive()
    producer.reply(producer.confirmation)
    assert worker.exit_code() == 1
    (line,) = [line for line in worker.log.splitlines() if line.startswith("worker w:")]
    assert message in line
    assert "Traceback" not in worker.log


def test_a_collector_that_cannot_be_is_one_line_and_exit_code_1(start, producer):
    producer.confirmation = replaced(producer, results="nowhere")
    worker = start(producer)
    producer.give()
    assert worker.exit_code() == 1
    assert "worker w: the producer names a collector that cannot be: cannot connect to nowhere" in worker.log


def test_an_endpoint_that_is_none_is_one_line_and_exit_code_1(tmp_path):
    with WorkerProcess(tmp_path / "log", "--producer", "nowhere") as worker:
        assert worker.exit_code() == 1
        assert "cannot connect to nowhere" in worker.log and "Traceback" not in worker.log


def test_memory_stays_flat_over_2000_frames(start, producer, collector):
    producer.confirmation = replaced(producer, return_frames=True)
    worker = start(producer)

    def pass_frames(n: int) -> int:
        for _ in range(n):
            producer.give()
            collector.receive()
        return sum(process.memory_info().rss for process in worker.group())

    settled = pass_frames(500)
    assert pass_frames(1500) - settled < 2_000_000, "bytes; one frame each would be 10 MB"
    producer.receive()
    producer.reply(End())
    assert worker.exit_code() == 0


def replaced(producer: FakeProducer, **fields):
    """The producer's confirmation, changed."""
    return replace(producer.confirmation, **fields)
