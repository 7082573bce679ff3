"""The collector of the SimPy model; it acts when something comes, so it needs no process."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from envs.simulator.system import System
from experiments.bench.simpy_producer import Ack, SimpyProducer, Task, next_tick_ns
from pipeline.collector.core import ACK_NS, TICK_NS
from pipeline.messages import Outcome
from pipeline.producer.stream import GAP_MARGIN_S

if TYPE_CHECKING:  # an extra: whoever makes the model has it
    from simpy import Environment, Event


class SimpyCollector:
    """Brings results into order and acknowledges them."""

    def __init__(self, env: "Environment", system: System, producer: SimpyProducer) -> None:
        self._env: Any = env  # its times are whole; SimPy's types say that they may not be
        self._producer = producer
        lease_s = int(system.lease_s * 1e9) * 1e-9
        self._deadline_ns = int((lease_s * (system.retries + 1) + GAP_MARGIN_S) * 1e9)
        self._message_ns = round(system.cluster.host.message_ms * 1e6)
        self._next_id = 0
        self._results: dict[int, Task] = {}
        self._gaps: dict[int, Outcome] = {}
        self._missing_since_ns: int | None = None
        self._watches_missing = self._watches_acks = False
        self._ack = Ack([], [], [])
        self._ack_ns = 0
        producer.tell_gap = self._gap_came

    def result_came(self, message: "Event") -> None:
        """A result; a second one of its frame changes nothing."""
        task = cast(Task, message.value)
        if task.id >= self._next_id and task.id not in self._results:
            self._results[task.id] = task
            self._ack.receipts.append(task)
            self._advance()
        self._acknowledge()

    def _gap_came(self, message: "Event") -> None:
        id, outcome = cast(tuple[int, Outcome], message.value)
        if id >= self._next_id and id not in self._results:
            self._gaps[id] = outcome
        self._advance()
        self._watch_acks()  # gaps are no reason to speak at once

    def _advance(self) -> None:
        """Say everything that can be said now, in order of ids."""
        now_ns = self._env.now
        while True:
            task = self._results.pop(self._next_id, None)
            if task is not None:
                self._gaps.pop(self._next_id, None)
                task.latency_ns = now_ns - task.captured_ns
                self._ack.delivered.append(task)
            elif (outcome := self._gaps.pop(self._next_id, None)) is not None:
                if outcome is not Outcome.DROPPED:
                    self._ack.missing.append((self._next_id, outcome))
            elif not self._results or not self._is_overdue(now_ns):
                return
            else:
                self._ack.missing.append((self._next_id, Outcome.LATE))
                self._next_id += 1  # and what is missing behind it is as overdue
                continue
            self._next_id += 1
            self._missing_since_ns = None

    def _is_overdue(self, now_ns: int) -> bool:
        if self._missing_since_ns is None:
            self._missing_since_ns = now_ns
            if not self._watches_missing:
                self._watches_missing = True
                self._at_tick(now_ns + self._deadline_ns + 1, self._look_at_missing)
        return now_ns - self._missing_since_ns > self._deadline_ns

    def _look_at_missing(self, _: "Event") -> None:
        self._advance()
        since_ns = self._missing_since_ns
        self._watches_missing = since_ns is not None
        if since_ns is not None:
            self._at_tick(since_ns + self._deadline_ns + 1, self._look_at_missing)
        self._acknowledge()

    def _at_tick(self, when_ns: int, look: "Callable[[Event], None]") -> None:
        now_ns = self._env.now
        tick_ns = next_tick_ns(max(when_ns, now_ns), TICK_NS)
        self._env.timeout(tick_ns - now_ns).callbacks.append(look)

    def _acknowledge(self) -> None:
        """In batches; what waits for its batch is looked at again once that can leave."""
        ack = self._ack
        if not (ack.receipts or ack.delivered or ack.missing):
            return
        if self._env.now >= self._ack_ns:
            self._ack, self._ack_ns = Ack([], [], []), self._env.now + ACK_NS
            self._env.timeout(self._message_ns, ack).callbacks.append(self._producer.ack_came)
        else:
            self._watch_acks()

    def _watch_acks(self) -> None:
        if not self._watches_acks:
            self._watches_acks = True
            self._at_tick(self._ack_ns, self._look_at_acks)

    def _look_at_acks(self, _: "Event") -> None:
        self._watches_acks = False
        self._acknowledge()
