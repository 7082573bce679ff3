"""The control client against a ROUTER that this test plays itself."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest
import zmq
from msgspec.structs import replace

from pipeline.control import ControlClient, RefusedError, UnansweredError
from pipeline.messages import (
    ControlRequest,
    Done,
    Error,
    GetStatus,
    SetKnobs,
    Start,
    State,
    Status,
    Stop,
    decode_control_request,
    encode,
)

PATIENT_S, IMPATIENT_S = 5.0, 0.05


def status(n_ready: int) -> Status:
    return Status(
        state=State.STANDBY,
        episode=n_ready,
        epoch=0,
        levels=(0, 0, 0),
        streams=1,
        source_size=(640, 360),
        source_fps=30.0,
        is_live=False,
        fps_levels=(30.0,),
        sizes=((640, 360),),
        grades=("n",),
        workers=(),
        collector=False,
    )


class Server:
    """Answers each request with what `answer` returns (bytes as they are), or not at all for None."""

    def __init__(self, answer: Callable[[ControlRequest], object]) -> None:
        self.requests: list[ControlRequest] = []
        self._answer = answer
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.linger = 0
        port = self._router.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            if not self._router.poll(20):
                continue
            peer, empty, body = self._router.recv_multipart()
            self.requests.append(decode_control_request([body]))
            reply = self._answer(self.requests[-1])
            if reply is not None:
                self._router.send_multipart(
                    [peer, empty, reply if isinstance(reply, bytes) else encode(reply)]
                )
        self._router.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._context.term()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(answer: Callable[[ControlRequest], object]) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_requests_are_those_of_the_protocol(serve):
    server = serve(lambda request: Done(2, 3))
    with ControlClient(server.endpoint, PATIENT_S) as client:
        assert client.set_levels([1, 2, 0]) == Done(2, 3)
        client.set_streams(3)
        client.start(seed=7, levels=(0, 1, 2), streams=2)
        client.stop()
    expected = [SetKnobs(levels=(1, 2, 0)), SetKnobs(streams=3), Start(7, (0, 1, 2), 2), Stop()]
    assert server.requests == expected


def test_silence_is_an_error_and_the_next_request_still_works(serve):
    server = serve(lambda request: Done(1, 1) if isinstance(request, Stop) else None)
    with ControlClient(server.endpoint, IMPATIENT_S) as client:
        for _ in range(2):
            with pytest.raises(UnansweredError, match=r"no answer to GetStatus from tcp://.* within 0.05 s"):
                client.status()
        client.timeout_s = PATIENT_S
        assert client.stop() == Done(1, 1)


def test_a_late_reply_is_not_taken_for_the_next_one(serve):
    held = threading.Event()

    def answer(request: ControlRequest) -> object:
        if isinstance(request, GetStatus):
            held.wait(PATIENT_S)
            return status(0)
        return Done(1, 1)

    server = serve(answer)
    client = ControlClient(server.endpoint, IMPATIENT_S)
    with pytest.raises(UnansweredError):
        client.status()
    held.set()
    client.timeout_s = PATIENT_S
    assert client.stop() == Done(1, 1)
    client.close()


def test_a_producer_that_is_not_there_is_an_error():
    with (
        ControlClient("tcp://127.0.0.1:9", IMPATIENT_S) as client,
        pytest.raises(UnansweredError, match="no answer"),
    ):
        client.status()


def test_a_refusal_is_shown_with_its_reason(serve):
    server = serve(lambda request: Error("fps level must be below 6, got 9"))
    with (
        ControlClient(server.endpoint, PATIENT_S) as client,
        pytest.raises(RefusedError, match="refused SetKnobs: fps level must be below 6, got 9"),
    ):
        client.set_levels([9, 0, 0])


@pytest.mark.parametrize("reply", [b"\xc1 not msgpack", encode(status(0))])
def test_nonsense_is_refused(serve, reply):
    server = serve(lambda request: reply)
    with ControlClient(server.endpoint, PATIENT_S) as client, pytest.raises(RefusedError):
        client.stop()


def test_a_producer_of_another_release_is_refused_by_name(serve):
    server = serve(lambda request: replace(status(0), protocol=1))
    with (
        ControlClient(server.endpoint, PATIENT_S) as client,
        pytest.raises(RefusedError, match=r"this controller speaks protocol 3 .*, the producer 1: use one"),
    ):
        client.status()


def test_what_the_check_raises_ends_the_wait(serve):
    def gone() -> None:
        raise LookupError("the producer is gone")

    server = serve(lambda request: None)
    with ControlClient(server.endpoint, PATIENT_S, check=gone) as client, pytest.raises(LookupError):
        client.status()


def test_an_interrupted_wait_leaves_the_client_usable(serve):
    def interrupt() -> None:
        raise KeyboardInterrupt

    server = serve(lambda request: Done(1, 1) if isinstance(request, Stop) else None)
    client = ControlClient(server.endpoint, PATIENT_S, check=interrupt)
    with pytest.raises(KeyboardInterrupt):
        client.status()
    assert client.stop() == Done(1, 1)
    client.close()


def test_waiting_tells_what_is_missing_whenever_it_changes(serve):
    seen = iter((0, 0, 1, 2, 2))
    server = serve(lambda request: status(next(seen)))
    told: list[str] = []
    with ControlClient(server.endpoint, PATIENT_S) as client:
        last = client.wait_until(
            lambda s: f"{2 - s.episode} workers" if s.episode < 2 else "", PATIENT_S, told.append
        )
    assert last.episode == 2
    assert [line.partition(": ")[2] for line in told] == [
        "waiting for 2 workers",
        "waiting for 1 workers",
        "ready",
    ]


def test_waiting_has_an_end(serve):
    server = serve(lambda request: status(0))
    with (
        ControlClient(server.endpoint, PATIENT_S) as client,
        pytest.raises(UnansweredError, match=r"waited 0.1 s for the collector"),
    ):
        client.wait_until(lambda s: "the collector", 0.1)


def test_closing_twice_is_harmless():
    client = ControlClient("tcp://127.0.0.1:9")
    client.close()
    client.close()


def test_a_client_that_is_forgotten_does_not_hang_the_collection_of_garbage(serve):
    server = serve(lambda request: Done(1, 1))
    client = ControlClient(server.endpoint, PATIENT_S)
    client.stop()
    client.itself = client  # type: ignore[attr-defined]  # a cycle, as cluster and client make one
    context = weakref.ref(client._context)
    del client
    gc.collect()
    assert context() is None
