"""Processes that share work: whoever stops early leaves none of them behind."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context


@contextmanager
def shared_among(n_processes: int, start_method: str) -> Iterator[ProcessPoolExecutor]:
    """Return a pool that is gone at the end: when all is done, or at once if anything is raised.

    Args:
        n_processes: >= 1.
        start_method: "spawn" or "forkserver", as multiprocessing has them.
    """
    others = set(active_children())
    with ProcessPoolExecutor(n_processes, get_context(start_method)) as pool:
        try:
            yield pool
        except BaseException:  # the executor would wait for all that was asked of it
            for process in set(active_children()) - others:
                process.terminate()
            raise
