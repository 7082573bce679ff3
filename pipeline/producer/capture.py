"""The capturing thread: takes pictures from the source when they are due and hands them over."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.pacing import Pacer
from pipeline.producer.events import BeginCapture, Captured, ChangeCapture, SourceEnded
from pipeline.producer.scaling import scaled
from pipeline.sources.base import Source, SourceError, SourceFrame, report_of

logger = logging.getLogger(__name__)

HANDOVER = 8  # pictures between this thread and the producer's loop
TOO_LATE_NS = 250_000_000  # a picture that capture could not take within this is passed over, and counted
LOOK_UP_S = 0.1  # how often a waiting thread looks whether it is still wanted


@dataclass(frozen=True, slots=True)
class Job:
    """One episode's capturing; replaced, never changed, so that the thread sees whole ones."""

    begin: BeginCapture
    change: ChangeCapture


class Capture:
    """Owns the source and its thread.

    A lower FPS skips source pictures evenly; each is due at an absolute time, start + pts, of the
    monotonic clock, so that the stream's duration never changes. What must be drawn or decoded first is at
    hand when it is due, as a camera's picture is: that work is no part of a frame's latency.

    Args:
        source: used by this thread alone from now on.
        pacing: False takes pictures as fast as they are handed over.
        notify: called in this thread after each handover.
    """

    def __init__(self, source: Source, pacing: bool, notify: Callable[[], None]) -> None:
        self._source = source
        self._pacing = pacing and not source.is_live  # a live source paces itself
        self._notify = notify
        self._handed_over: deque[Captured | SourceEnded] = deque()
        self._room = threading.Event()
        self._job: Job | None = None
        self._wanted = threading.Condition()
        self._closed = False
        self._told_ns = self._idle_ns = 0  # when busy_ns was told last, how long nothing was done since
        self._ahead_ns = 0  # so long before a picture is due it is read, if it is paced here
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def begin(self, command: BeginCapture) -> None:
        """Restart the source for a new episode."""
        change = ChangeCapture(command.epoch, command.settings)
        self._replace(Job(command, change))

    def change(self, command: ChangeCapture) -> None:
        """Capture under other settings."""
        if self._job is not None:
            self._replace(Job(self._job.begin, command))

    def end(self) -> None:
        """Capture nothing until the next episode."""
        self._replace(None)

    def take(self) -> Captured | SourceEnded | None:
        """Return the next event handed over, None if there is none."""
        try:
            event = self._handed_over.popleft()
        except IndexError:
            return None
        if len(self._handed_over) <= HANDOVER // 2:
            self._room.set()
        return event

    @property
    def n_waiting(self) -> int:
        """Events that were handed over and not taken yet."""
        return len(self._handed_over)

    def close(self) -> None:
        """End the thread and close the source."""
        self._closed = True
        self._replace(None)
        if self._source.is_live:
            self._source.close()  # it may be waiting for a camera that is gone
        self._thread.join(timeout=5.0)
        if self._thread.is_alive():
            logger.warning("the source does not return from reading; it is left to the process's end")
        else:
            self._source.close()

    def _replace(self, job: Job | None) -> None:
        with self._wanted:
            self._job = job
            self._wanted.notify()

    def _run(self) -> None:
        played: BeginCapture | None = None
        while not self._closed:
            with self._wanted:
                while not self._closed and (self._job is None or self._job.begin is played):
                    self._wanted.wait()
                job = self._job
            if job is not None and not self._closed:
                played = job.begin
                self._play(job.begin)

    def _play(self, begin: BeginCapture) -> None:
        """Capture one episode to its end, or until it is no longer wanted."""
        try:
            self._source.restart(begin.seed)
            pacer = Pacer(begin.settings.fps, self._source.fps)
            fps = begin.settings.fps
            start_ns = self._told_ns = time.monotonic_ns()
            self._idle_ns = 0
            while (job := self._job_of(begin)) is not None:
                pts_ns = self._peek()
                if pts_ns is None:
                    self._hand_over(SourceEnded(begin.episode, source=report_of(self._source)), begin)
                    return
                if fps != job.change.settings.fps:
                    fps = job.change.settings.fps
                    pacer.set_fps(fps)
                if not pacer.take(pts_ns):
                    self._source.skip()
                    continue
                due_ns = start_ns + pts_ns if self._pacing or self._source.is_live else time.monotonic_ns()
                if not self._wait_until(due_ns - self._ahead_ns, begin):
                    return
                frame = self._read(due_ns)
                if not self._wait_until(due_ns, begin):
                    return
                self._offer(frame, due_ns, pts_ns, begin)
        except SourceError as error:
            self._hand_over(SourceEnded(begin.episode, str(error), report_of(self._source)), begin)

    def _peek(self) -> int | None:
        """Say when the next picture is due; a live source waits for it, others may decode it."""
        asked_ns = time.monotonic_ns()
        pts_ns = self._source.peek()
        if self._source.is_live:
            self._idle_ns += time.monotonic_ns() - asked_ns
        return pts_ns

    def _read(self, due_ns: int) -> SourceFrame | None:
        """Return the next picture, and learn how long that takes; None if it is too late for it."""
        asked_ns = time.monotonic_ns()
        if self._pacing and asked_ns - due_ns > TOO_LATE_NS:
            self._source.skip()
            return None
        frame = self._source.read()
        if self._pacing:
            self._ahead_ns = max(time.monotonic_ns() - asked_ns, self._ahead_ns * 15 // 16)
        return frame

    def _offer(self, frame: SourceFrame | None, due_ns: int, pts_ns: int, begin: BeginCapture) -> None:
        job = self._job_of(begin)
        if job is None:
            return
        settings = job.change.settings
        index, image = 0, None
        if frame is not None:
            index, image = frame.index, scaled(frame.image, settings.width, settings.height)
        captured = Captured(
            episode=begin.episode,
            epoch=job.change.epoch,
            grade=settings.grade,
            source_index=index,
            captured_ns=due_ns,
            pts_ns=pts_ns,
            image=image,
            source=report_of(self._source),
            busy_ns=self._busy_ns(),
        )
        self._hand_over(captured, begin)

    def _busy_ns(self) -> int:
        """Count the time since this was asked last, but for that in which the thread waited."""
        now_ns = time.monotonic_ns()
        busy_ns = now_ns - self._told_ns - self._idle_ns
        self._told_ns, self._idle_ns = now_ns, 0
        return busy_ns

    def _job_of(self, begin: BeginCapture) -> Job | None:
        job = self._job
        return job if job is not None and job.begin is begin else None

    def _wait_until(self, due_ns: int, begin: BeginCapture) -> bool:
        """Sleep until an absolute time; False if the episode is no longer wanted."""
        asked_ns = time.monotonic_ns()
        while (left_s := (due_ns - time.monotonic_ns()) * 1e-9) > 0:
            time.sleep(min(left_s, LOOK_UP_S))
            if self._job_of(begin) is None:
                return False
        self._idle_ns += time.monotonic_ns() - asked_ns
        return True

    def _hand_over(self, event: Captured | SourceEnded, begin: BeginCapture) -> None:
        asked_ns = time.monotonic_ns()
        while len(self._handed_over) >= HANDOVER:
            self._room.clear()
            if len(self._handed_over) >= HANDOVER:
                self._room.wait(LOOK_UP_S)
            if self._job_of(begin) is None:
                return
        self._idle_ns += time.monotonic_ns() - asked_ns
        self._handed_over.append(event)
        self._notify()
