"""The peers move frames, hold still when paused, and leave nothing behind."""

import os
import threading

import psutil
import pytest

from experiments.bench.measure import BenchError, take_turn
from experiments.bench.peers import Pictures, bare_chain, queue_chain
from experiments.bench.processes import Gate, Processes

SMALL = Pictures(128, 72, n=2)


def fail() -> None:
    raise RuntimeError("meant to fail")


def wait_for_ever(gate: Gate) -> None:
    gate.open()
    threading.Event().wait()


def test_pictures_are_frames_of_their_size():
    images = SMALL.images()
    assert [image.shape for image in images] == [(72, 128, 3)] * 2
    assert (images[0] != images[1]).any()


@pytest.mark.parametrize("peer", [bare_chain, queue_chain])
def test_a_peer_moves_frames_and_leaves_no_process(peer):
    with Processes("test") as processes:
        contender = peer(processes, SMALL)
        pids = contender.pids()
        assert len(pids) == 4
        turn = take_turn(contender, warm_up_s=0, seconds=0.05)
    assert turn.frames > 0
    assert turn.cpu_s >= 0
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_process_that_ends_early_is_named():
    with Processes("test") as processes:
        processes.start(fail)
        (pid,) = processes.pids()
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(BenchError, match=r"test\.fail ended early, with exit code 1"):
            processes.check()


def test_a_process_run_to_its_end_must_succeed():
    with Processes("test") as processes, pytest.raises(BenchError, match=r"test\.fail failed"):
        processes.run(fail)


def test_processes_end_when_closed_though_they_would_go_on():
    gate = Gate()
    with Processes("test") as processes:
        processes.start(wait_for_ever, gate)
        (pid,) = processes.pids()
        gate.wait()
    assert not psutil.pid_exists(pid)
