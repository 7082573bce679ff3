"""The workers of a producer: who is who, whatever it is called and whichever socket it speaks through."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from pipeline.interval import RECENT_TASKS
from pipeline.messages import LABEL_CHARACTERS, Received, Weights
from pipeline.producer.occupancy import Occupancy
from pipeline.producer.outlook import Outlook
from pipeline.producer.states import WorkerState
from pipeline.producer.transport import Transport


def recent_tasks() -> deque[int]:
    """Make room for the last service times, in ns."""
    return deque(maxlen=RECENT_TASKS)


@dataclass(slots=True)
class Done:
    """What results have told of a worker in one interval; times in ns.

    Attributes:
        n: results.
        busy_ns: what they added to what was booked before.
    """

    n: int = 0
    service_ns: int = 0
    busy_ns: int = 0
    down_ns: int = 0
    up_ns: int = 0


@dataclass(slots=True)
class Worker:
    """A registered worker.

    Attributes:
        identity: random, its own; of a stranger without one, its socket's.
        name: in telemetry and results; no other live worker has it.
        heard_ns: when it last spoke; at first, when it registered.
        outlook: what is expected of it.
        epoch: of the settings it has been told.
        told_end: it has had its END.
        occupancy: when it was busy.
        transport: how busy its link was.
        recent_ns: its last service times, of whatever interval.
        done: in the present interval.
    """

    identity: str
    name: str
    heard_ns: int
    outlook: Outlook
    epoch: int = 0
    state: WorkerState = WorkerState.LOADING
    weights: Weights = Weights.NONE
    told_end: bool = False
    occupancy: Occupancy = field(init=False)
    transport: Transport = field(default_factory=Transport)
    recent_ns: deque[int] = field(default_factory=recent_tasks)
    done: Done = field(default_factory=Done)

    def __post_init__(self) -> None:
        self.occupancy = Occupancy(self.heard_ns)

    def brought(self, item: Received) -> None:
        """Book a result of it that is at the collector."""
        down_ns, up_ns = self.transport.carried(item)
        self.done.n += 1
        self.done.service_ns += item.service_ns
        self.done.busy_ns += self.occupancy.finished(item.done_ns, item.service_ns)
        self.done.down_ns += down_ns
        self.done.up_ns += up_ns
        self.recent_ns.append(item.service_ns)

    def begin_interval(self, now_ns: int) -> None:
        """Begin an interval: what it has been busy so far belongs to the one before."""
        self.occupancy.book(now_ns)
        self.done = Done()

    @property
    def ready(self) -> bool:
        """Tell whether it can be given work."""
        return self.state is WorkerState.READY


class Roster(dict[bytes, Worker]):
    """The live workers by routing id, in the order in which they registered."""

    @property
    def ready(self) -> Iterator[Worker]:
        """List those that can be given work."""
        return (worker for worker in self.values() if worker.ready)

    def named(self, name: str) -> Worker | None:
        """Find the worker of this name."""
        return next((worker for worker in self.values() if worker.name == name), None)

    def peer_of(self, identity: str) -> bytes | None:
        """Find the routing id of the worker with this identity."""
        return next((peer for peer, worker in self.items() if worker.identity == identity), None)

    def free_name(self, wished: str) -> str:
        """Choose the name wished for, or that with the lowest number behind it that nobody has; "" = any."""
        base, numbers = (wished, count(2)) if wished else ("stranger", count(1))
        name = wished
        while not name or self.named(name):
            suffix = f"-{next(numbers)}"
            name = base[: LABEL_CHARACTERS - len(suffix)] + suffix
        return name
