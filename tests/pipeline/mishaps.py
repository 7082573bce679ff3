"""What goes wrong in a virtual network, and when: one method for each of `tests.pipeline.faults.RATES`.

It is drawn apart from what the programs do, each kind by itself, and numbered as it comes due: so one mishap
can be left out, and the others stay as like as they can.
"""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING

from pipeline.producer.events import Refused
from tests.pipeline.faults import DOWN, RATES, UP
from tests.pipeline.producer.conversation import MS, S

if TYPE_CHECKING:
    from tests.pipeline.world import World

LONGEST_ABSENCE_NS = 3 * S  # of a program that died, until another is there


class Mishaps:
    """Befall the programs of a world."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._luck = {name: random.Random(f"{seed} {name}") for name in (*RATES, "message", "join", "fail")}
        self._n_due = count()  # mishaps so far
        self._cut_until_ns: dict[tuple[str, str], int] = {}  # by link and direction
        self._revoked: set[str] = set()  # workers whose key is not on the list any more

    def begin(self) -> None:
        """Have things go wrong from now on."""
        for name, every_ns in self._world.faults.every_ns.items():
            if every_ns:
                self._expect(name, every_ns)

    def _expect(self, name: str, every_ns: int) -> None:
        """Let something go wrong now and then, until nothing does any more."""
        at_ns = self._world.now_ns + round(self._luck[name].expovariate(1 / every_ns))

        def again() -> None:
            getattr(self, f"_{name}")(self._luck[name])
            self._expect(name, every_ns)

        if at_ns < self._world.faults.until_ns:
            self._world.at(at_ns, again)

    def _happens(self, who: str, what: str) -> bool:
        """Tell whether a mishap that is due happens, or is spared."""
        number = next(self._n_due)
        if number in self._world.faults.spared:
            return False
        self._world.history.mishaps.append(number)
        self._world.note(who, f"*** {what}")
        return True

    def _befalls(self, name: str, drawn: float, who: str, what: str) -> bool:
        """Tell whether a share's mishap happens; `drawn` in [0, 1) says whether it is due."""
        faults = self._world.faults
        is_due = self._world.now_ns < faults.until_ns and drawn < faults.share.get(name, 0.0)
        return is_due and self._happens(who, what)

    # --- asked as things go on ---

    @property
    def absence_ns(self) -> int:
        """Draw how long it takes until another worker is in the place of one that is gone."""
        return self._luck["join"].randrange(LONGEST_ABSENCE_NS)

    def of_newcomer(self, name: str) -> tuple[int | None, bool]:
        """Say which grade a worker that comes lacks, if any, and whether it is of another release."""
        luck = self._luck["join"]
        is_unable, is_foreign, grade = luck.random(), luck.random(), luck.randrange(3)
        lacks = grade if self._befalls("unable", is_unable, name, f"cannot do grade {grade}") else None
        return lacks, self._befalls("foreign", is_foreign, name, "is of another release")

    def fails(self, name: str) -> bool:
        """Tell whether a worker cannot process the task that it is at."""
        return self._befalls("fail", self._luck["fail"].random(), name, "cannot process its task")

    def on_the_way(self, link: str, way: str) -> list[int]:
        """Say how long each copy of a message takes that arrives; [] = none does."""
        world, luck = self._world, self._luck["message"]
        is_faulty = world.now_ns < world.faults.until_ns
        lost, doubled = luck.random(), luck.random()
        delays_ns = [luck.randrange(world.faults.delay_ns) if is_faulty else MS // 10 for _ in range(2)]
        is_revoked = way == UP and link.partition(">")[0] in self._revoked
        if is_revoked or world.now_ns < self._cut_until_ns.get((link, way), 0):
            return []
        if self._befalls("drop", lost, f"{link} {way}", "is lost"):
            return []
        return delays_ns[: 1 + self._befalls("duplicate", doubled, f"{link} {way}", "comes twice")]

    def turns_away(self, name: bytes) -> bool:
        """Tell whether a worker is not let in again that comes through another socket; it is gone then."""
        if name.decode() not in self._revoked:
            return False
        self._world.turn_away(Refused("its key is not on the list"))
        self._world.lose(name)
        return True

    # --- of themselves ---

    def _worker(self, luck: random.Random) -> bytes:
        """One of those that are there; b"" if nobody is."""
        return luck.choice([*self._world.workers] or [b""])

    def _crash(self, luck: random.Random) -> None:
        if (name := self._worker(luck)) and self._happens(name.decode(), "crashes"):
            self._world.lose(name)

    def _break(self, luck: random.Random) -> None:
        if (name := self._worker(luck)) and self._happens(name.decode(), "its inference dies"):
            self._world.workers[name].break_down()
            self._world.lose(name)

    def _hang(self, luck: random.Random) -> None:
        name, until_ns = self._worker(luck), self._world.now_ns + luck.randrange(20 * S)
        if name and self._happens(name.decode(), f"hangs until {until_ns * 1e-9:.3f} s"):
            self._world.workers[name].hang(until_ns)

    def _double(self, luck: random.Random) -> None:
        name = self._worker(luck)
        if name and self._happens(name.decode(), "another comes under its identity"):
            self._world.join(self._world.workers[name].identity)

    def _revoke(self, luck: random.Random) -> None:
        name = self._worker(luck).decode()
        if name and self._happens(name, "its key is taken off the list"):
            self._revoked.add(name)

    def _cut(self, luck: random.Random) -> None:
        workers = [f"{name.decode()}{to}" for name in self._world.workers for to in ("", ">collector")]
        link, ways = luck.choice(["collector", *workers]), luck.choice(((UP,), (DOWN,), (UP, DOWN)))
        until_ns = self._soon(luck, 8 * S)
        if self._happens(link, f"{' and '.join(ways)} is cut until {until_ns * 1e-9:.3f} s"):
            self._cut_until_ns |= {(link, way): until_ns for way in ways}

    def _stall(self, luck: random.Random) -> None:
        until_ns = self._soon(luck, 6 * S)
        if self._happens("collector", f"stalls until {until_ns * 1e-9:.3f} s"):
            self._world.stalled_until_ns = until_ns

    def _jump(self, luck: random.Random) -> None:
        by_ns, name = luck.randrange(10 * S), luck.choice([b"", *self._world.workers])
        if not self._happens(name.decode() or "collector", f"its clock jumps by {by_ns * 1e-9:.3f} s"):
            return
        if name:
            self._world.workers[name].jump(by_ns)
        else:
            self._world.collector_ahead_ns += by_ns

    def _replace(self, luck: random.Random) -> None:
        absent_ns = luck.randrange(LONGEST_ABSENCE_NS)
        if self._happens("collector", f"is killed; another comes in {absent_ns * 1e-9:.3f} s"):
            self._world.replace_collector(absent_ns)

    def _restart(self, luck: random.Random) -> None:
        absent_ns, streams = luck.randrange(LONGEST_ABSENCE_NS), luck.randint(1, 3)
        happens = self._world.has_begun and self._happens(
            "producer", f"is killed; another comes in {absent_ns * 1e-9:.3f} s"
        )
        if happens:
            self._world.restart_producer(absent_ns)
            self._world.after(absent_ns + S, lambda: self._world.start(streams))

    def _soon(self, luck: random.Random, longest_ns: int) -> int:
        """Draw when something is over that begins now; nothing goes on beyond the last mishap."""
        return min(self._world.now_ns + luck.randrange(longest_ns), self._world.faults.until_ns)
