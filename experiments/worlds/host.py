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

    The lock is the system's, so it is gone with its process, however that ends. The file is made if need be,
    and says for those that wait at which `directory` this process works; `say` is told `text` if it must.
    """
    with contextlib.suppress(FileExistsError):
        path.touch(exist_ok=False)
        path.chmod(0o666)  # whatever the umask is: every user of the host may lock it, whoever made it
    with path.open("r+", encoding="utf-8") as file:
        if lock(file) is False:
            say(f"{text}: this one waits for it ({file.read().strip()}; Ctrl-C ends the waiting)")
            lock(file, waits=True)
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()}, {directory.resolve()}\n")
        file.flush()
        yield
