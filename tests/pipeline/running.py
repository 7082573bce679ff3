"""The pipeline's real programs as child processes of a test, and plain sockets to talk to them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import zmq

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 15_000


class Program:
    """A supervised child: ends when the test does."""

    def __init__(self, *argv: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *argv],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def endpoints(self) -> dict[str, str]:
        """What a supervised producer prints first."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.finish()
        return json.loads(line)

    def finish(self, timeout_s: float = 20.0) -> tuple[int, str]:
        """Exit code and standard error, once it has ended by itself."""
        _, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, err


@contextmanager
def program(*argv: str) -> Iterator[Program]:
    """Run `python -m pipeline ...`; killed at the end if it still runs."""
    child = Program(*argv)
    try:
        yield child
    finally:
        if child.process.poll() is None:
            child.process.kill()
            child.process.communicate()


FREE_PORTS = tuple(
    part for name in ("work", "link", "control") for part in (f"--{name}", "tcp://127.0.0.1:*")
)


@contextmanager
def producer(*options: str) -> Iterator[tuple[Program, dict[str, str]]]:
    """A supervised producer on free ports, and its endpoints."""
    with program("producer", "--supervised", *FREE_PORTS, *options) as child:
        yield child, child.endpoints()


class Peer:
    """A plain socket that speaks hand-packed msgpack; every wait is bounded."""

    def __init__(self, kind: int, endpoint: str) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(kind)
        self.socket.linger = 0
        self.socket.rcvtimeo = self.socket.sndtimeo = PATIENCE_MS
        self.socket.connect(endpoint)

    def ask(self, request: dict[str, Any]) -> list[bytes]:
        """Send one map, get the reply's parts."""
        self.socket.send(msgspec.msgpack.encode(request))
        return self.socket.recv_multipart()

    def ask_map(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send one map, get one map."""
        (part,) = self.ask(request)
        return msgspec.msgpack.decode(part)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._context.destroy(linger=0)
