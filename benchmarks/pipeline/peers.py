"""What the pipeline is measured against: the same frames through less, or through something else.

Each peer is a source of frames in memory, two workers and a collector, in processes of their own; a worker
gets the frame and sends RESULT_BYTES on.
"""

import multiprocessing.connection
import multiprocessing.queues
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray

from benchmarks.processes import Gate, Processes, spawning
from benchmarks.turns import BenchmarkError
from pipeline.options import ProducerOptions, SourceKind
from pipeline.sources.opening import open_source

N_WORKERS = 2
RESULT_BYTES = 200
START_S = 30.0
QUEUE_BOUND = 2 * N_WORKERS  # one frame in work and one in reserve per worker


@dataclass(frozen=True, slots=True)
class Pictures:
    """Frames in memory, repeated without end: those of the producer's memory source.

    Attributes:
        width, height: in px.
        n: how many different ones, at most a second of the scene; together they should not fit a cache.
    """

    width: int
    height: int
    n: int = 30

    def images(self) -> list[NDArray[np.uint8]]:
        """The frames, uint8 BGR of shape (height, width, 3), not to be written to."""
        options = ProducerOptions(source=SourceKind.MEMORY, width=self.width, height=self.height)
        with closing(open_source(options)) as source:
            return [source.read().image for _ in range(self.n)]


class Peer:
    """A contender made of spawned processes, which somebody else ends."""

    def __init__(
        self, name: str, processes: Processes, gates: Sequence[Gate], n_pids: int | None = None
    ) -> None:
        self.name = name
        self._processes = processes
        self._gates = gates
        self._n_pids = n_pids

    def resume(self) -> None:
        """Let frames flow."""
        for gate in self._gates:
            gate.open()

    def pause(self) -> None:
        """Hold frames back; those under way arrive."""
        for gate in self._gates:
            gate.shut()

    def progress(self) -> tuple[int, int]:
        """(frames delivered so far, now in ns). Raises BenchmarkError."""
        self._processes.check()
        return sum(gate.delivered for gate in self._gates), time.monotonic_ns()

    def pids(self) -> list[int]:
        """The first `n_pids` processes, or all of them."""
        return self._processes.pids()[: self._n_pids]


# --- a bare chain of ZeroMQ sockets -----------------------------------------------------------------


def bare_chain(processes: Processes, pictures: Pictures) -> Peer:
    """ROUTER -> 2 x REQ -> PUSH -> PULL over TCP, and nothing else."""
    gate = Gate()
    tasks = _start_bound(processes, _route, gate, pictures)
    results = _start_bound(processes, _pull, gate)
    for _ in range(N_WORKERS):
        processes.start(_pass_on, tasks, results)
    return Peer("bare", processes, [gate])


def _start_bound(processes: Processes, target: Any, *args: Any) -> str:
    """Start a process that says where it has bound its socket."""
    ours, theirs = spawning.Pipe(duplex=False)
    processes.start(target, theirs, *args)
    if not ours.poll(START_S):
        raise BenchmarkError(f"{target.__name__} of the bare chain did not start within {START_S:g} s")
    return ours.recv_bytes().decode()


def _bind(socket: zmq.Socket, endpoint: multiprocessing.connection.Connection) -> None:
    socket.bind("tcp://127.0.0.1:*")
    endpoint.send_bytes(socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0").encode())


def _route(endpoint: multiprocessing.connection.Connection, gate: Gate, pictures: Pictures) -> None:
    buffers = [image.data for image in pictures.images()]
    router = zmq.Context().socket(zmq.ROUTER)
    _bind(router, endpoint)
    i = 0
    while True:
        worker, *_ = router.recv_multipart()
        gate.wait()
        router.send_multipart([worker, b"", buffers[i % pictures.n]], copy=False)
        i += 1


def _pass_on(tasks: str, results: str) -> None:
    context = zmq.Context()
    request, push = context.socket(zmq.REQ), context.socket(zmq.PUSH)
    request.connect(tasks)
    push.connect(results)
    result = bytes(RESULT_BYTES)
    while True:
        request.send(b"")
        request.recv(copy=False)
        push.send(result)


def _pull(endpoint: multiprocessing.connection.Connection, gate: Gate) -> None:
    pull = zmq.Context().socket(zmq.PULL)
    _bind(pull, endpoint)
    while True:
        pull.recv()
        gate.count()


# --- the standard library's queues ------------------------------------------------------------------


def queue_chain(processes: Processes, pictures: Pictures) -> Peer:
    """The same through two `multiprocessing.Queue`s, which pickle every frame."""
    gate = Gate()
    tasks, results = spawning.Queue(QUEUE_BOUND), spawning.Queue()
    processes.start(_put, tasks, gate, pictures)
    processes.start(_take, results, gate)
    for _ in range(N_WORKERS):
        processes.start(_hand_on, tasks, results)
    return Peer("mp_queue", processes, [gate])


def _put(tasks: multiprocessing.queues.Queue, gate: Gate, pictures: Pictures) -> None:
    images = pictures.images()
    i = 0
    while True:
        gate.wait()
        tasks.put(images[i % pictures.n])
        i += 1


def _hand_on(tasks: multiprocessing.queues.Queue, results: multiprocessing.queues.Queue) -> None:
    result = bytes(RESULT_BYTES)
    while True:
        tasks.get()
        results.put(result)


def _take(results: multiprocessing.queues.Queue, gate: Gate) -> None:
    while True:
        results.get()
        gate.count()
