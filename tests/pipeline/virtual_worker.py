"""The real worker core in virtual time; its processes and sockets are drawn service times and a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.messages import Failure, TaskHeader, Weights, WorkReply, WorkRequest
from pipeline.worker import events
from pipeline.worker.core import WorkerCore
from pipeline.worker.events import WorkerConfig
from pipeline.worker.progress import Activity
from tests.pipeline.producer.conversation import MS, S

if TYPE_CHECKING:
    from tests.pipeline.world import World

LOADING_NS = S // 2
LONGEST_SERVICE_NS = 400 * MS


class VirtualWorker:
    """One worker; `dead` from its crash on, deaf and dumb while it hangs.

    Args:
        identity: "" = its own.
        lacks: a grade that it cannot do, None = none.
        is_foreign: whether it is of another release, and so not understood.
    """

    def __init__(self, name: bytes, world: World, identity: str, lacks: int | None, is_foreign: bool) -> None:
        self.name = name
        self.identity = identity or name.hex()
        self.dead = False
        self._world = world
        self._lacks, self._is_foreign = lacks, is_foreign
        self._socket = 0  # number of its requesting socket; each has a routing id of its own
        self._n_asked = 0  # a REQ socket numbers its requests, and takes no answer to any but the last
        wished = f"w{name[-1] % 3}"  # many wish for the same
        self.ahead_ns = 0  # its clock of the world's
        batch = world.random.randint(1, 3)
        self._core = WorkerCore(WorkerConfig(wished, self.identity, n_slots=3, batch=batch))
        self._arrived: Sequence[TaskHeader] = ()
        self._buffer: list[TaskHeader] = []
        self._busy = False
        self._hung_until_ns = 0
        self._tick_ns = -1
        self._tell(events.Tick())

    @property
    def peer(self) -> bytes:
        """Its present routing id at the producer."""
        return b"%s/%d" % (self.name, self._socket)

    def hang(self, until_ns: int) -> None:
        """Do nothing at all until then."""
        self._hung_until_ns = until_ns

    def jump(self, by_ns: int) -> None:
        """Its clock goes forwards."""
        self.ahead_ns += by_ns
        self._tick()

    def break_down(self) -> None:
        """Its inference dies, over a task if it is at one: it takes leave."""
        message = self._core.leave("inference died", 0, Activity(started_ns=int(self._busy)))
        if message is not None and not self._hung_until_ns > self._world.now_ns:
            self._socket += 1
            self._ask(message)

    def replied(self, envelope: tuple[bytes, ...], reply: WorkReply, tasks: Sequence[TaskHeader]) -> None:
        """The producer answered a socket of ours."""
        is_awaited = envelope == (self.peer, b"%d" % self._n_asked)
        if not self._puts_off(lambda: self.replied(envelope, reply, tasks)) and is_awaited:
            self._arrived = tasks
            self._tell(events.Replied(reply, tasks))

    def _puts_off(self, action) -> bool:
        """Whether it is dead, or hangs and will do this later."""
        if not self.dead and self._hung_until_ns > self._world.now_ns:
            self._world.at(self._hung_until_ns, action)
            return True
        return self.dead

    def _ask(self, message: WorkRequest) -> None:
        self._n_asked += 1
        self._world.request((self.peer, b"%d" % self._n_asked), message, self._is_foreign)

    def _tell(self, event: events.Event) -> None:
        for command in self._core.handle(event, self._world.now_ns + self.ahead_ns):
            match command:
                case events.Request(message):
                    self._ask(message)
                case events.Reopen():
                    self._socket += 1
                    if self._world.mishaps.turns_away(self.name):
                        return
                case events.Load(prepare):
                    self._world.at(self._world.now_ns + LOADING_NS, lambda n=prepare.number: self._loaded(n))
                case events.Accept():
                    self._buffer += self._arrived
                    self._work()
                case events.Fail(reason):
                    assert self._is_foreign, reason
                    self._world.lose(self.name)
        self._plan_tick()

    def _plan_tick(self) -> None:
        deadline_ns = self._core.deadline_ns
        if deadline_ns is not None and deadline_ns != self._tick_ns:
            self._tick_ns = deadline_ns
            self._world.at(max(deadline_ns - self.ahead_ns, self._world.now_ns), self._tick)

    def _tick(self) -> None:
        if not self._puts_off(self._tick):
            self._tick_ns = -1
            self._tell(events.Tick())

    def _loaded(self, number: int) -> None:
        if not self._puts_off(lambda: self._loaded(number)):
            self._tell(events.Prepared(number, Weights.EMULATED))

    def _work(self) -> None:
        if self._busy or not self._buffer or self._puts_off(self._work):
            return
        self._busy = True
        task = self._buffer.pop(0)
        service_ns = self._world.random.randrange(1, LONGEST_SERVICE_NS)
        self._world.at(self._world.now_ns + service_ns, lambda: self._done(task, service_ns))

    def _done(self, task: TaskHeader, service_ns: int) -> None:
        if not self._puts_off(lambda: self._done(task, service_ns)):
            self._busy = False
            if task.grade == self._lacks or self._world.mishaps.fails(self.name.decode()):
                self._tell(events.TaskFailed(Failure(task.stream, task.id, task.episode, "poison")))
            else:
                self._world.result(task, self.name, self._core.name, service_ns)
            self._tell(events.TasksLeft(1))
            self._work()
