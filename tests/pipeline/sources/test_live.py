import threading
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.sources.base import SourceError, SourceReport
from pipeline.sources.live import BACKOFF_S, PATIENCE_S, LiveSource, Picture
from tests.pipeline.sources.clips import gray, number_of

MS = 1_000_000
NO_PAUSE = (0.0, 0.0, 0.0)


def picture(number: int) -> Picture:
    return lambda width, height: gray(number, width, height)


class Clock:
    """Time that stands still but for `now_ns`."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class ScriptedFeed:
    """Gives the pictures it is told to, waits, and ends when `cut`."""

    width, height = 64, 48
    n_undecodable = 0

    def __init__(self, numbers: Sequence[int] = (), fps: float | None = 30.0) -> None:
        self.fps = fps
        self._todo = list(numbers)
        self._changed = threading.Condition()
        self._idle = False
        self._is_cut = False
        self.closed = threading.Event()
        self.on_read = lambda: None

    def read(self) -> Picture:
        with self._changed:
            self._idle = not self._todo
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._todo or self._is_cut)
            self.on_read()
            if self._todo:
                return picture(self._todo.pop(0))
        raise SourceError("cut off")

    def close(self) -> None:
        self.cut()
        self.closed.set()

    def give(self, *numbers: int) -> None:
        """Let these come, and wait until the source has them all."""
        with self._changed:
            self._idle = False
            self._todo += numbers
            self._changed.notify_all()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._idle, 5)

    def cut(self) -> None:
        with self._changed:
            self._is_cut = True
            self._changed.notify_all()


def connecting(*outcomes: ScriptedFeed | SourceError):
    """A `connect` with these outcomes, one after the other; the last one is repeated."""
    todo = list(outcomes)

    def connect() -> ScriptedFeed:
        outcome = todo.pop(0) if len(todo) > 1 else todo[0]
        if isinstance(outcome, SourceError):
            raise outcome
        return outcome

    return connect


def next_image(source: LiveSource) -> NDArray[np.uint8]:
    assert source.peek() is not None
    return source.read().image


def shut(source: LiveSource, *feeds: ScriptedFeed) -> None:
    """Close a source whose thread waits in one of these feeds, without waiting for a time limit."""
    for feed in feeds:
        feed.cut()
    source.close()


def test_only_the_newest_picture_is_kept_and_stale_ones_are_counted():
    feed, clock = ScriptedFeed(), Clock()
    source = LiveSource("camera", connecting(feed), clock)
    clock.now_ns = 40 * MS
    feed.give(0, 1, 2)
    assert source.is_live
    assert source.peek() == 40 * MS
    frame = source.read()
    assert (frame.index, frame.pts_ns, number_of(frame.image)) == (2, 40 * MS, 2)
    assert frame.image.shape == (48, 64, 3)
    assert source.n_stale == 2
    shut(source, feed)


def test_what_went_wrong_is_reported_until_the_next_restart():
    first, second = ScriptedFeed(), ScriptedFeed()
    source = LiveSource("camera", connecting(first, second), backoff_s=NO_PAUSE)
    first.give(0)

    def damage() -> None:
        first.n_undecodable = 3

    first.on_read = damage
    first.give(1)
    first.cut()
    second.give(2)
    assert source.report == SourceReport(undecodable=3, interruptions=1, stale=2)
    source.restart(seed=0)
    assert source.report == SourceReport()
    shut(source, first, second)


def test_what_peek_spoke_of_is_what_is_read_whatever_comes_meanwhile():
    feed, clock = ScriptedFeed(), Clock()
    source = LiveSource("camera", connecting(feed), clock)
    feed.give(0)
    assert source.peek() == 0
    clock.now_ns = 33 * MS
    feed.give(1)
    assert source.peek() == 0
    assert number_of(source.read().image) == 0
    assert source.peek() == 33 * MS
    source.skip()
    feed.give(2)
    assert number_of(next_image(source)) == 2
    assert source.n_stale == 0
    shut(source, feed)


def test_peek_waits_for_a_picture():
    feed = ScriptedFeed()
    source = LiveSource("camera", connecting(feed))
    feed.wait_until_idle()
    threading.Thread(target=partial(feed.give, 7)).start()
    assert number_of(next_image(source)) == 7
    shut(source, feed)


def test_restart_forgets_what_came_and_counts_anew():
    feed, clock = ScriptedFeed(), Clock()
    source = LiveSource("camera", connecting(feed), clock)
    feed.give(0, 1, 2)
    source.peek()
    feed.give(3)
    clock.now_ns = 100 * MS
    source.restart(seed=5)
    assert source.n_stale == 0
    clock.now_ns = 130 * MS
    feed.give(4)
    assert source.peek() == 30 * MS
    frame = source.read()
    assert (frame.index, number_of(frame.image)) == (0, 4)
    shut(source, feed)


def test_a_feed_that_ends_is_replaced_after_counted_attempts():
    first, second = ScriptedFeed(), ScriptedFeed()
    away = SourceError("not there")
    source = LiveSource("camera", connecting(first, away, away, second), backoff_s=NO_PAUSE)
    first.give(0)
    assert number_of(next_image(source)) == 0
    first.cut()
    assert first.closed.wait(5)
    second.give(1)
    frame = source.read() if source.peek() is not None else None
    assert frame is not None
    assert (frame.index, number_of(frame.image)) == (1, 1)
    assert source.n_retries == 3
    shut(source, first, second)
    assert second.closed.wait(5)


def test_attempts_are_bounded_and_the_error_says_what_happened():
    feed = ScriptedFeed()
    source = LiveSource("camera 0", connecting(feed, SourceError("not there")), backoff_s=NO_PAUSE)
    feed.cut()
    with pytest.raises(SourceError, match="camera 0 is gone, 3 attempts to reconnect failed: not there"):
        source.peek()
    assert source.n_retries == 3
    shut(source, feed)


def test_a_source_that_was_given_up_connects_again_at_restart():
    first, second = ScriptedFeed(), ScriptedFeed()
    source = LiveSource("camera", connecting(first, SourceError("not there"), second), backoff_s=(0.0,))
    first.cut()
    with pytest.raises(SourceError):
        source.peek()
    source.restart(seed=0)
    second.give(3)
    assert number_of(next_image(source)) == 3
    shut(source, first, second)


def test_an_unforeseen_error_of_the_thread_reaches_the_reader():
    feed = ScriptedFeed()
    source = LiveSource("camera", connecting(feed))
    feed.wait_until_idle()

    def fail() -> None:
        raise RuntimeError("driver bug")

    feed.on_read = fail
    feed.cut()
    with pytest.raises(RuntimeError, match="driver bug"):
        source.peek()
    assert feed.closed.wait(5)
    shut(source, feed)


def test_closing_wakes_who_waits_and_ends_a_long_pause():
    feed = ScriptedFeed()
    source = LiveSource("camera", connecting(feed, SourceError("not there")), backoff_s=(3600.0,))
    feed.cut()
    assert feed.closed.wait(5)
    seen: list[int | None] = []
    reader = threading.Thread(target=lambda: seen.append(source.peek()))
    reader.start()
    source.close()
    source.close()
    reader.join(5)
    assert seen == [None]
    assert not source._thread.is_alive()


def test_a_first_connection_that_fails_is_not_tried_again():
    with pytest.raises(SourceError, match="no such host"):
        LiveSource("stream", connecting(SourceError("no such host")))


def test_a_rate_that_the_feed_does_not_name_is_measured():
    for period_ms in (49, 50, 51):  # planned and produced, the rate is measured twice: it must be the same
        feed, clock = ScriptedFeed(range(11), fps=None), Clock()

        def tick(clock: Clock = clock, period_ms: int = period_ms) -> None:
            clock.now_ns += period_ms * MS

        feed.on_read = tick
        source = LiveSource("camera", connecting(feed), clock)
        assert source.fps == 20.0
        shut(source, feed)


def test_reading_without_peek_is_an_error():
    feed = ScriptedFeed()
    source = LiveSource("camera", connecting(feed))
    with pytest.raises(SourceError, match=r"peek\(\) has not spoken"):
        source.read()
    shut(source, feed)


def test_pauses_grow_to_eight_seconds_and_fit_into_the_patience():
    assert BACKOFF_S[:5] == (0.5, 1.0, 2.0, 4.0, 8.0)
    assert max(BACKOFF_S) == 8.0
    assert np.sum(BACKOFF_S) + 8.0 * len(BACKOFF_S) < PATIENCE_S
