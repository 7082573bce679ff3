"""The capturing thread, on a source whose pictures carry their number."""

import threading

import numpy as np
import pytest

from pipeline.producer import capture as capture_module
from pipeline.producer.capture import Capture
from pipeline.producer.events import BeginCapture, Captured, ChangeCapture, SourceEnded
from pipeline.settings import StreamSettings
from pipeline.sources.base import NOTHING_WRONG, SourceError, SourceFrame, SourceReport

PERIOD_NS = 1_000_000_000 // 30
PATIENCE_S = 10


class Numbered:
    """`n` pictures of 32x16 px at 30 fps; their value is their index."""

    width, height, fps, is_live = 32, 16, 30.0, False

    def __init__(self, n: int, fails_at: int = -1) -> None:
        self.n, self.fails_at = n, fails_at
        self.index = 0
        self.skipped: list[int] = []
        self.closed = False
        self.report = NOTHING_WRONG

    def peek(self) -> int | None:
        if self.index == self.fails_at:
            raise SourceError("the cable is out")
        return self.index * PERIOD_NS if self.index < self.n else None

    def read(self) -> SourceFrame:
        image = np.full((16, 32, 3), self.index % 256, np.uint8)
        self.index += 1
        return SourceFrame(self.index - 1, (self.index - 1) * PERIOD_NS, image)

    def skip(self) -> None:
        self.skipped.append(self.index)
        self.index += 1

    def restart(self, seed: int) -> None:
        self.index = 0

    def close(self) -> None:
        self.closed = True


def settings(fps: float = 30.0, width: int = 32, height: int = 16) -> StreamSettings:
    return StreamSettings(fps, width, height, 1)


class Watched:
    """A Capture, and its events as they are handed over."""

    def __init__(self, source: Numbered, pacing: bool = False) -> None:
        self.handed_over = threading.Semaphore(0)
        self.capture = Capture(source, pacing, self.handed_over.release)

    def next(self) -> Captured | SourceEnded:
        assert self.handed_over.acquire(timeout=PATIENCE_S)
        event = self.capture.take()
        assert event is not None
        return event

    def rest(self) -> list[Captured]:
        """Pictures until the source has ended."""
        pictures = []
        while isinstance(event := self.next(), Captured):
            pictures.append(event)
        return pictures


@pytest.fixture
def watch():
    """Builds Watched captures and closes them."""
    watched = []

    def build(*args, **kwargs) -> Watched:
        watched.append(Watched(*args, **kwargs))
        return watched[-1]

    yield build
    for each in watched:
        each.capture.close()


def test_a_lower_fps_skips_evenly_and_the_stream_lasts_as_long(watch):
    watched = watch(Numbered(90))
    watched.capture.begin(BeginCapture(1, 0, 1, settings(fps=10)))
    assert [picture.source_index for picture in watched.rest()] == list(range(0, 90, 3))


def test_pictures_are_due_at_absolute_times_of_the_sources_own_pace(watch):
    watched = watch(Numbered(8), pacing=True)
    watched.capture.begin(BeginCapture(1, 0, 1, settings(fps=15)))
    times_ns = [picture.captured_ns for picture in watched.rest()]
    assert np.diff(times_ns).tolist() == [2 * PERIOD_NS] * 3


def test_pictures_are_resized_to_the_knob_and_carry_epoch_and_grade(watch):
    watched = watch(Numbered(1))
    watched.capture.begin(BeginCapture(4, 0, 9, settings(width=8, height=4)))
    (picture,) = watched.rest()
    assert picture.image is not None and picture.image.shape == (4, 8, 3)
    assert (picture.episode, picture.epoch, picture.grade) == (4, 9, 1)


class Clock:
    """Time that passes only where somebody works or sleeps."""

    def __init__(self) -> None:
        self.now_ns = 0

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class Slow(Numbered):
    """Reading takes 5 ms, skipping 3 ms."""

    def __init__(self, n: int, clock: Clock) -> None:
        super().__init__(n)
        self.clock = clock

    def read(self) -> SourceFrame:
        self.clock.now_ns += 5_000_000
        return super().read()

    def skip(self) -> None:
        self.clock.now_ns += 3_000_000
        super().skip()


def test_capture_is_busy_with_what_it_reads_and_skips_but_not_while_it_waits(watch, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(capture_module, "time", clock)
    watched = watch(Slow(9, clock), pacing=True)
    watched.capture.begin(BeginCapture(1, 0, 1, settings(fps=10)))
    busy_ms = [picture.busy_ns // 1_000_000 for picture in watched.rest()]
    assert busy_ms == [5, 2 * 3 + 5, 2 * 3 + 5]


def test_a_picture_that_must_be_drawn_first_is_at_hand_when_it_is_due(monkeypatch):
    clock, handed_over_ns, has_ended = Clock(), [], threading.Event()
    monkeypatch.setattr(capture_module, "time", clock)

    def note() -> None:
        handed_over_ns.append(clock.now_ns)
        if isinstance(capture.take(), SourceEnded):
            has_ended.set()

    capture = Capture(Slow(6, clock), True, note)
    capture.begin(BeginCapture(1, 0, 1, settings()))
    assert has_ended.wait(PATIENCE_S)
    capture.close()
    first_ns, *due_ns, _ = handed_over_ns
    assert first_ns == 5_000_000, "nobody knew then how long it takes"
    assert due_ns == [index * PERIOD_NS for index in range(1, 6)]


def test_settings_change_in_mid_stream(watch):
    watched = watch(Numbered(1_000_000))
    watched.capture.begin(BeginCapture(1, 0, 1, settings()))
    watched.next()
    watched.capture.change(ChangeCapture(2, settings(width=8, height=4)))
    while (picture := watched.next()).epoch == 1:
        pass
    assert picture.image is not None and picture.image.shape == (4, 8, 3)


def test_an_episode_can_be_ended_and_another_begun(watch):
    watched = watch(Numbered(1_000_000))
    watched.capture.begin(BeginCapture(1, 0, 1, settings()))
    watched.next()
    watched.capture.end()
    watched.capture.begin(BeginCapture(2, 0, 2, settings()))
    while (picture := watched.next()).episode == 1:
        pass
    assert picture.source_index == 0


def test_what_is_wrong_with_the_source_goes_with_its_pictures_and_its_end(watch):
    source = Numbered(2)
    source.report = SourceReport(rebased=1)
    watched = watch(source)
    watched.capture.begin(BeginCapture(1, 0, 1, settings()))
    assert [watched.next().source for _ in range(3)] == [SourceReport(rebased=1)] * 3


def test_a_source_that_fails_ends_with_its_reason(watch):
    watched = watch(Numbered(9, fails_at=2))
    watched.capture.begin(BeginCapture(1, 0, 1, settings()))
    assert [watched.next().source_index for _ in range(2)] == [0, 1]
    assert watched.next() == SourceEnded(1, "the cable is out")


def test_nobody_taking_lets_the_source_wait_and_closing_ends_it_all_the_same(watch):
    source = Numbered(1_000_000)
    watched = watch(source)
    watched.capture.begin(BeginCapture(1, 0, 1, settings()))
    watched.next()
    watched.capture.close()
    assert source.closed and source.index < 100
