"""One real pipeline at a time on a host: two would take each other's cores, and measure each other."""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

LOCK = "elasticbench-pipeline.lock"  # in the host's directory for temporary files: one for all its users


@contextlib.contextmanager
def alone(directory: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile, no other run of the real pipeline is in here on this host; one that is, is waited for.

    The lock is the system's, so it is gone with its process, however that ends.

    Args:
        directory: of the run, for those that wait for it to read.
        say: told if there is something to wait for.
    """
    path = Path(tempfile.gettempdir()) / LOCK
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(
                "another run of the real pipeline is under way on this host, and two would measure each "
                f"other: this one waits for it ({lock.read().strip()}; Ctrl-C ends the waiting)"
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        lock.truncate()
        lock.write(f"process {os.getpid()}, {directory.resolve()}\n")
        lock.flush()
        yield
