"""Makes mishaps happen to a running pipeline."""

import contextlib
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from benchmarks.soak.mishaps import Fault, Mishap
from pipeline.cluster import LocalCluster
from pipeline.control import ControlClient, RefusedError, UnansweredError

LONGEST_GARBAGE = 1 << 16
SEND_S = 1.0


class Hurting:
    """Does what a list of mishaps says when its time has come; who hangs is let go on.

    Args:
        cluster: that is running.
        mishaps: in order of time.
        stranger: folder of keys that nobody has listed.
        rng: of what garbage is.

    Attributes:
        counts: mishaps that happened, by fault.
        let_in: strangers that were not refused.
        unanswered: requests that the producer did not answer in time.
    """

    def __init__(
        self, cluster: LocalCluster, mishaps: list[Mishap], stranger: Path, rng: np.random.Generator
    ) -> None:
        self.counts: Counter[Fault] = Counter()
        self.let_in = self.unanswered = 0
        self._cluster, self._stranger, self._rng = cluster, stranger, rng
        self._due: list[tuple[float, Callable[[], None]]] = []
        for mishap in mishaps:
            self._due.append((mishap.at_s, self._deed(mishap)))

    def go_on(self, now_s: float) -> None:
        """Let happen what is due."""
        due, self._due = [d for d in self._due if d[0] <= now_s], [d for d in self._due if d[0] > now_s]
        for _, act in due:
            act()

    def release(self) -> None:
        """Let whoever still hangs go on."""
        self.go_on(float("inf"))

    def _deed(self, mishap: Mishap) -> Callable[[], None]:
        def happen() -> None:
            self.counts[mishap.fault] += 1
            try:
                self._act(mishap)
            except UnansweredError:
                self.unanswered += 1

        return happen

    def _act(self, mishap: Mishap) -> None:
        alive = self._cluster.alive()
        match mishap.fault:
            case Fault.KILL_WORKER | Fault.KILL_INFERENCE | Fault.HANG_WORKER:
                names = {slot: name for name, slot in self._cluster.slots.items()}
                pid = alive.get(names[mishap.slot])
            case Fault.KILL_COLLECTOR | Fault.HANG_COLLECTOR:
                pid = next((pid for name, pid in alive.items() if name.startswith("collector")), None)
            case _:
                pid = None
        match mishap.fault:
            case Fault.STRANGER:
                self._knock()
            case Fault.GARBAGE:
                self._talk_garbage()
            case Fault.KNOBS:
                self._cluster.control.set_levels(mishap.levels)
                self._cluster.control.set_streams(mishap.streams)
            case _ if pid is None:
                pass  # it is dead already
            case Fault.KILL_INFERENCE:
                for child in inference_of(pid):
                    child.kill()
            case Fault.KILL_WORKER | Fault.KILL_COLLECTOR:
                os.kill(pid, signal.SIGKILL)
            case Fault.HANG_WORKER | Fault.HANG_COLLECTOR:
                self._hang(pid, mishap.at_s + mishap.hang_s)

    def _hang(self, group: int, until_s: float) -> None:
        def wake() -> None:
            with contextlib.suppress(ProcessLookupError):  # it was killed meanwhile
                os.killpg(group, signal.SIGCONT)

        os.killpg(group, signal.SIGSTOP)
        self._due.append((until_s, wake))

    def _knock(self) -> None:
        with ControlClient(self._cluster.endpoints.control, keys=str(self._stranger)) as client:
            try:
                client.status()
            except RefusedError:
                return
        self.let_in += 1

    def _talk_garbage(self) -> None:
        host, _, port = self._cluster.endpoints.work.removeprefix("tcp://").rpartition(":")
        nonsense = self._rng.bytes(int(self._rng.integers(1, LONGEST_GARBAGE)))
        with (
            contextlib.suppress(OSError),
            socket.create_connection((host, int(port)), SEND_S) as connection,
        ):
            connection.sendall(nonsense)


def inference_of(pid: int) -> list[psutil.Process]:
    """List the inference processes of a worker: none or one."""
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(pid).children()
        return [child for child in children if any("spawn_main" in word for word in child.cmdline())]
    return []
