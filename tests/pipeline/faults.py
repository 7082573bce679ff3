"""What can go wrong in a virtual network, and what an observer sees of it."""

from dataclasses import dataclass, field, fields, replace
from typing import Self

from pipeline.messages import Outcome
from tests.pipeline.producer.conversation import MS


@dataclass(frozen=True)
class Faults:
    """What can go wrong; probabilities per message, times in ns, mean times between, 0 = never.

    Attributes:
        drop, duplicate: of a message between any two.
        delay_ns: longest delay; a message may overtake another by as much.
        fail: of a task, that its worker cannot process it.
        crash_every_ns, hang_every_ns: of a worker.
        cut_every_ns: a link between two of the programs, for some seconds in both directions.
        stall_every_ns: the collector, whose disk takes nothing for some seconds.
        jump_every_ns: the clock of a worker's or the collector's host, by some seconds forwards.
        until_ns: nothing goes wrong afterwards.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    fail: float = 0.0
    delay_ns: int = MS
    crash_every_ns: int = 0
    hang_every_ns: int = 0
    cut_every_ns: int = 0
    stall_every_ns: int = 0
    jump_every_ns: int = 0
    until_ns: int = 0

    def without(self, name: str) -> Self:
        """The same but for one of them."""
        default = next(fault.default for fault in fields(self) if fault.name == name)
        return replace(self, **{name: default})

    @property
    def present(self) -> list[str]:
        """Names of what can go wrong at all."""
        return [f.name for f in fields(self) if f.name != "until_ns" and getattr(self, f.name) != f.default]


@dataclass
class History:
    """What an observer outside saw; `emitted` in order, by each collector there has been.

    Attributes:
        said: the conversation, a line for each message that was sent and each fault.
    """

    offered: set[tuple[int, int]] = field(default_factory=set)
    emitted: list[list[tuple[int, int]]] = field(default_factory=list)
    dropped: set[tuple[int, int]] = field(default_factory=set)
    thinned: set[tuple[int, int]] = field(default_factory=set)
    judged: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    finished_ns: int = 0
    said: list[tuple[int, str, object]] = field(default_factory=list)  # when, by which link, what

    def conversation(self, n_last: int) -> str:
        """The last lines of it, as a person reads them."""
        return "\n".join(f"{ns * 1e-9:9.3f} s  {link:22} {what}" for ns, link, what in self.said[-n_last:])
