"""Processes that share work."""

import contextlib
import signal
import subprocess
import sys
from multiprocessing import active_children

import psutil
import pytest

from envs.processes import shared_among


def test_what_was_asked_for_is_done():
    with shared_among(2, "spawn") as pool:
        assert list(pool.map(abs, [-1, -2, -3])) == [1, 2, 3]
    assert not active_children()


@pytest.mark.parametrize("start_method", ("spawn", "forkserver"))
def test_who_is_interrupted_leaves_no_process_and_waits_for_none(start_method):
    with pytest.raises(KeyboardInterrupt), shared_among(2, start_method) as pool:
        endless = pool.submit(signal.pause)
        while not endless.running():
            pass
        raise KeyboardInterrupt
    assert not active_children()


KILLED = """
import os, signal
from envs.processes import shared_among
with shared_among(1, "spawn") as pool:
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_who_is_killed_leaves_no_process():
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        worker = int(owner.stdout.readline())
    assert owner.returncode == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(worker).wait(250)
