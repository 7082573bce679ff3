"""One stream's results back in order: what comes next, what is missing, how long it has been."""

from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.messages import Outcome, ResultPart

WINDOW = 1 << 16  # ids of a stream, from the one that comes next: what is beyond cannot have been offered yet
HEADER_BYTES = 1000  # about what a result takes without its arrays


class Arrival(NamedTuple):
    """A result and when it arrived, ns on the collector's clock."""

    part: ResultPart
    received_ns: int

    @property
    def n_bytes(self) -> int:
        """Say what it takes."""
        frame = self.part.frame
        return HEADER_BYTES + self.part.boxes.nbytes + (0 if frame is None else frame.nbytes)


class Step(NamedTuple):
    """The next id's fate: its result, or why there is none."""

    id: int
    outcome: Outcome
    arrival: Arrival | None


@dataclass(slots=True)
class Reorder:
    """Emits ids 0, 1, 2, … each once; an id that will not come is passed over with its reason.

    Attributes:
        next_id: the id to come next; all below have their outcome.
        held_bytes: of results that wait for earlier ones.
    """

    next_id: int = 0
    held_bytes: int = 0
    _waiting: dict[int, Arrival] = field(default_factory=dict)
    _gaps: dict[int, Outcome] = field(default_factory=dict)
    _missing_since_ns: int | None = None  # when `next_id` began to hold up a later result

    def is_near(self, frame_id: int) -> bool:
        """Tell whether it can be one of those that were offered by now."""
        return frame_id < self.next_id + WINDOW

    def add(self, frame_id: int, arrival: Arrival) -> bool:
        """Take a result; False if its id has its outcome or is already here."""
        if frame_id < self.next_id or frame_id in self._waiting:
            return False
        self._waiting[frame_id] = arrival
        self.held_bytes += arrival.n_bytes
        self._gaps.pop(frame_id, None)  # a result is better than the producer's giving up
        return True

    def add_gap(self, frame_id: int, outcome: Outcome) -> None:
        """Note that this id will not come, as the producer says."""
        if self.is_near(frame_id) and frame_id >= self.next_id and frame_id not in self._waiting:
            self._gaps[frame_id] = outcome

    def raise_floor(self, floor: int) -> None:
        """Pass over ids below `floor`: they have their outcomes, from another collector or the producer."""
        if floor > self.next_id:
            self._move_to(floor)
            for stale in [frame_id for frame_id in self._waiting if frame_id < floor]:
                self.held_bytes -= self._waiting.pop(stale).n_bytes
            for stale in [frame_id for frame_id in self._gaps if frame_id < floor]:
                del self._gaps[stale]

    def advance(self, now_ns: int, deadline_ns: int) -> list[Step]:
        """List everything that can be said now, in order of ids.

        Args:
            now_ns: the time.
            deadline_ns: how long an id may hold up later ones before it is passed over as LATE.
        """
        steps = []
        while True:
            arrival = self._waiting.pop(self.next_id, None)
            if arrival is not None:
                self.held_bytes -= arrival.n_bytes
                steps.append(Step(self.next_id, Outcome.DELIVERED, arrival))
            elif self.next_id in self._gaps:
                steps.append(Step(self.next_id, self._gaps.pop(self.next_id), None))
            elif self._waiting and self._is_overdue(now_ns, deadline_ns):
                steps.append(Step(self.next_id, Outcome.LATE, None))
                self.next_id += 1  # and what is missing behind it is as overdue
                continue
            else:
                return steps
            self._move_to(self.next_id + 1)

    def _move_to(self, next_id: int) -> None:
        self.next_id = next_id
        self._missing_since_ns = None

    def _is_overdue(self, now_ns: int, deadline_ns: int) -> bool:
        if self._missing_since_ns is None:
            self._missing_since_ns = now_ns
        return now_ns - self._missing_since_ns > deadline_ns
