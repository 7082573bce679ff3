"""A worker in virtual time: asks, works for a drawn service time, sends; crashes and hangs when told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.messages import Change, End, GetWork, Register, TaskHeader, Work, WorkReply
from tests.pipeline.producer.conversation import MS, S

if TYPE_CHECKING:
    from tests.pipeline.world import World

REPLY_DEADLINE_NS = 2 * S
PREFETCH = 2


class VirtualWorker:
    """Plain REQ behaviour: one request under way, a new connection after a deadline."""

    def __init__(self, name: bytes, world: World) -> None:
        self.name = name
        self.dead = False
        self._world = world
        self._asked = 0
        self._registered = False
        self._ended = False
        self._buffer: list[TaskHeader] = []
        self._busy = False
        self._hung_until_ns = 0
        self._ask()

    def hang(self, until_ns: int) -> None:
        """Do nothing at all until then."""
        self._hung_until_ns = until_ns

    def replied(self, envelope: tuple[bytes, ...], reply: WorkReply, headers: list[TaskHeader]) -> None:
        """The producer answered; an answer to an older request is not taken."""
        if self._wait(lambda: self.replied(envelope, reply, headers)) or int(envelope[1]) != self._asked:
            return
        match reply:
            case Work():
                self._buffer += headers
                self._work()
            case End():
                self._ended = True
            case Change():
                pass
            case _ if type(reply).__name__ == "RegistrationConfirmation":
                self._registered = True
            case _ if getattr(reply, "code", "") == "UNREGISTERED":
                self._registered = False
        pause_ns = MS if len(self._buffer) <= PREFETCH else 100 * MS
        asked = self._asked
        self._world.at(self._world.now_ns + pause_ns, lambda: self._ask() if asked == self._asked else None)

    def _wait(self, again) -> bool:
        """Whether it is dead, or hangs and will do this later."""
        if self._hung_until_ns > self._world.now_ns and not self.dead:
            self._world.at(self._hung_until_ns, again)
            return True
        return self.dead

    def _ask(self) -> None:
        if self._ended or self._wait(self._ask):
            return
        self._asked += 1
        asked = self._asked
        n = self._world.random.randint(1, 3) if len(self._buffer) <= PREFETCH else 0
        message = GetWork(n) if self._registered else Register(self.name.decode())
        self._world.request(self.name, (self.name, str(asked).encode()), message)
        self._world.at(self._world.now_ns + REPLY_DEADLINE_NS, lambda: self._give_up(asked))

    def _give_up(self, asked: int) -> None:
        if asked == self._asked and not self._ended and not self.dead:
            self._registered = False
            self._ask()

    def _work(self) -> None:
        if self._busy or not self._buffer or self._wait(self._work):
            return
        self._busy = True
        header = self._buffer.pop(0)
        service_ns = self._world.random.randrange(1, 400 * MS)
        self._world.at(self._world.now_ns + service_ns, lambda: self._done(header, service_ns))

    def _done(self, header: TaskHeader, service_ns: int) -> None:
        if self._wait(lambda: self._done(header, service_ns)):
            return
        self._busy = False
        self._world.result(header, self.name, service_ns)
        self._work()
