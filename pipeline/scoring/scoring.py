"""Scoring in a thread of its own, off the frames' path."""

import logging
import math
import queue
import threading
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.class_names import class_ids
from pipeline.findings import Followed
from pipeline.messages import Result, Tally, Truth
from pipeline.scoring.emulated import Emulated, remembering
from pipeline.scoring.following import Follower
from pipeline.scoring.matching import detections_of
from pipeline.scoring.scorer import Scorer, Shown
from pipeline.scoring.truth import open_truth

logger = logging.getLogger(__name__)

MOST_TOLD = 10_000  # results that wait to be scored


class _Begin(NamedTuple):
    episode: int
    truth: Truth
    source_size: tuple[int, int]
    source_fps: float
    from_ns: int


class _Account(NamedTuple):
    """Of an episode: whose truth it is, the classes' numbers, what is drawn in place of the workers'
    detections, who follows its objects, and this thread's computing time before it."""

    begin: _Begin
    classes: tuple[int, ...]
    scorer: Scorer
    emulated: Emulated | None
    follower: Follower | None
    began_ns: int


class _Emitted(NamedTuple):
    header: Result
    boxes: NDArray[np.float32]
    emitted_ns: int


class _Until(NamedTuple):
    now_ns: int
    n_streams: int


class Scoring:
    """Scores what it is told of, as it comes; if that takes too long, it passes source frames over.

    Attributes:
        tally: of the present episode so far, as far as it is scored; None while nothing is.
        f1: streaming, of its last second; NaN while it is not known.
    """

    def __init__(self) -> None:
        self.tally: Tally | None = None
        self.f1 = math.nan
        self._told: queue.SimpleQueue[_Begin | _Emitted | _Until | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)
        self._thread.start()

    def begin(
        self,
        episode: int,
        truth: Truth,
        source_size: tuple[int, int],
        source_fps: float,
        from_ns: int,
    ) -> None:
        """Turn to another episode.

        Args:
            truth: where to learn it, and since when the source plays.
            source_size: (width, height) in px.
            source_fps: frames/s.
            from_ns: source frames due earlier are another collector's, on the producer's clock.
        """
        self._told.put(_Begin(episode, truth, source_size, source_fps, from_ns))

    def emitted(self, header: Result, boxes: NDArray[np.float32], emitted_ns: int) -> None:
        """A result was emitted, at a time of the producer's clock; it is passed over if too many wait."""
        if self._told.qsize() < MOST_TOLD:
            self._told.put(_Emitted(header, boxes, emitted_ns))

    def until(self, now_ns: int, n_streams: int) -> None:
        """All that was emitted by now, on the producer's clock, has been told."""
        if self._told.qsize() < MOST_TOLD:
            self._told.put(_Until(now_ns, n_streams))

    def close(self) -> None:
        """End the thread once it has scored what it was told of."""
        self._told.put(None)
        self._thread.join()

    def _run(self) -> None:
        account: _Account | None = None
        until: _Until | None = None
        while (said := self._told.get()) is not None:
            match said:
                case _Begin():
                    account, until, self.f1 = _open(said), None, math.nan
                case _Emitted():
                    if account is not None:
                        _take(account, said)
                case _Until():
                    until = said
            if account is not None and until is not None and self._told.empty():
                self._score(account, until)
                until = None
        if account is not None and until is not None:
            self._score(account, until)

    def _score(self, account: _Account, until: _Until) -> None:
        begin, scorer, began_ns = account.begin, account.scorer, account.began_ns
        is_behind = scorer.passed_over > 0
        scorer.score(*until)
        if scorer.passed_over and not is_behind:
            logger.warning("scoring falls behind: source frames are passed over, and not in the F1")
        if scorer.scored:
            cost_ns = time.thread_time_ns() - began_ns
            self.f1 = scorer.recent_f1
            followed = Followed() if account.follower is None else account.follower.followed
            self.tally = Tally(begin.episode, scorer.scored, cost_ns, dict(scorer.matches), followed)


def _take(account: _Account, said: _Emitted) -> None:
    """Have a result that was emitted shown from now on."""
    header, boxes, emitted_ns = said
    if account.emulated is not None:
        boxes = account.emulated.boxes(header, emitted_ns)
    found = detections_of(boxes, header.size, account.begin.source_size, account.classes)
    account.scorer.emitted(header.stream, Shown(emitted_ns, found))
    if account.follower is not None:
        account.follower.emitted(header.stream, header.source_index, found, emitted_ns)


def _open(begin: _Begin) -> _Account | None:
    """Begin an episode's account; None, with a warning, where its truth cannot be read."""
    began_ns = time.thread_time_ns()
    truth, fps, emulated, follower = begin.truth, begin.source_fps, None, None
    try:
        look = open_truth(truth, begin.source_size, fps)
    except (OSError, ValueError) as error:
        logger.warning("nothing is scored, for the truth cannot be read here: %s", error)
        return None
    if truth.drawn is not None or truth.is_followed:
        look = remembering(truth, look, fps, begin.from_ns)
    if truth.drawn is not None:
        emulated = Emulated(truth, look, begin.source_size, fps)
    if truth.is_followed:
        follower = Follower(look, fps, truth.began_ns)
    scorer = Scorer(look, fps, truth.began_ns, begin.from_ns, follower)
    return _Account(begin, class_ids(truth.classes), scorer, emulated, follower, began_ns)
