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
    with os.fdopen(opened(Path(tempfile.gettempdir()) / LOCK), "r+", encoding="utf-8") as lock:
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


def opened(path: Path) -> int:
    """Descriptor of the file, which every user of the host may lock, whoever made it."""
    flags = os.O_RDWR | os.O_CLOEXEC
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL)
        os.fchmod(descriptor, 0o666)  # whatever the umask is
        return descriptor
    return os.open(path, flags)  # no O_CREAT: systems refuse it in /tmp for a file of somebody else's
