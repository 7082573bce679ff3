"""Locks on files, where there are any: Windows has none of these, and some network file systems neither."""

from typing import IO

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None


def lock(file: int | IO, waits: bool = False, is_shared: bool = False) -> bool | None:
    """Lock an open file for as long as it is open in this process, however that ends.

    Args:
        file: or its descriptor.
        waits: until it can be had.
        is_shared: with others who want no more.

    Returns:
        Whether it is locked now; None where the file system has no locks.
    """
    if fcntl is None:
        return None
    kind = (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if waits else fcntl.LOCK_NB)
    try:
        fcntl.flock(file, kind)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
