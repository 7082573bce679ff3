"""Whose turn it is: which frame of the queue a worker that asks gets, given what the others will do.

Frame by frame, in order, each is to go to the worker that would be done with it earliest, given the frames
before it. All that is queued is taken to cost what the settings in force do, so that a worker would be done
with one frame after the other at even distances, and the plan is the order of these times: behind as many
frames as the others will have done before it could be done with one is the one that a worker gets. No queue
is walked for it, only the workers.

A worker that the plan leaves idle for long may be faster than it was. It is tried with a copy of a frame, for
whose result nobody waits: the frame itself goes where the plan says.
"""

from collections.abc import Callable, Iterator

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from pipeline.messages import FIRST_TRIAL, HandOut, Received, TaskHeader
from pipeline.producer.ledger import Frame
from pipeline.producer.outlook import (
    STALE_NS,
    Outlook,
    costs_of,
    is_overdue,
    n_done_before,
    next_trial_ns,
)
from pipeline.producer.stream import Stream
from pipeline.producer.workers import Roster, Worker

BYTES_PER_WORKER = 1 << 28  # of pictures that are handed out and not yet at the collector
COPIED_EVERY = 50  # frames handed out, where an SLO is on how far workers agree: what that costs at most
Task = tuple[TaskHeader, NDArray[np.uint8]]  # without sent_ns


def task_of(frame: Frame) -> Task:
    """Return what a worker gets of a frame that was queued."""
    assert frame.image is not None
    return frame.header, frame.image


class Turns:
    """The plan of hand-outs; where whoever asks first is served there is none.

    Args:
        stream: whose frames are handed out.
        workers: the live ones.
        asks: whether a worker, by routing id, has a request for tasks here that waits.

    Attributes:
        are_planned: False: the first of the queue is anybody's.
        n_trials: so far.
    """

    def __init__(self, stream: Stream, workers: Roster, asks: Callable[[bytes], bool]) -> None:
        self.are_planned = stream.config.hand_out is HandOut.EARLIEST_DONE
        self._stream = stream
        self._costs = costs_of(stream.config.ladders)
        self._workers = workers
        self._asks = asks
        self.n_trials = 0
        self._trial_ns = 0  # when the next may begin
        self._n_handed = 0
        self._copied: tuple[bytes, Task] | None = None  # what another worker than this is to do, too

    # --- what is expected ---

    def new_outlook(self) -> Outlook:
        """Return that of a worker of which nothing is known."""
        _, size, grade = self._stream.levels
        return Outlook(self._costs, grade, size)

    def bind(self) -> None:
        """Expect of every worker what it does under the settings in force."""
        _, size, grade = self._stream.levels
        for worker in self._workers.values():
            worker.outlook.bind(grade, size)

    def received(self, item: Received, worker: Worker, now_ns: int) -> None:
        """Take a result's times; those of a stranger that does not say what it did are not known."""
        size = self._costs.levels.get(item.height_px)
        says = item.service_ns > 0 or item.sent_ns is not None  # and 0 ns is then what it took
        if says and size is not None and item.grade < len(self._costs.grades):
            worker.outlook.measure(item.grade, size, item.service_ns, item.transfer_ns, now_ns)
        else:
            worker.outlook.brought()

    # --- who gets what ---

    def take(self, peer: bytes, n: int, now_ns: int) -> Iterator[Task]:
        """Lease up to n frames to a worker, as far as it is its turn, under the settings that bind them.

        If it is not, a worker that may is given a trial.
        """
        ledger, worker = self._stream.ledger, self._workers[peer]

        def suits(frame: Frame) -> bool:
            """Not if this worker could not process it, unless no other can."""
            failed_by, crew = frame.failed_by, self._workers.ready
            return worker.name not in failed_by or all(other.name in failed_by for other in crew)

        most_bytes = self._stream.queue_bytes + BYTES_PER_WORKER * len(self._workers)
        for _ in range(n):
            if (copy := self._copy_for(peer, now_ns)) is not None:
                yield copy
                continue
            place = self._place(peer, ledger.n_queued, now_ns)
            if place is None and ledger.has_failed(suits):
                place = 0  # what others could not process does not wait for them
            frame = None if place is None else ledger.hand_out(peer, now_ns, suits, place, most_bytes)
            if frame is None:
                yield from self._trial(worker.outlook, now_ns)
                return
            worker.outlook.hand(now_ns)
            self._stream.bind(frame)
            if self._stream.compares and self._n_handed % COPIED_EVERY == 0:
                self._copied = peer, task_of(frame)
            self._n_handed += 1
            yield task_of(frame)

    def _copy_for(self, peer: bytes, now_ns: int) -> Task | None:
        """Give a worker what another one has just got, so that both can be compared; None: nothing."""
        outlook = self._workers[peer].outlook
        if self._copied is None or self._copied[0] == peer or outlook.trial:
            return None
        (_, (header, image)), self._copied = self._copied, None
        if (header.episode, header.epoch) != (self._stream.episode, self._stream.epoch):
            return None
        return self._tried(outlook, header, now_ns), image

    def _trial(self, outlook: Outlook, now_ns: int) -> Iterator[Task]:
        """Give a worker that is idle and has brought nothing for long a copy of the newest frame."""
        frame = self._stream.ledger.newest
        if frame is None or not self._may_try(outlook, now_ns):
            return
        self._trial_ns = next_trial_ns(now_ns, outlook.done_ns(now_ns))
        self._stream.bind(frame)
        header, image = task_of(frame)
        yield self._tried(outlook, header, now_ns), image

    def _tried(self, outlook: Outlook, header: TaskHeader, now_ns: int) -> TaskHeader:
        """Book a copy for whose result nobody waits, and return its header."""
        outlook.trial = FIRST_TRIAL + self.n_trials
        self.n_trials += 1
        outlook.hand(now_ns)
        return structs.replace(header, id=outlook.trial)

    def _place(self, peer: bytes, n_queued: int, now_ns: int) -> int | None:
        """Return which of the queued frames this worker is to get, from 0; None: it is not its turn.

        A worker of which nothing is known is served as it asks, while it says that it has nothing in hand.
        """
        if n_queued == 0:
            return None
        if not self.are_planned:
            return 0
        outlook = self._workers[peer].outlook
        if not outlook.service_ns:
            return 0 if outlook.in_hand == 0 else None
        if now_ns < outlook.near_from_ns:
            return None
        place = self._n_before(peer, outlook.done_ns(now_ns), now_ns)
        return place if place < n_queued else None

    def _n_before(self, peer: bytes, done_ns: int, now_ns: int) -> int:
        """Count the frames that others will have done before a time."""
        n = 0
        for other, worker in self._workers.items():
            outlook = worker.outlook
            if other == peer or not outlook.service_ns:
                continue
            if self._asks(other) or not is_overdue(now_ns, outlook.clear_ns, outlook.free_ns):
                n += n_done_before(done_ns, outlook.done_ns(now_ns), outlook.period_ns)
        return n

    def _may_try(self, outlook: Outlook, now_ns: int) -> bool:
        """Tell whether a worker whose turn it is not may be tried."""
        is_known = self.are_planned and outlook.service_ns > 0
        may_ns = max(self._trial_ns, outlook.measured_ns + STALE_NS)
        return is_known and now_ns >= may_ns and outlook.free_ns <= now_ns
