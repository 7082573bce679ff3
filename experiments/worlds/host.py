"""One real pipeline at a time on a host: two would take each other's cores, and measure each other."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.locking import lock

# not in $TMPDIR, which two jobs of one host need not share; one file for all its users
LOCK = Path("/tmp/elasticbench-pipeline.lock")


@contextlib.contextmanager
def alone(directory: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile, no other run of the real pipeline is in here on this host; one that is, is waited for.

    The lock is the system's, so it is gone with its process, however that ends.

    Args:
        directory: of the run, for those that wait for it to read.
        say: told if there is something to wait for.
    """
    with os.fdopen(opened(LOCK), "r+", encoding="utf-8") as file:
        if lock(file) is False:
            say(
                "another run of the real pipeline is under way on this host, and two would measure each "
                f"other: this one waits for it ({file.read().strip()}; Ctrl-C ends the waiting)"
            )
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
