"""Account of every offered frame: queue, lease, or waiting for a verdict, until its outcome is set once.

offered = delivered + dropped + thinned + lost + late + in flight holds by construction: a frame is added once
and leaves through one door, `judge`. `hand_out` decides which frame a worker gets; `states` has a frame's
states and what leads from one to the next.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from math import inf

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from pipeline.messages import LossReason, Outcome, TaskHeader, Totals
from pipeline.options import QueuePolicy
from pipeline.pacing import exact_rate, slot
from pipeline.producer.scaling import scaled
from pipeline.producer.states import Cause, FrameState, after, is_legal

Key = tuple[int, int]  # (stream, id)
MAX_OPEN = 1 << 16  # frames of an episode beyond the queue whose outcome is not set


@dataclass(slots=True)
class Frame:
    """One frame in flight."""

    header: TaskHeader  # without sent_ns
    image: NDArray[np.uint8] | None  # None once nobody will need it again
    key: Key
    pts_ns: int  # of the source, from its start
    state: FrameState = FrameState.QUEUED
    attempts: int = 0  # times handed out
    holder: bytes = b""  # worker that has the lease
    leased_ns: int = 0
    failed_ns: int = 0  # when it was handed to the first worker that did not bring it; 0 = none has failed
    failed_by: frozenset[str] = frozenset()  # names of workers that could not process it
    reason: LossReason = LossReason.NOT_DRAINED  # should it be lost
    home: "dict[Key, Frame] | None" = field(default=None, repr=False)  # where its state has it

    @property
    def n_bytes(self) -> int:
        """Return the size of the picture, as long as it is held."""
        return 0 if self.image is None else self.image.nbytes


@dataclass(slots=True)
class Ledger:
    """The frames of one episode.

    Attributes:
        policy, bound: of the queue; frames that came back from a worker do not count against the bound,
            or a lost worker would cost frames.
        retries: how often a frame goes back to the queue.
        frames: all in flight, in order of offering.
        given_up: those without retries left that wait for the collector's word.
        held_bytes: of pictures in queue and leases.
        requeued: how often a lease ended without a result.
    """

    policy: QueuePolicy
    retries: int
    bound: int
    frames: dict[Key, Frame] = field(default_factory=dict)
    given_up: dict[Key, Frame] = field(default_factory=dict)
    held_bytes: int = 0
    requeued: int = 0
    _fresh: OrderedDict[Key, Frame] = field(default_factory=OrderedDict)
    _returned: OrderedDict[Key, Frame] = field(default_factory=OrderedDict)  # served first: keeps the order
    _leased: OrderedDict[Key, Frame] = field(default_factory=OrderedDict)  # in order of handing out
    _handed_out_ns: dict[int, int] = field(default_factory=dict)  # per stream, pts of the last fresh frame
    _lost_by: Counter[str] = field(default_factory=Counter)
    _counts: Counter[Outcome] = field(default_factory=Counter)
    _dropped: Counter[str] = field(default_factory=Counter)
    _offered: int = 0

    @property
    def n_queued(self) -> int:
        """Count tasks waiting, those that came back included."""
        return len(self._fresh) + len(self._returned)

    @property
    def is_full(self) -> bool:
        """Tell whether the next frame would need the policy."""
        return len(self._fresh) >= self.bound

    @property
    def oldest(self) -> Frame | None:
        """Find the frame in flight that was offered first."""
        return next(iter(self.frames.values()), None)

    @property
    def newest(self) -> Frame | None:
        """Find the queued frame that was offered last, of those that no worker has had."""
        return next(reversed(self._fresh.values()), None)

    def totals(self) -> Totals:
        """Return the account so far."""
        return Totals(
            offered=self._offered,
            delivered=self._counts[Outcome.DELIVERED],
            dropped=dict(self._dropped),
            thinned=self._counts[Outcome.THINNED],
            lost=self._counts[Outcome.LOST],
            lost_by=dict(self._lost_by),
            late=self._counts[Outcome.LATE],
            in_flight=len(self.frames),
            requeued=self.requeued,
        )

    def floor(self) -> dict[int, int]:
        """Return the lowest id in flight of each stream that has any."""
        floor: dict[int, int] = {}
        for stream, frame_id in self.frames:
            floor[stream] = min(floor.get(stream, frame_id), frame_id)
        return floor

    def offer(self, header: TaskHeader, image: NDArray[np.uint8] | None, pts_ns: int) -> list[Key]:
        """Account a new frame and queue it; return the frames to be dropped for it, perhaps itself.

        A frame without a picture was due but never captured: it is not queued, and itself to be dropped.
        """
        key = header.stream, header.id
        self._offered += 1
        frame = self.frames[key] = Frame(header, image, key, pts_ns)
        self.held_bytes += frame.n_bytes
        frame.home = self._fresh
        self._fresh[key] = frame
        excess = len(self._fresh) - max(self.bound, 1)
        if image is None:
            return [key]
        if excess <= 0 or self.policy is QueuePolicy.WAIT:
            return []
        if self.policy is QueuePolicy.DROP_NEWEST:
            return [key]
        return list(islice(self._fresh, excess))

    def hand_out(
        self,
        holder: bytes,
        now_ns: int,
        suits: Callable[[Frame], bool] = lambda _: True,
        place: int = 0,
        most_bytes: float = inf,
    ) -> Frame | None:
        """Lease a queued task to a worker, frames that came back first; None if there is none for it.

        Args:
            suits: whether the worker is to try a frame that came back.
            place: how many of those that it could get are left for others.
            most_bytes: of pictures; while more are held, or MAX_OPEN frames are open, only what came back is
                handed out again, and the queue's policy has the rest.
        """
        returned = (frame for frame in self._returned.values() if suits(frame))
        is_roomy = self.held_bytes <= most_bytes and len(self.frames) - len(self._fresh) < MAX_OPEN
        fresh = self._fresh.values() if is_roomy else ()
        ahead = list(islice(chain(returned, fresh), place + 1))
        if len(ahead) <= place:
            return None
        frame = ahead.pop()
        stream = frame.key[0]
        is_ahead = any(other.key[0] == stream and other.home is self._fresh for other in ahead)
        if frame.home is self._fresh and not is_ahead:
            self._handed_out_ns[stream] = frame.pts_ns
        self._move(frame, Cause.HAND_OUT, self._leased)
        frame.holder, frame.leased_ns = holder, now_ns
        frame.attempts += 1
        return frame

    def has_failed(self, suits: Callable[[Frame], bool]) -> bool:
        """Tell whether there is a frame that some worker could not process, and that suits another."""
        return any(frame.failed_by and suits(frame) for frame in self._returned.values())

    def bind(self, frame: Frame, epoch: int, grade: int, size: tuple[int, int]) -> None:
        """Give a frame other settings; a picture larger than size (width, height) is scaled down, none up."""
        image = frame.image
        if image is not None and image.shape[0] > size[1]:
            self.held_bytes -= image.nbytes
            frame.image = image = scaled(image, *size)
            self.held_bytes += image.nbytes
        shape = frame.header.shape if image is None else image.shape
        frame.header = structs.replace(frame.header, epoch=epoch, grade=grade, shape=shape)

    def surplus(self, fps: float) -> list[Key]:
        """Return the queued frames that a lower rate asks for no more: all but one of each slot and stream.

        The slots are those by which capture skips (see `pipeline.pacing`), so that the rate is kept from the
        last frame handed out through the queue to the next one captured. What came back from a worker stays.
        """
        rate, kept_ns, surplus = exact_rate(fps), dict(self._handed_out_ns), []
        for key, frame in self._fresh.items():
            last_ns = kept_ns.get(key[0])
            if last_ns is None or slot(frame.pts_ns, rate) > slot(last_ns, rate):
                kept_ns[key[0]] = frame.pts_ns
            else:
                surplus.append(key)
        return surplus

    def take_back(
        self, frame: Frame, *, counts: bool = True, reason: LossReason = LossReason.NO_ANSWER
    ) -> None:
        """End a lease without a result: queue the frame again, or give it up.

        Args:
            frame: one that is leased.
            counts: False if the worker never tried it, so that no retry is used up.
            reason: why it is lost if no retry is left.
        """
        frame.failed_ns = frame.failed_ns or frame.leased_ns
        frame.attempts -= not counts
        if frame.attempts > self.retries:
            self._give_up(frame, reason)
            return
        self._move(frame, Cause.TAKE_BACK, self._returned)
        self.requeued += counts

    def fail(self, key: Key, holder: bytes, worker: str) -> bool:
        """Take back a task that its worker cannot process; False if that does not have it (any more)."""
        frame = self.frames.get(key)
        if frame is None or frame.state is not FrameState.LEASED or frame.holder != holder:
            return False
        frame.failed_by |= {worker}
        self.take_back(frame, reason=LossReason.PROCESSING_FAILED)
        return True

    def forget_received(self) -> None:
        """Give up what the collector had received but not judged: it was replaced."""
        for frame in self.frames.values():
            if frame.state is FrameState.RECEIVED:
                self._give_up(frame, LossReason.COLLECTOR_GONE)

    def give_up_all(self) -> None:
        """Give up what is queued or leased: nobody will bring it."""
        for frame in self.frames.values():
            if frame.state in (FrameState.QUEUED, FrameState.LEASED):
                self._give_up(frame, LossReason.NOT_DRAINED)

    def expired(self, before_ns: int) -> list[Frame]:
        """List leases handed out before a time."""
        return list(takewhile(lambda frame: frame.leased_ns < before_ns, self._leased.values()))

    def held_by(self, holder: bytes) -> list[Frame]:
        """List the leases of one worker, oldest first."""
        return [frame for frame in self._leased.values() if frame.holder == holder]

    def queued_keys(self) -> list[Key]:
        """List everything that waits for a worker."""
        return [*self._returned, *self._fresh]

    def receive(self, key: Key) -> bool:
        """End a lease whose result the collector has; False if that is no news."""
        frame = self.frames.get(key)
        if frame is None or not is_legal(frame.state, Cause.RECEIVE):
            return False
        self._move(frame, Cause.RECEIVE)
        self._release(frame)
        return True

    def judge(self, key: Key, outcome: Outcome, reason: str = "") -> Frame | None:
        """Set a frame's outcome, and return the frame; None if it has one already. `reason` names a drop."""
        frame = self.frames.pop(key, None)
        if frame is None:
            return None
        self._move(frame, Cause.JUDGE)
        self._release(frame)
        if outcome is Outcome.DROPPED:
            self._dropped[reason] += 1
        else:
            self._counts[outcome] += 1
        if outcome is Outcome.LOST:
            self._lost_by[frame.reason] += 1
        return frame

    def _give_up(self, frame: Frame, reason: LossReason) -> None:
        self._move(frame, Cause.GIVE_UP, self.given_up)
        frame.reason = reason
        self._release(frame)

    def _move(self, frame: Frame, cause: Cause, home: dict[Key, Frame] | None = None) -> None:
        """Take a frame from its home to that of the state that follows, which may have none."""
        frame.state = after(frame.state, cause)
        if frame.home is not None:
            del frame.home[frame.key]
        frame.home = home
        if home is not None:
            home[frame.key] = frame

    def _release(self, frame: Frame) -> None:
        self.held_bytes -= frame.n_bytes
        frame.image = None
