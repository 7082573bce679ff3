"""Processes that share work: whoever stops early, or is killed, leaves none of them behind."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from multiprocessing import active_children, get_context

LOOK_EVERY_S = 1.0


@contextmanager
def shared_among(n_processes: int, start_method: str) -> Iterator[ProcessPoolExecutor]:
    """Return a pool that is gone at the end: when all is done, or at once if anything is raised.

    Args:
        n_processes: >= 1.
        start_method: "spawn" or "forkserver", as multiprocessing has them.
    """
    others = set(active_children())
    with ProcessPoolExecutor(n_processes, get_context(start_method), end_with_parent) as pool:
        try:
            yield pool
        except BaseException:  # the executor would wait for all that was asked of it
            for process in set(active_children()) - others:
                process.terminate()
            raise


@cache  # once in each
def end_with_parent() -> None:
    """Let this process, one of a pool's, be ended soon after the one that started it is gone.

    By itself it would wait for more to do: loky's for minutes, others for ever.
    """

    def watch(parent: int) -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        while True:  # again if what it did was broken off and it waits for more
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(LOOK_EVERY_S)

    threading.Thread(target=watch, args=(os.getppid(),), name="parent-watch", daemon=True).start()
