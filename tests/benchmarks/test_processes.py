"""Processes of a contender: what they return, that they are named when they fail, that they are gone."""

import os
import threading

import psutil
import pytest

from benchmarks.processes import Gate, Processes
from benchmarks.turns import BenchmarkError


def fail() -> None:
    raise RuntimeError("meant to fail")


def add(one: int, other: int) -> int:
    return one + other


def wait_for_ever(gate: Gate) -> None:
    gate.open()
    threading.Event().wait()


def test_a_call_returns_what_the_function_returns_elsewhere():
    with Processes("test") as processes:
        assert processes.call(add, 1, 2) == 3
        assert processes.pids() == []


def test_a_process_that_fails_is_named():
    with Processes("test") as processes:
        with pytest.raises(BenchmarkError, match=r"test\.fail ended with exit code 1"):
            processes.call(fail)
        processes.start(fail)
        pid = processes.pids()[-1]
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(BenchmarkError, match=r"ended early, with exit code 1"):
            processes.check()


def test_processes_end_when_closed_though_they_would_go_on():
    gate = Gate()
    with Processes("test") as processes:
        processes.start(wait_for_ever, gate)
        (pid,) = processes.pids()
        gate.wait()
    assert not psutil.pid_exists(pid)
