"""The producer of the SimPy model; it acts when something comes, so it needs no process."""

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from envs.simulator.system import System
from pipeline.messages import Outcome
from pipeline.producer.stream import TICK_NS
from pipeline.producer.workapi import HELD_SHARE

if TYPE_CHECKING:  # an extra: whoever makes the model has it
    from simpy import Environment, Event


@dataclass(slots=True, eq=False)
class Frame:
    """As the producer knows it.

    Attributes:
        held_by: the table of the producer that it is in; None once its result is safe, or it is given up.
        n_bytes: that are held of it.
    """

    id: int
    index: int
    captured_ns: int
    n_bytes: int
    attempts: int = 0
    leased_ns: int = 0
    held_by: "OrderedDict[int, Frame] | None" = None


@dataclass(slots=True, eq=False)
class Task:
    """A frame on its way through a worker to the collector."""

    id: int
    index: int
    captured_ns: int
    service_ns: int = 0
    latency_ns: int = 0


@dataclass(slots=True)
class Meter:
    """Of one control interval."""

    offered: int = 0
    dropped: int = 0
    lost: int = 0
    late: int = 0
    processed: int = 0
    busy_ns: int = 0
    latencies_ns: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ack:
    """What the collector tells the producer at once.

    Attributes:
        receipts: results that are safe.
        delivered: in order.
        missing: ids of frames that are passed over, and why.
    """

    receipts: list[Task]
    delivered: list[Task]
    missing: list[tuple[int, Outcome]]


