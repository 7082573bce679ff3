"""A worker without I/O: when it registers, asks for work, says that it lives, gives up waiting, ends.

One request is out at any time, and its reply has a deadline, but for a standing one, which is void as soon as
there is something to ask. The states follow from a few facts:

    no confirmation                     -> REGISTER, after the back-off
    no collector yet (results is "")    -> REGISTER again each heartbeat
    a slot is free, models are ready    -> GET_WORK n >= 1, at once
    a task could not be processed       -> GET_WORK at once, which says so
    otherwise                           -> GET_WORK n = 0 each heartbeat, and a standing one in between if the
                                           producer binds settings at hand-out: it hears of changes at once
    a reply is overdue or nonsense      -> a new socket, no confirmation, back-off doubled
    END, or a wish to stop              -> nothing more is asked; what is in hand is finished
    inference hangs or is gone          -> LEAVE: what is in hand goes back at once
"""

import logging
from collections.abc import Sequence
from typing import assert_never

from pipeline.clock import ClockOffset
from pipeline.messages import (
    LABEL_CHARACTERS,
    Change,
    End,
    Error,
    ErrorCode,
    GetWork,
    Leave,
    ProtocolError,
    Register,
    RegistrationConfirmation,
    TaskHeader,
    Wait,
    Work,
    WorkReply,
)
from pipeline.worker import events
from pipeline.worker.events import Command, Event, WorkerConfig
from pipeline.worker.hand import Hand
from pipeline.worker.planning import Planning
from pipeline.worker.progress import Activity, Watch
from pipeline.worker.timing import END_WAIT_S, STOP_WAIT_S, Outstanding, Schedule

logger = logging.getLogger(__name__)

IDLE = Activity()  # where nobody says what inference is at


