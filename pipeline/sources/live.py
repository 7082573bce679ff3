"""Live sources: the newest picture of a camera or a network stream, over interruptions.

A thread of its own reads without pause, so that what waits is never older than one picture; a picture
that was not asked for in time is replaced and counted as stale. What a device or an address delivers is
a `Feed`; when one ends, the next is connected after a growing pause.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.base import SourceError, SourceFrame, SourceReport

logger = logging.getLogger(__name__)

BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0)  # pauses before the attempts to reconnect
PATIENCE_S = 120.0  # longest silence of all; above the pauses and the feeds' own time limits together
CLOSING_S = 1.0  # how long closing waits for the thread; a silent feed ends it at its own time limit
N_MEASURED = 10  # pictures from which a rate is measured that the feed does not name
NS_PER_S = 1_000_000_000

# Makes the BGR array of one picture at a (width, height) in px: uint8 (height, width, 3), C-contiguous.
# Putting it off until the picture is wanted saves converting the stale ones.
Picture = Callable[[int, int], NDArray[np.uint8]]


class Feed(Protocol):
    """One connection to a device or an address, which has delivered at least one picture.

    Attributes:
        width, height: size of its pictures in px.
        fps: its nominal rate in frames/s, None if it names none.
        n_undecodable: pictures so far that could not be decoded, or only in part.
    """

    width: int
    height: int
    fps: float | None

    @property
    def n_undecodable(self) -> int: ...

    def read(self) -> Picture:
        """Return the next picture; blocks for a bounded time.

        Raises SourceError: the connection has ended or is silent.
        """
        ...

    def close(self) -> None:
        """End the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A picture that came: its number and time (ns), both since the source's start."""

    index: int
    pts_ns: int
    picture: Picture