def next_tick_ns(when_ns: int, period_ns: int) -> int:
    """The first tick no earlier than a time."""
    return -(-when_ns // period_ns) * period_ns


class SimpyProducer:
    """The queue, the leases and the requests that wait."""

    def __init__(self, env: "Environment", system: System, n_bytes: int) -> None:
        self._env: Any = env  # its times are whole; SimPy's types say that they may not be
        self._n_bytes = n_bytes
        self._bound = max(1, math.ceil(system.queue_bound_s * system.source_fps))
        self._lease_ns, self._retries = int(system.lease_s * 1e9), system.retries
        self._held_ns = math.ceil(HELD_SHARE * int(system.heartbeat_s * 1e9))
        self._message_ns = round(system.cluster.host.message_ms * 1e6)
        self._fresh: OrderedDict[int, Frame] = OrderedDict()
        self._returned: OrderedDict[int, Frame] = OrderedDict()
        self._leased: OrderedDict[int, Frame] = OrderedDict()  # the oldest lease first
        self._flight: dict[int, Frame] = {}
        self._held: deque[tuple[int, int, Event]] = deque()  # (since, n, its reply)
        self._watches_leases = self._watches_held = False
        self._meter = Meter()
        self._n_offered = 0
        self.held_bytes = 0
        self.tell_gap: Callable[[Event], None]  # the collector's ear for (id, outcome)

    @property
    def n_queued(self) -> int:
        """Tasks waiting."""
        return len(self._fresh) + len(self._returned)

    def take_meter(self) -> Meter:
        """Of the interval that ends now; another one begins."""
        meter, self._meter = self._meter, Meter()
        return meter

    # --- frames come ---

    def offer(self, index: int, captured_ns: int) -> None:
        """Queue a frame, drop the oldest beyond the bound, serve who waits."""
        frame = Frame(self._n_offered, index, captured_ns, self._n_bytes)
        self._n_offered += 1
        self._meter.offered += 1
        self.held_bytes += frame.n_bytes
        self._flight[frame.id] = frame
        self._put(frame, self._fresh)
        while len(self._fresh) > self._bound:
            self._drop(next(iter(self._fresh.values())))
        self._serve()

    def _drop(self, frame: Frame) -> None:
        self._leave(frame)
        del self._flight[frame.id]
        self._meter.dropped += 1
        self._tell(frame.id, Outcome.DROPPED)

    def _tell(self, id: int, outcome: Outcome) -> None:
        self._env.timeout(self._message_ns, (id, outcome)).callbacks.append(self.tell_gap)

    def _put(self, frame: Frame, table: "OrderedDict[int, Frame]") -> None:
        frame.held_by = table
        table[frame.id] = frame

    def _leave(self, frame: Frame) -> None:
        """Its picture is no longer held."""
        if frame.held_by is not None:
            del frame.held_by[frame.id]
            frame.held_by = None
        self.held_bytes -= frame.n_bytes
        frame.n_bytes = 0

    # --- requests ---

    def tasks_for(self, n: int) -> list[Task]:
        """Lease up to n tasks, those that came back first; none if nothing is queued."""
        now_ns, tasks = self._env.now, []
        while len(tasks) < n and (queue := self._returned or self._fresh):
            _, frame = queue.popitem(last=False)
            frame.attempts += 1
            frame.leased_ns = now_ns
            self._put(frame, self._leased)
            tasks.append(Task(frame.id, frame.index, frame.captured_ns))
        if tasks and not self._watches_leases:
            self._watches_leases = True
            self._at_tick(now_ns + self._lease_ns + 1, self._look_at_leases)
        return tasks

    def hold(self, n: int) -> "Event":
        """A reply once there is a task; without any, if none comes in time."""
        now_ns, reply = self._env.now, self._env.event()
        self._held.append((now_ns, n, reply))
        if not self._watches_held:
            self._watches_held = True
            self._at_tick(now_ns + self._held_ns, self._look_at_held)
        return reply

    def _serve(self) -> None:
        while self._held and (self._fresh or self._returned):
            _, n, reply = self._held.popleft()
            reply.succeed(self.tasks_for(n))

    # --- time: a watch looks at the oldest of its kind, and sleeps until the next can be due ---

    def _at_tick(self, when_ns: int, look: "Callable[[Event], None]") -> None:
        tick_ns = next_tick_ns(when_ns, TICK_NS)
        self._env.timeout(tick_ns - self._env.now).callbacks.append(look)

    def _look_at_leases(self, _: "Event") -> None:
        due_ns = self._env.now - self._lease_ns
        while self._leased and self._oldest_lease.leased_ns < due_ns:
            self._take_back(self._oldest_lease)
        self._watches_leases = bool(self._leased)
        if self._leased:
            self._at_tick(self._oldest_lease.leased_ns + self._lease_ns + 1, self._look_at_leases)
        self._serve()

    @property
    def _oldest_lease(self) -> Frame:
        return next(iter(self._leased.values()))

    def _take_back(self, frame: Frame) -> None:
        """Queue it again, or give it up: the collector says so in its order."""
        if frame.attempts > self._retries:
            self._leave(frame)
            self._tell(frame.id, Outcome.LOST)
        else:
            del self._leased[frame.id]
            self._put(frame, self._returned)

    def _look_at_held(self, _: "Event") -> None:
        now_ns = self._env.now
        while self._held and now_ns - self._held[0][0] >= self._held_ns:
            self._held.popleft()[2].succeed([])
        self._watches_held = bool(self._held)
        if self._held:
            self._at_tick(self._held[0][0] + self._held_ns, self._look_at_held)

    # --- the collector speaks ---

    def ack_came(self, message: "Event") -> None:
        """Leases end, frames get their outcome."""
        ack = cast(Ack, message.value)
        meter = self._meter
        for task in ack.receipts:
            frame = self._flight.get(task.id)
            if frame is not None:
                self._leave(frame)
                meter.processed += 1
                meter.busy_ns += task.service_ns
        for task in ack.delivered:
            if self._flight.pop(task.id, None) is not None:
                meter.latencies_ns.append(task.latency_ns)
        for id, outcome in ack.missing:
            frame = self._flight.pop(id, None)
            if frame is not None:
                self._leave(frame)
                meter.lost += outcome is Outcome.LOST
                meter.late += outcome is Outcome.LATE