class WorkerCore:
    """The state machine; `handle` is its only door."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._clock = ClockOffset()
        self._planning = Planning(config.weights)
        self._outstanding: Outstanding | None = None
        self._confirmation: RegistrationConfirmation | None = None  # of the producer that knows us
        self._hand = Hand()
        self._name = config.name
        self._schedule = Schedule()
        self._watch = Watch()
        self._activity = IDLE  # of inference, now
        self._ended = False

    @property
    def name(self) -> str:
        """Say what the producer calls this worker."""
        return self._name

    @property
    def offset_ns(self) -> int:
        """Compute the producer's clock minus ours."""
        return self._clock.offset_ns

    @property
    def is_full(self) -> bool:
        """Tell whether only a task that leaves lets it ask for another."""
        return len(self._hand) >= self._config.n_slots

    @property
    def deadline_ns(self) -> int | None:
        """Say when it wants a Tick at the latest; None: never."""
        if self._ended:
            return None
        if self._outstanding is not None and not self._outstanding.is_standing:
            return self._outstanding.deadline_ns
        urgent = self._confirmation is None or self._can_ask or self._hand.failures
        return self._schedule.next_ns(bool(urgent))

    def handle(self, event: Event, now_ns: int, activity: Activity = IDLE) -> list[Command]:
        """React to one event; the commands are to be carried out in order.

        Args:
            activity: what inference is at now.
        """
        self._activity = activity
        commands: list[Command] = []
        match event:
            case events.Replied(reply, tasks):
                commands = self._replied(reply, tasks, now_ns)
            case events.TasksLeft(n):
                self._hand.leave(n)
            case events.TaskFailed(failure):
                self._hand.fail(failure)
            case events.Tick():
                if self._outstanding is not None and self._outstanding.is_overdue(now_ns):
                    commands = self._lost("the producer does not answer", now_ns)
            case events.Prepared(number, weights):
                self._planning.prepared(number, weights)
            case events.Malformed(reason):
                commands = self._lost(reason, now_ns)
            case events.StopRequested():
                commands = self._end(STOP_WAIT_S)
            case _:
                assert_never(event)
        if not self._ended and self._watch.hangs(activity, now_ns):
            self._ended = True
            return [*commands, events.GiveUp(self._watch.obituary(activity, now_ns))]
        if not self._ended and self._may_ask and self._schedule.may_ask(now_ns):
            message = self._next_request(now_ns)
            if message is not None:  # it leaves first: while a task is copied, the next is on its way
                commands.insert(0, self._ask(message, now_ns))
        return commands

    def leave(self, reason: str, n_left: int, activity: Activity) -> Leave | None:
        """Say what to tell the producer once inference is gone; None if it does not know us.

        Args:
            n_left: tasks that have left since it last heard of any.
            activity: what inference was at when it ceased: over that task it broke.
        """
        self._ended = True
        self._hand.leave(n_left)
        if self._confirmation is None:
            return None
        reason = reason[:LABEL_CHARACTERS]
        if activity.started_ns:
            self._hand.break_over_first(reason)
        return Leave(self._config.identity, self._hand.failures, reason)

    # --- asking ---------------------------------------------------------------------------------------

    @property
    def _may_ask(self) -> bool:
        return self._outstanding is None or self._outstanding.is_standing

    @property
    def _can_ask(self) -> bool:
        confirmation = self._confirmation
        has_target = confirmation is not None and confirmation.results != ""
        return has_target and self._planning.is_ready and not self.is_full

    def _next_request(self, now_ns: int) -> Register | GetWork | None:
        is_due = self._schedule.is_due(now_ns)
        if self._confirmation is None or (is_due and not self._confirmation.results):
            config = self._config
            return Register(config.name, config.identity, sent_ns=now_ns, medium=config.medium)
        n, standing = 0, False
        if self._can_ask and self._clock.is_fresh(now_ns):
            n = min(self._config.batch, self._config.n_slots - len(self._hand))
        elif not (is_due or self._can_ask or self._hand.failures):
            standing = self._planning.binds_at_hand_out and self._outstanding is None
            if not standing:
                return None
        planning, started_ns = self._planning, self._activity.started_ns
        is_running = started_ns > 0 and self._clock.is_known
        return GetWork(
            n=n,
            in_hand=len(self._hand),
            ready=planning.is_ready,
            weights=planning.weights,
            sent_ns=now_ns,
            started_ns=started_ns + self.offset_ns if is_running else 0,
            running_ns=max(0, now_ns - started_ns) if is_running else 0,
            failed=self._hand.failures,
            epoch=planning.epoch,
            standing=standing,
            delay_ns=self._clock.delay_ns,
        )

    def _ask(self, message: Register | GetWork, now_ns: int) -> events.Request:
        self._outstanding = self._schedule.ask(message, now_ns)
        return events.Request(message)

    def _lost(self, why: str, now_ns: int) -> list[Command]:
        """Begin anew with another socket: nothing sensible comes from this one."""
        if self._ended:
            return []
        if not self._schedule.is_backing_off:
            logger.warning("%s; registering again", why)
        self._outstanding = self._confirmation = None
        self._clock.reset()
        self._hand.forget_failures()
        self._schedule.back_off(now_ns)
        return [events.Reopen()]

    # --- being answered ---------------------------------------------------------------------------------

    def _replied(self, reply: WorkReply, tasks: Sequence[TaskHeader], now_ns: int) -> list[Command]:
        if self._outstanding is None or self._ended:
            return []
        asked, self._outstanding = self._outstanding, None
        if isinstance(asked.message, GetWork):
            self._hand.told(len(asked.message.failed))
        try:
            return self._answered(reply, asked, tasks, now_ns)
        except ProtocolError as error:
            return self._lost(str(error), now_ns)

    def _answered(
        self, reply: WorkReply, asked: Outstanding, tasks: Sequence[TaskHeader], now_ns: int
    ) -> list[Command]:
        match reply, asked.message:
            case Work(), GetWork(n=n):
                if len(tasks) > n:
                    raise ProtocolError(f"asked for {n} tasks, got {len(tasks)}")
                if not tasks:
                    self._schedule.pace(asked.sent_ns, now_ns)
                    return []
                needed = self._planning.needed(tasks)
                self._hand.take(tasks)
                return [*needed, events.Accept()]
            case Wait(), GetWork(standing=True):
                return []
            case Wait(now_ns=producer_ns), GetWork(n=n):
                return self._wait(n, producer_ns, asked.sent_ns, now_ns)
            case Change(), GetWork():
                return [*self._planning.changed(reply)]
            case RegistrationConfirmation(), Register():
                return self._confirmed(reply, now_ns)
            case Error(), _:
                return self._refused(reply, asked.message, now_ns)
            case End(), _:
                logger.info("the producer says END")
                return self._end(END_WAIT_S)
        raise ProtocolError(f"{type(reply).__name__} is no answer to {type(asked.message).__name__}")

    def _wait(self, n: int, producer_ns: int, sent_ns: int, now_ns: int) -> list[Command]:
        if n == 0:  # answered at once: the round trip is short; a peer without a clock counts as ours
            self._clock.sample(sent_ns, now_ns, producer_ns or (sent_ns + now_ns) // 2)
        else:
            self._schedule.pace(sent_ns, now_ns)
        return []

    def _refused(self, error: Error, message: Register | GetWork, now_ns: int) -> list[Command]:
        if error.code == ErrorCode.OTHER_PROTOCOL:
            self._ended = True
            return [events.Fail(error.reason)]
        if error.code == ErrorCode.UNREGISTERED and isinstance(message, GetWork):
            logger.info("the producer does not know this worker (yet): registering")
            self._confirmation = None
            return []
        if not self._schedule.is_backing_off:
            logger.warning("the producer refused %s: %s", type(message).__name__, error.reason)
        self._schedule.back_off(now_ns)
        return []

    def _confirmed(self, confirmation: RegistrationConfirmation, now_ns: int) -> list[Command]:
        orders = self._planning.confirmed(confirmation)
        known, self._confirmation = self._confirmation, confirmation
        if known is None:
            self._clock.reset()
            self._be_called(confirmation.name)
        if known is None or known.results != confirmation.results:
            logger.info("registered; results go to %s", confirmation.results or "nobody yet")
        is_news = known is None and confirmation.results != ""  # a first heartbeat measures the clock
        self._schedule.confirm(confirmation.heartbeat_s, now_ns, is_news)
        largest_px = max((width * height for width, height in confirmation.sizes), default=0)
        return [events.Adopt(confirmation.results, 3 * largest_px), *orders]

    def _be_called(self, name: str) -> None:
        """Take the name that the producer gives; one that gives none has no objection to ours."""
        name = name or self._config.name
        if name not in (self._name, self._config.name):
            logger.warning("another worker is called %s: this one is %s from now on", self._config.name, name)
        self._name = name

    def _end(self, wait_s: float) -> list[Command]:
        if self._ended:
            return []
        self._ended = True
        return [events.Stop(wait_s)]
