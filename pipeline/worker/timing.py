"""When a worker speaks next, and how long it waits for what."""

from dataclasses import dataclass

from pipeline.messages import GetWork, Register

HEARTBEAT_SHARE = 0.8  # of the heartbeat: sent this early, it arrives within one
REPLY_HEARTBEATS = 3  # the producer answers within one
LEAST_REPLY_NS = 1_000_000_000  # a busy host may take this long to answer at all
FIRST_BACK_OFF_NS = 100_000_000
LAST_BACK_OFF_NS = 800_000_000  # resuming within 2 s must include one reply deadline
LEAST_WAIT_NS = 20_000_000  # between requests of one worker that find nothing to do
END_WAIT_S = 5.0  # the producer has said END: nobody waits for what is in hand but for completeness
STOP_WAIT_S = 2.0  # what takes longer is done by another worker


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A request whose reply is awaited."""

    message: Register | GetWork
    sent_ns: int
    deadline_ns: int

    @property
    def is_standing(self) -> bool:
        """Tell whether it gives way to any other: its reply has no deadline."""
        return isinstance(self.message, GetWork) and self.message.standing

    def is_overdue(self, now_ns: int) -> bool:
        """Tell whether its reply should have come."""
        return not self.is_standing and now_ns >= self.deadline_ns


class Schedule:
    """The times of one worker's requests: heartbeats, pauses, the deadline of a reply; in ns of its clock."""

    def __init__(self) -> None:
        self._heartbeat_ns = LEAST_REPLY_NS
        self._due_ns = 0  # of the next heartbeat
        self._not_before_ns = 0  # no request before this
        self._pause_ns = FIRST_BACK_OFF_NS  # after the next failure

    @property
    def is_backing_off(self) -> bool:
        """Tell whether there was a failure since the last success."""
        return self._pause_ns != FIRST_BACK_OFF_NS

    def may_ask(self, now_ns: int) -> bool:
        """Tell whether no pause is on."""
        return now_ns >= self._not_before_ns

    def is_due(self, now_ns: int) -> bool:
        """Tell whether a heartbeat is due."""
        return now_ns >= self._due_ns

    def next_ns(self, is_urgent: bool) -> int:
        """Say when the next request may leave, or, if it is not urgent, must."""
        return self._not_before_ns if is_urgent else max(self._not_before_ns, self._due_ns)

    def ask(self, message: Register | GetWork, now_ns: int) -> Outstanding:
        """Note that a request leaves; returns it with the deadline of its reply."""
        self._due_ns = now_ns + int(HEARTBEAT_SHARE * self._heartbeat_ns)
        heartbeats_ns = REPLY_HEARTBEATS * self._heartbeat_ns if isinstance(message, GetWork) else 0
        return Outstanding(message, now_ns, now_ns + max(LEAST_REPLY_NS, heartbeats_ns))

    def pace(self, sent_ns: int, now_ns: int) -> None:
        """Do not ask a producer without pause that does not hold a request until there is work."""
        self._not_before_ns = max(now_ns, sent_ns + LEAST_WAIT_NS)

    def back_off(self, now_ns: int) -> None:
        """Pause after a failure: twice as long as after the one before, up to a bound."""
        self._not_before_ns = now_ns + self._pause_ns
        self._pause_ns = min(2 * self._pause_ns, LAST_BACK_OFF_NS)

    def confirm(self, heartbeat_s: float, now_ns: int, is_due: bool) -> None:
        """Begin anew with the producer's heartbeat; `is_due`: the first one at once."""
        self._heartbeat_ns = int(heartbeat_s * 1e9)
        self._due_ns = now_ns if is_due else now_ns + int(HEARTBEAT_SHARE * self._heartbeat_ns)
        self._pause_ns = FIRST_BACK_OFF_NS
