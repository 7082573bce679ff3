"""Whose turn it is: which frame of the queue a worker that asks gets, given what the others will do.

Frame by frame, in order, each is to go to the worker that would be done with it earliest, given the frames
before it. All that is queued is taken to cost what the settings in force do, so that a worker would be done
with one frame after the other at even distances, and the plan is the order of these times: behind as many
frames as the others will have done before it could be done with one is the one that a worker gets. No queue
is walked for it, only the workers.
"""

from collections.abc import Callable, Iterator

from pipeline.messages import HandOut, Received
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


class Turns:
    """The plan of hand-outs; where whoever asks first is served there is none.

    Args:
        stream: whose frames are handed out.
        workers: the live ones.
        asks: whether a worker, by routing id, has a request for tasks here that waits.

    Attributes:
        are_planned: False: the first of the queue is anybody's.
    """

    def __init__(self, stream: Stream, workers: Roster, asks: Callable[[bytes], bool]) -> None:
        self.are_planned = stream.config.hand_out is HandOut.EARLIEST_DONE
        self._stream = stream
        self._costs = costs_of(stream.config.ladders)
        self._workers = workers
        self._asks = asks
        self._trial_ns = 0  # when the next may begin

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
        if size is not None and item.grade < len(self._costs.grades) and item.service_ns:
            worker.outlook.measure(item.grade, size, item.service_ns, item.transfer_ns, now_ns)

    # --- who gets what ---

    def take(self, peer: bytes, n: int, now_ns: int) -> Iterator[Frame]:
        """Lease up to n frames to a worker, as far as it is its turn, under the settings that bind them."""
        ledger, worker = self._stream.ledger, self._workers[peer]

        def suits(frame: Frame) -> bool:
            """Not if this worker could not process it, unless no other can."""
            failed_by, crew = frame.failed_by, self._workers.ready
            return worker.name not in failed_by or all(other.name in failed_by for other in crew)

        for _ in range(n):
            place = self._place(peer, ledger.n_queued, now_ns)
            if place is None and ledger.has_failed(suits):
                place = 0  # what others could not process does not wait for them
            frame = None if place is None else ledger.hand_out(peer, now_ns, suits, place)
            if frame is None:
                return
            if worker.outlook.service_ns and self._may_try(worker.outlook, now_ns):
                self._trial_ns = next_trial_ns(now_ns, worker.outlook.done_ns(now_ns))
            worker.outlook.hand(now_ns)
            self._stream.bind(frame)
            yield frame

    def _place(self, peer: bytes, n_queued: int, now_ns: int) -> int | None:
        """Return which of the queued frames this worker is to get, from 0; None: it is not its turn.

        A worker of which nothing is known is served as it asks, while it says that it has nothing in hand.
        One that has brought nothing for long and would get nothing tries the last of the queue now and then.
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
        if place < n_queued:
            return place
        return n_queued - 1 if self._may_try(outlook, now_ns) else None

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
        """Tell whether a worker that has brought nothing for long may try a frame out of its turn."""
        may_ns = max(self._trial_ns, outlook.measured_ns + STALE_NS)
        return now_ns >= may_ns and outlook.free_ns <= now_ns
