"""Files that are whole or not there, whether somebody holds one, and what is said of a disk that is full."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from pipeline.locking import lock

FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up"}
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)  # a place is not ours to write to
PARTIAL = ".partial"  # suffix of what a killed process may leave; nobody reads it


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` once all is written, and on the disk.

    Whoever reads `path` sees all of it or what was there before, whatever ends this process meanwhile, and
    if the machine goes down, too. Nothing is left of what ended in an exception.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        yield partial
        with partial.open("rb+") as file:  # Windows syncs only what may be written
            os.fsync(file)
        os.replace(partial, path)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes | memoryview) -> None:
    """Write a file as `whole` has it; text as UTF-8. Raises OSError."""
    with whole(path) as partial, partial.open("wb", buffering=0) as file:
        write_all(file.fileno(), content.encode() if isinstance(content, str) else content)


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write every byte, where the system may take fewer at a time. Raises OSError."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def check_writable(folder: Path) -> None:
    """Make a folder if need be. Raises OSError: nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileNotFoundError, FileExistsError) as error:  # such as behind a link to nothing, in /proc
        raise NotADirectoryError(errno.ENOTDIR, "No folder can be made there", str(folder)) from error
    TemporaryFile(dir=folder).close()


def overwrite(path: Path, text: str) -> None:
    """Put a text in the place of a longer one: the rest becomes spaces, and no room is asked of the disk.

    Raises OSError, also if there is no such file.
    """
    with path.open("rb+", buffering=0) as file:
        write_all(file.fileno(), f"{text.rstrip()}\n".encode().ljust(path.stat().st_size))


def is_held(path: Path) -> bool:
    """Whether a process has locked a file for itself, or nobody can tell; False if there is no such file."""
    try:
        with path.open("rb") as file:
            return not lock(file, is_shared=True)
    except FileNotFoundError:
        return False


# --- what went wrong with one ---


def is_full(error: BaseException | None) -> bool:
    """Whether a disk, or what one may have of it, was full."""
    return isinstance(error, OSError) and error.errno in FULL


def is_refused(error: OSError) -> bool:
    """Whether a named place cannot be written to, or not be read."""
    return error.errno in REFUSED and error.filename is not None


def full_disk(error: OSError, place: Path) -> str:
    """A sentence for people; `place` is what could not be written."""
    mount = place.resolve()
    while not mount.is_mount() and mount != mount.parent:
        mount = mount.parent
    what = FULL.get(error.errno or 0, error.strerror)
    return f"{what} ({mount}): nothing more can be written to {place}; free some room, and start again"
