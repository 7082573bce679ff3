"""What a real worker process is surrounded by in a test: a producer and a collector that the test plays."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import psutil
import zmq

from pipeline.messages import (
    End,
    Failure,
    GetWork,
    LoadingMode,
    Register,
    RegistrationConfirmation,
    ResultPart,
    TaskHeader,
    Wait,
    Work,
    WorkReply,
    WorkRequest,
    WorkType,
    decode_results,
    decode_work_request,
    encode,
)

ROOT = Path(__file__).parents[3]
PATIENCE_S = 40.0  # bounds every wait of a test; a model loads for seconds on a busy machine
FRAME = np.arange(36 * 64 * 3, dtype=np.uint8).reshape(36, 64, 3)


class FakeProducer:
    """A ROUTER that the test speaks through; heartbeats are answered for it while it waits for more."""

    def __init__(self, results: str = "", **confirmation) -> None:
        self._context = zmq.Context()
        self.endpoint = ""
        self._socket = self._open("tcp://127.0.0.1:*")
        self.confirmation = RegistrationConfirmation(
            **{
                "work_type": WorkType.EMULATED,
                "work_load": "LOW",
                "loading_mode": LoadingMode.EAGER,
                "epoch": 0,
                "grades": ("n",),
                "weights": {},
                "sizes": ((64, 36),),
                "results": results,
                "return_frames": False,
                "heartbeat_s": 0.2,
                "now_ns": time.monotonic_ns(),
                **confirmation,
            }
        )
        self.heartbeats: list[GetWork] = []
        self.failures: list[Failure] = []  # of tasks, as said by all requests so far
        self._envelope: list[bytes] = []
        self._next_id = 0

    def receive(self, timeout_s: float = PATIENCE_S) -> WorkRequest:
        """The next request, whatever it is."""
        assert self._socket.poll(int(timeout_s * 1000)), "the worker says nothing"
        *self._envelope, body = self._socket.recv_multipart()
        request = decode_work_request([body])
        self.failures += request.failed if isinstance(request, GetWork) else ()
        return request

    def reply(self, message: WorkReply, *tasks: tuple[TaskHeader, np.ndarray]) -> None:
        """Answer the request that was received last."""
        parts = [*self._envelope, encode(message)]
        for header, frame in tasks:
            parts += [encode(header), frame.tobytes()]
        self._socket.send_multipart(parts)

    def next_request(self, wanted: Callable[[WorkRequest], bool]) -> WorkRequest:
        """The next such request; until then, register whoever asks and answer heartbeats."""
        while True:
            request = self.receive()
            if wanted(request):
                return request
            if isinstance(request, Register):
                self.reply(self.confirmation)
            else:
                assert isinstance(request, GetWork), request
                self.heartbeats.append(request)
                self.reply(Wait(now_ns=time.monotonic_ns()))

    def next_work_request(self) -> GetWork:
        """The next request for at least one task."""
        request = self.next_request(lambda request: isinstance(request, GetWork) and request.n > 0)
        assert isinstance(request, GetWork)
        return request

    def next_heartbeat(self) -> GetWork:
        """The next request for no task."""
        request = self.next_request(lambda request: isinstance(request, GetWork) and request.n == 0)
        assert isinstance(request, GetWork)
        return request

    def task(self, frame: np.ndarray = FRAME, **header) -> tuple[TaskHeader, np.ndarray]:
        """A task with the next id."""
        now_ns = time.monotonic_ns()
        fields = {
            "dtype": str(frame.dtype),
            "id": self._next_id,
            "source_index": self._next_id,
            "captured_ns": now_ns,
            "sent_ns": now_ns,
        }
        self._next_id += 1
        made = TaskHeader(shape=frame.shape, **{**fields, **header})
        return made, frame

    def give(self, *frames: np.ndarray, **header) -> None:
        """Answer a request for work with these frames."""
        self.next_work_request()
        self.reply(Work(), *(self.task(frame, **header) for frame in frames or (FRAME,)))

    def end(self) -> None:
        """Answer the next request, whatever it is, with END."""
        self.receive()
        self.reply(End())

    def die(self) -> None:
        """Close the socket: its queues and connections are gone."""
        self._context.destroy(linger=0)  # waits until the port is free

    def come_back(self) -> None:
        """Serve at the same endpoint as before, knowing nobody."""
        self._context = zmq.Context()
        self._socket = self._open(self.endpoint)

    def close(self) -> None:
        """Close everything."""
        self._context.destroy(linger=200)

    def _open(self, endpoint: str) -> zmq.Socket:
        socket = self._context.socket(zmq.ROUTER)
        socket.bind(endpoint)
        self.endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        return socket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FakeCollector:
    """A PULL; it takes results only when asked to, and holds next to nothing."""

    def __init__(self) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.set_hwm(1)
        self._socket.rcvbuf = 4096
        self._socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.header_bytes = 0  # of the last result

    def receive(self, timeout_s: float = PATIENCE_S) -> ResultPart:
        """The next result."""
        assert self._socket.poll(int(timeout_s * 1000)), "no result comes"
        parts = self._socket.recv_multipart()
        self.header_bytes = len(parts[0])
        (result,) = decode_results(parts)
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.destroy(linger=0)


class WorkerProcess:
    """`python -m pipeline worker` in a session of its own; leaves nothing behind."""

    def __init__(
        self,
        log: Path,
        *argv: str,
        env: dict[str, str] | None = None,
        program: Sequence[str] = ("-m", "pipeline"),
    ) -> None:
        self._log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, *program, "worker", *argv],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """What it has written to standard error so far."""
        return self._log.read_text()

    def say(self, lines: bytes) -> None:
        """Write to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(lines)
        self.process.stdin.flush()

    def inference(self) -> psutil.Process:
        """Its inference process."""
        children = psutil.Process(self.process.pid).children()
        (child,) = [child for child in children if "--multiprocessing-fork" in child.cmdline()]
        return child

    def group(self) -> Sequence[psutil.Process]:
        """Every process of its session that runs."""
        return [process for process in psutil.process_iter() if _session(process.pid) == self.process.pid]

    def exit_code(self, timeout_s: float = PATIENCE_S) -> int:
        """Once it has ended by itself; nothing of it may be left then."""
        code = self.process.wait(timeout_s)
        _, left = psutil.wait_procs(self.group(), timeout=PATIENCE_S)
        assert not left, f"{left} outlive the worker\n{self.log}"
        return code

    def close(self) -> None:
        """Kill whatever is left of it."""
        for process in self.group():
            process.send_signal(signal.SIGKILL)
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        print(f"exit code {self.process.returncode}, log:\n{self.log}")  # shown if the test has failed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1
