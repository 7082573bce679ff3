"""The producer and the collector of the SimPy model: they act when something comes and need no process."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from envs.simulator.facts import percentile_ms
from envs.simulator.system import System
from pipeline.collector.core import ACK_NS, TICK_NS

if TYPE_CHECKING:  # an extra: whoever makes the model has it
    from simpy import Environment, Event

SHARES = 0.5, 0.95, 0.99  # of the deliveries that a percentile covers


@dataclass(slots=True, eq=False)
class Task:
    """A frame of the stream: its place among those offered, and among the source's; when it was captured."""

    id: int
    index: int
    captured_ns: int


@dataclass(slots=True)
class Meter:
    """What a control interval came to: frames, and the latencies of those delivered."""

    offered: int = 0
    dropped: int = 0
    latencies_ns: list[int] = field(default_factory=list)

    @property
    def latencies_ms(self) -> tuple[float, ...]:
        """p50, p95 and p99; NaN if nothing was delivered."""
        ordered, n = np.sort(np.array(self.latencies_ns, np.int64)), len(self.latencies_ns)
        return tuple(percentile_ms(ordered, n, share) if n else math.nan for share in SHARES)


@dataclass(slots=True)
class Ack:
    """What the collector tells the producer at once: how many results are safe, and what was delivered."""

    n_safe: int = 0
    latencies_ns: list[int] = field(default_factory=list)


class SimpyProducer:
    """The queue and the requests that wait."""

    def __init__(self, env: "Environment", system: System, frame_bytes: int) -> None:
        self._env, self._frame_bytes = env, frame_bytes
        self._bound = max(1, math.ceil(system.queue_bound_s * system.source_fps))
        self._message_ns = round(system.cluster.host.message_ms * 1e6)
        self._requests: deque[tuple[int, Event]] = deque()  # (how many it wants, its reply)
        self._n_offered = 0
        self.queue: deque[Task] = deque()
        self.held_bytes = 0
        self.meter = Meter()
        self.collector: SimpyCollector  # who is told of gaps

    def offer(self, index: int, captured_ns: int) -> None:
        """Queue a frame, drop the oldest beyond the bound, serve who waits."""
        self.queue.append(Task(self._n_offered, index, captured_ns))
        self._n_offered += 1
        self.meter.offered += 1
        self.held_bytes += self._frame_bytes
        while len(self.queue) > self._bound:
            dropped = self.queue.popleft()
            self.held_bytes -= self._frame_bytes
            self.meter.dropped += 1
            self._env.timeout(self._message_ns, dropped).callbacks.append(self.collector.gap_came)
        if self._requests:
            n, reply = self._requests.popleft()
            reply.succeed(self.tasks_for(n))

    def tasks_for(self, n: int) -> list[Task]:
        """Up to n tasks; none if nothing is queued."""
        return [self.queue.popleft() for _ in range(min(n, len(self.queue)))]

    def hold(self, n: int) -> "Event":
        """A reply once there is a task."""
        reply = self._env.event()
        self._requests.append((n, reply))
        return reply

    def ack_came(self, message: "Event") -> None:
        """Pictures are let go, latencies known."""
        ack = cast(Ack, message.value)
        self.held_bytes -= ack.n_safe * self._frame_bytes
        self.meter.latencies_ns += ack.latencies_ns


class SimpyCollector:
    """Brings results into order and acknowledges them."""

    def __init__(self, env: "Environment", system: System, producer: SimpyProducer) -> None:
        self._env: Any = env  # its times are whole; SimPy's types say that they may not be
        self._producer = producer
        self._message_ns = round(system.cluster.host.message_ms * 1e6)
        self._next_id = 0
        self._results: dict[int, Task] = {}
        self._gaps: set[int] = set()
        self._ack, self._ack_ns, self._watches_acks = Ack(), 0, False
        producer.collector = self

    def result_came(self, message: "Event") -> None:
        """Keep it, say what can be said now, acknowledge in batches."""
        task = cast(Task, message.value)
        self._results[task.id] = task
        self._ack.n_safe += 1
        self._advance()
        self._acknowledge()

    def gap_came(self, message: "Event") -> None:
        """A frame was dropped; no reason to speak at once."""
        self._gaps.add(cast(Task, message.value).id)
        self._advance()
        self._watch_acks()

    def _advance(self) -> None:
        """Deliver in order of ids."""
        while True:
            if (task := self._results.pop(self._next_id, None)) is not None:
                self._ack.latencies_ns.append(self._env.now - task.captured_ns)
            elif self._next_id in self._gaps:
                self._gaps.remove(self._next_id)
            else:
                return
            self._next_id += 1

    def _acknowledge(self) -> None:
        """In batches; what waits for its batch is looked at again once that can leave."""
        if not (self._ack.n_safe or self._ack.latencies_ns):
            return
        if self._env.now < self._ack_ns:
            self._watch_acks()
            return
        ack, self._ack, self._ack_ns = self._ack, Ack(), self._env.now + ACK_NS
        self._env.timeout(self._message_ns, ack).callbacks.append(self._producer.ack_came)

    def _watch_acks(self) -> None:
        if not self._watches_acks:
            self._watches_acks = True
            tick_ns = -(-max(self._ack_ns, self._env.now) // TICK_NS) * TICK_NS
            self._env.timeout(tick_ns - self._env.now).callbacks.append(self._look_at_acks)

    def _look_at_acks(self, _: "Event") -> None:
        self._watches_acks = False
        self._acknowledge()
