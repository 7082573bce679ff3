"""Processes that share work."""

import signal
from multiprocessing import active_children

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
