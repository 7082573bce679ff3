"""Signals that end a program: what must stay whole is not cut in two by them."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C, a polite kill, and a terminal that is closed, which Windows does not tell
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """A signal that ends the program, in the same order whichever it is."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum  # as shells have it


def interrupt(signum: int, frame: FrameType | None) -> None:
    """Handler of a program that has nothing to lose."""
    raise Interrupted(signum)


class Hearing:
    """Notes signals; only what is done in `attempt` is broken off by one.

    The first says what ended the run. Those that follow break off what closing takes its time for, and
    nothing else: what must be whole is done outside of `attempt`.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._is_open = False  # whether somebody is ready to be broken off
        self._waits = False  # whether a signal came while nobody was

    @property
    def interruption(self) -> Interrupted | None:
        """The first signal that came, if one did."""
        return None if self._first is None else Interrupted(self._first)

    def attempt(self, work: Callable[[], object]) -> BaseException | None:
        """Do something that signals may break off; returns what ended it before its own end.

        A signal that came before does so at once.
        """
        ended: BaseException | None = None
        self._is_open = True
        try:
            self._catch_up()
            work()
        except BaseException as error:
            ended = error
        self._is_open = False  # until here nothing of ours may be called: `hear` spares this frame alone
        return self.interruption or ended if isinstance(ended, Interrupted) else ended

    def check(self) -> None:
        """Raise Interrupted if a signal came: somebody on the way may have swallowed what it raised."""
        if self._first is not None:
            raise Interrupted(self._first)

    def hear(self, signum: int, frame: FrameType | None) -> None:
        """The handler. It must not raise in `attempt` itself, nor in itself: nobody would catch that."""
        spared = (Hearing.attempt.__code__, Hearing.hear.__code__)
        if self._first is None:
            self._first = signum
        if not self._is_open or (frame is not None and frame.f_code in spared):
            self._waits = True
        else:
            raise Interrupted(signum)

    def _catch_up(self) -> None:
        if self._waits:
            self._waits = False
            self.check()


@contextmanager
def hearing() -> Iterator[Hearing]:
    """Meanwhile, signals are noted; see `Hearing`. Outside of a program's main thread none ever comes."""
    heard = Hearing()
    with handled_by(heard.hear):
        yield heard


@contextmanager
def handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Meanwhile, a handler gets the signals that end a program, but a SIGHUP that is ignored (`nohup`)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        signum: signal.getsignal(signum)
        for signum in ENDING
        if signum.name != "SIGHUP" or signal.getsignal(signum) is not signal.SIG_IGN
    }
    try:
        for signum in before:
            signal.signal(signum, handler)
        yield
    finally:
        for signum, its in before.items():
            signal.signal(signum, its or signal.SIG_DFL)
