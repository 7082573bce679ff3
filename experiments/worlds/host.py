"""What one process of a host does at a time: two real pipelines would measure each other."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.locking import lock

# not in $TMPDIR, which two jobs of one host need not share; one file for all its users
LOCK = Path("/tmp/elasticbench-pipeline.lock")


def alone(directory: Path, say: Callable[[str], None]) -> AbstractContextManager[None]:
    """Meanwhile, no other run of the real pipeline is in here on this host; see `one_at_a_time`."""
    text = "another run of the real pipeline is under way on this host, and two would measure each other"
    return one_at_a_time(LOCK, directory, text, say)


@contextlib.contextmanager
def one_at_a_time(path: Path, directory: Path, text: str, say: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile, nobody else on this host is in here with the same file; who is, is waited for.

    The lock is the system's, so it is gone with its process, however that ends.

    Args:
        path: of the file, which is made if need be.
        directory: what this process works at, for those that wait for it to read.
        text: said if there is something to wait for.
        say: told that.
    """
    with os.fdopen(opened(path), "r+", encoding="utf-8") as file:
        if lock(file) is False:
            say(f"{text}: this one waits for it ({file.read().strip()}; Ctrl-C ends the waiting)")
            lock(file, waits=True)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}, {directory.resolve()}\n")
        file.flush()
        yield


def opened(path: Path) -> int:
    """Descriptor of the file, which every user of the host may lock, whoever made it."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        os.fchmod(descriptor, 0o666)  # whatever the umask is
        return descriptor
    return os.open(path, os.O_RDWR)  # no O_CREAT: systems refuse it in /tmp for a file of somebody else's