class LiveSource:
    """A feed that is kept up, as a `Source`: always its newest picture.

    The first connection is tried once, so that a wrong address is known at once; later ones as often as
    there are pauses, counted anew after each success. Times are arrivals on a monotonic clock; an index
    left out is a picture that went stale.

    Args:
        name: what messages call it.
        connect: makes a feed, or raises SourceError within a few seconds.
        clock_ns: monotonic, in ns.
        backoff_s: pauses before each attempt to reconnect, in s.

    Attributes:
        n_stale: pictures since the last restart that were replaced before anybody asked for them.
        n_retries: attempts to reconnect so far.

    Raises:
        SourceError: the first connection failed.
    """

    is_live = True

    def __init__(
        self,
        name: str,
        connect: Callable[[], Feed],
        clock_ns: Callable[[], int] = time.monotonic_ns,
        backoff_s: Sequence[float] = BACKOFF_S,
    ) -> None:
        self._name, self._connect, self._clock_ns, self._backoff_s = name, connect, clock_ns, backoff_s
        self.n_stale = self.n_retries = 0
        self._n_interruptions = self._n_undecodable = 0
        self._changed = threading.Condition()  # guards all that follows
        self._closing = threading.Event()
        self._newest: Arrival | None = None  # nobody has asked for it yet
        self._next: Arrival | None = None  # what peek spoke of
        self._failure: Exception | None = None
        self._n_arrived, self._start_ns = 0, clock_ns()
        feed = connect()
        self.width, self.height = feed.width, feed.height
        try:
            self.fps = feed.fps or _measured_fps(feed, name, clock_ns)
        except SourceError:
            feed.close()
            raise
        self._begin_reading(feed)

    @property
    def report(self) -> SourceReport:
        """Say what was wrong since the last restart."""
        return SourceReport(
            undecodable=self._n_undecodable, interruptions=self._n_interruptions, stale=self.n_stale
        )

    def peek(self) -> int | None:
        """Arrival time (ns) of the newest picture; blocks until there is one. None once closed.

        Raises SourceError: the feed has ended and every attempt to reconnect has failed.
        """
        with self._changed:
            if self._next is None:
                self._changed.wait_for(self._has_news, PATIENCE_S)
                self._next, self._newest = self._newest, None
            if self._next is not None:
                return self._next.pts_ns
            if self._closing.is_set():
                return None
            raise self._failure or SourceError(f"{self._name} has been silent for {PATIENCE_S:g} s")

    def read(self) -> SourceFrame:
        """Return the picture that `peek` spoke of, in a fresh buffer. Raises SourceError: there is none."""
        with self._changed:
            arrival, self._next = self._next, None
        if arrival is None:
            raise SourceError(f"expected a picture of {self._name}, but peek() has not spoken of one")
        return SourceFrame(arrival.index, arrival.pts_ns, arrival.picture(self.width, self.height))

    def skip(self) -> None:
        """Pass over the picture that `peek` spoke of, unconverted."""
        with self._changed:
            self._next = None

    def restart(self, seed: int) -> None:
        """Forget what has come: index and time begin anew. A source that was given up connects again."""
        with self._changed:
            self._newest = self._next = None
            self._n_arrived, self._start_ns, self.n_stale = 0, self._clock_ns(), 0
            self._n_interruptions = self._n_undecodable = 0
            was_given_up = self._failure is not None
            self._failure = None
        if was_given_up:
            self._begin_reading(None)

    def close(self) -> None:
        """End the thread and the connection; `peek` returns None from now on."""
        with self._changed:
            self._closing.set()
            self._newest = self._next = None
            self._changed.notify_all()
        self._thread.join(CLOSING_S)

    def _has_news(self) -> bool:
        return self._newest is not None or self._failure is not None or self._closing.is_set()

    def _begin_reading(self, feed: Feed | None) -> None:
        self._thread = threading.Thread(target=self._read, args=(feed,), name=self._name, daemon=True)
        self._thread.start()

    def _read(self, feed: Feed | None) -> None:
        """Run the thread: read, reconnect, and hand whatever ends it to `peek`."""
        try:
            while not self._closing.is_set():
                if feed is None:
                    feed = self._reconnect()
                    continue
                n_undecodable = feed.n_undecodable
                try:
                    picture = feed.read()
                except SourceError as error:
                    logger.warning("%s", error)
                    self._n_interruptions += 1
                    feed.close()
                    feed = None
                else:
                    self._n_undecodable += feed.n_undecodable - n_undecodable
                    self._arrived(picture)
        except Exception as error:  # the thread ends here; peek raises it to whoever asks
            with self._changed:
                self._failure = error
                self._changed.notify_all()
        finally:
            if feed is not None:
                feed.close()

    def _arrived(self, picture: Picture) -> None:
        with self._changed:
            if self._closing.is_set():
                return
            self.n_stale += self._newest is not None
            self._newest = Arrival(self._n_arrived, self._clock_ns() - self._start_ns, picture)
            self._n_arrived += 1
            self._changed.notify_all()

    def _reconnect(self) -> Feed | None:
        """Connect a new feed; None if the source is closed meanwhile."""
        last: SourceError | None = None
        for pause_s in self._backoff_s:
            if self._closing.wait(pause_s):
                return None
            self.n_retries += 1
            try:
                feed = self._connect()
            except SourceError as error:
                last = error
                logger.warning("attempt %s to reconnect failed: %s", self.n_retries, error)
            else:
                logger.info("%s is back", self._name)
                return feed
        raise SourceError(
            f"{self._name} is gone, {len(self._backoff_s)} attempts to reconnect failed: {last}"
        )


def _measured_fps(feed: Feed, name: str, clock_ns: Callable[[], int]) -> float:
    """In two digits: when it is opened again, for the producer, it must not be another by a hair."""
    feed.read()  # the one that connecting has waited for
    start_ns = clock_ns()
    for _ in range(N_MEASURED):
        feed.read()
    fps = float(f"{N_MEASURED * NS_PER_S / max(1, clock_ns() - start_ns):.2g}")
    logger.info("%s names no rate; its pictures come at about %g frames/s", name, fps)
    return fps
