"""One of the three programs as a supervised child process that cannot outlive its parent."""

import contextlib
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import pipeline
from pipeline.cli import to_argv

logger = logging.getLogger(__name__)

LAST_LINES = 15
ONE_THREAD_EACH = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class ClusterError(Exception):
    """A program of the cluster failed; the text names it and shows the end of its log."""


class Endpoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a supervised producer listens: the one line of JSON that it prints."""

    work: str
    link: str
    control: str


class ResultsEndpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a supervised collector listens, likewise."""

    results: str


Spoken = TypeVar("Spoken", Endpoints, ResultsEndpoint)


class Program:
    """A child in its own session, so that Ctrl-C reaches only its parent, which closes in order.

    The child ends when its standard input closes: even a parent that is killed leaves nothing behind.

    Args:
        name: for people, and of its log: log_dir/NAME.log.
        command: what to run, e.g. (sys.executable, "-m", "pipeline", "worker").
        options: the program's options class; `pipeline.cli.to_argv` makes its command line.
        threads: of one computation in the child.
        piped: whether its standard output can be read by `first_line`; else it goes to the log.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        options: Any,
        log_dir: Path,
        threads: int = 1,
        piped: bool = False,
    ) -> None:
        self.name = name
        self.log = log_dir / f"{name}.log"
        log_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *to_argv(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if piped else log,
                stderr=log,
                env=_environment(threads),
                start_new_session=True,
            )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)  # a child that does not listen stops nobody

    @property
    def pid(self) -> int:
        """Process id, and that of its process group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; -n if signal n ended it."""
        return self._process.poll()

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        return self.exit_code is None

    def first_line(self, timeout_s: float) -> bytes:
        """Return the first line of its standard output.

        Raises ClusterError: it ended first, or said nothing in time.
        """
        stdout = self._process.stdout
        assert stdout is not None, "first_line needs a piped program"
        deadline_s, line = time.monotonic() + timeout_s, b""
        while not line.endswith(b"\n"):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([stdout], [], [], left_s)[0]:
                raise ClusterError(f"{self.name} said nothing within {timeout_s:g} s\n{self.last_lines()}")
            byte = os.read(stdout.fileno(), 1)
            if not byte:
                self.wait(timeout_s=1.0)
                raise ClusterError(self.obituary())
            line += byte
        return line

    def endpoints(self, kind: type[Spoken], timeout_s: float) -> Spoken:
        """Read what it says of itself. Raises ClusterError as `first_line`, or if it says something else."""
        line = self.first_line(timeout_s)
        try:
            return msgspec.json.decode(line, type=kind)
        except msgspec.DecodeError as error:
            raise ClusterError(f"the {self.name} must print its endpoints, got {line!r}: {error}") from error

    def obituary(self) -> str:
        """Say how it ended, and the last lines of its log."""
        return f"{self.name} ended with exit code {self.exit_code}\n{self.last_lines()}"

    def last_lines(self) -> str:
        """Return the end of its log, headed by the log's path."""
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:] or ["(empty)"]
        return "\n    ".join([f"the last lines of {self.log}:", *lines])

    def wait(self, timeout_s: float) -> bool:
        """Tell whether it ended within timeout_s."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, timeout_s))
        return not self.is_running

    def tell(self, line: bytes) -> None:
        """Write a line, short enough to be written whole, to its standard input.

        One that is dead hears nothing; nor does one that has not listened for so long that its pipe is full.
        """
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), line)
        except BlockingIOError:
            logger.warning("%s does not listen: it was not told %r", self.name, line)
        except BrokenPipeError:
            logger.debug("%s is dead: it was not told %r", self.name, line)

    def close_input(self) -> None:
        """Ask it to end, by closing its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()  # `tell` leaves nothing in its buffer: closing cannot fail on a flush

    def crash(self) -> None:
        """kill -9 of the program itself, as a crash would have it: its own children are not touched."""
        if self.is_running:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it for certain, with every process of its group, and release its pipes; idempotent."""
        if self.is_running:  # the group's id stays ours as long as its leader was not waited for
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self.close_input()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _environment(threads: int) -> dict[str, str]:
    """The parent's, with its own `pipeline` package first on the path, and no more threads than told."""
    home = str(Path(pipeline.__file__).resolve().parents[1])
    path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **dict.fromkeys(ONE_THREAD_EACH, str(threads))}
