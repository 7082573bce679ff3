"""What can go wrong in a virtual network, and what an observer sees of it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Self

import msgspec

from pipeline.messages import Failure, Outcome, Received, Result, TaskHeader, Verdict
from tests.pipeline.producer.conversation import MS

WIDTH = 180  # of a line of a conversation
UP, DOWN = "->", "<-"  # to the producer or the collector, and back
SHARES = {
    "drop": "a message between any two is lost",
    "duplicate": "it comes twice",
    "fail": "a worker cannot process a task",
    "unable": "a worker that comes cannot do one of the grades",
    "foreign": "it is of another release",
}
RATES = {
    "crash": "a worker's program dies",
    "hang": "it does nothing for some seconds",
    "break": "its inference dies",
    "double": "another worker comes under its identity",
    "revoke": "its key is taken off the list",
    "cut": "a link between two of the programs, for some seconds, in one direction or both",
    "stall": "the collector's disk takes nothing for some seconds",
    "jump": "the clock of a worker's or the collector's host, by some seconds forwards",
    "replace": "the collector dies, and another comes",
    "restart": "the producer dies, and another begins the episode anew",
}


@dataclass(frozen=True)
class Faults:
    """What can go wrong.

    Attributes:
        share: by name of SHARES, of what there is of it.
        every_ns: by name of RATES, mean time between two.
        delay_ns: longest delay of a message; it may overtake another by as much.
        until_ns: nothing goes wrong afterwards.
        spared: numbers of mishaps that do not happen though they are due.
    """

    share: Mapping[str, float] = field(default_factory=dict)
    every_ns: Mapping[str, int] = field(default_factory=dict)
    delay_ns: int = MS
    until_ns: int = 0
    spared: frozenset[int] = frozenset()

    @property
    def present(self) -> list[str]:
        """Names of what can go wrong at all."""
        found = [name for kinds in (self.share, self.every_ns) for name, value in kinds.items() if value]
        return found + (["delay"] if self.delay_ns > MS else [])

    def without(self, name: str) -> Self:
        """The same but for one of them."""
        kinds = (self.share, self.every_ns)
        share, every_ns = ({n: value for n, value in kind.items() if n != name} for kind in kinds)
        delay_ns = MS if name == "delay" else self.delay_ns
        return replace(self, share=share, every_ns=every_ns, delay_ns=delay_ns)


@dataclass
class History:
    """What an observer outside saw; of frames, what the present producer offered.

    Attributes:
        emitted: in order, by (number of the collector, incarnation of the producer).
        mishaps: numbers of those that happened.
        turned_away: clients without a listed key at the present producer.
        said: when, by which link or whom, and what: each message that was sent, and each mishap as text.
    """

    offered: set[tuple[int, int]] = field(default_factory=set)
    emitted: defaultdict[tuple[int, int], list[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    dropped: set[tuple[int, int]] = field(default_factory=set)
    thinned: set[tuple[int, int]] = field(default_factory=set)
    judged: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    turned_away: int = 0
    contradictions: list[str] = field(default_factory=list)
    finished_ns: int = 0
    mishaps: list[int] = field(default_factory=list)
    said: list[tuple[int, str, object]] = field(default_factory=list)

    def begin_anew(self) -> None:
        """Another producer is there: its frames are others."""
        for seen in (self.offered, self.dropped, self.thinned, self.judged):
            seen.clear()
        self.turned_away = 0

    def conversation(self, n_last: int) -> str:
        """All mishaps, and the last lines of what was said, as a person reads them."""
        mishaps = [line for line in self.said[:-n_last] if isinstance(line[2], str)]
        said = mishaps + self.said[-n_last:]
        lines = [f"{ns * 1e-9:9.3f} s  {who:14} {told(what)}" for ns, who, what in said]
        return "\n".join(line[:WIDTH] for line in lines)


def told(what: object) -> str:
    """A message, or part of one, as a person reads it: what says nothing new is left out."""
    match what:
        case tuple():
            return f"({', '.join(map(told, what))})"
        case Enum():
            return what.name
        case Verdict():
            return f"{what.stream}/{what.id} {what.outcome.name}"
        case Received() | Failure() | TaskHeader() | Result():
            return f"{what.stream}/{what.id}"
        case msgspec.Struct():
            fields = msgspec.structs.fields(what)
            said = [(f.name, value) for f in fields if (value := getattr(what, f.name)) != f.default]
            return " ".join([type(what).__name__, *(_field(name, value) for name, value in said)])
    return str(what)


def _field(name: str, value: object) -> str:
    if name.endswith("_ns") and isinstance(value, int):
        return f"{name[:-3]}={value * 1e-9:.3f}"
    return f"{name}={told(value)}"
