"""Adds up, source frame by source frame, how well what was emitted shows what is really there."""

import math
from collections import defaultdict, deque
from typing import NamedTuple

from pipeline.findings import Matches, streaming_f1
from pipeline.scoring.following import Follower
from pipeline.scoring.matching import NOTHING_FOUND, Detections, match, tally
from pipeline.scoring.truth import Look

NS_PER_S = 1_000_000_000
RECENT_NS = NS_PER_S  # of the F1 that a picture's caption has
LONGEST_LAG_NS = 2_000_000_000  # who is further behind passes source frames over, and counts them


class Shown(NamedTuple):
    """What a stream shows from a time on, ns of the producer's clock."""

    emitted_ns: int
    detections: Detections


class Scorer:
    """The account of one episode: each source frame's truth against the newest result emitted by its time.

    Source frame k is due at began + k / fps, whatever the FPS knob says. A stream that has shown nothing yet
    finds nothing.

    Args:
        look: what is in a picture, by index.
        fps: of the source, frames/s.
        began_ns: when its first picture was due, on the producer's clock.
        from_ns: frames due earlier are another collector's.
        follower: is told what is shown of each; None = nobody asks for it.

    Attributes:
        matches: by class, so far.
        scored: source frames so far, of all streams; those of which nothing is known are left out.
        passed_over: likewise, for lack of time.
        recent_f1: of the last second, NaN where there is nothing to score.
    """

    def __init__(
        self, look: Look, fps: float, began_ns: int, from_ns: int = 0, follower: Follower | None = None
    ) -> None:
        self.matches: defaultdict[str, Matches] = defaultdict(Matches)
        self.scored = self.passed_over = 0
        self.recent_f1 = math.nan
        self._follower = follower
        self._sums: deque[tuple[int, Matches]] = deque([(began_ns, Matches())])  # of late, by when they were
        self._off: dict[int, dict[str, int]] = {}  # by stream and class, found - present in the last frame
        self._look, self._fps, self._began_ns = look, fps, began_ns
        self._index = max(0, math.ceil((from_ns - began_ns) * fps / NS_PER_S))  # of the next source frame
        self._shown: defaultdict[int, deque[Shown]] = defaultdict(deque)  # by stream; the first one is shown

    def emitted(self, stream: int, shown: Shown) -> None:
        """Take what a stream shows from now on."""
        self._shown[stream].append(shown)

    def score(self, until_ns: int, n_streams: int) -> None:
        """Score every source frame that was due by now; all that was emitted by then has been told.

        Args:
            until_ns: now, on the producer's clock.
            n_streams: how many carry the source's frames.
        """
        while self._due_ns < until_ns - LONGEST_LAG_NS:
            self.passed_over += n_streams
            self._index += 1
        while (due_ns := self._due_ns) <= until_ns:
            truth = self._look(self._index)
            self._index += 1
            if truth is None:
                continue
            for stream in range(n_streams):
                shown = self._shown_at(stream, due_ns)
                matched = match(shown, truth).tolist()
                self._count(stream, tally(shown, truth, matched))
                if self._follower is not None:
                    self._follower.due(stream, due_ns, matched, truth)
            self.scored += n_streams
        self._sums.append((until_ns, sum(self.matches.values(), Matches())))
        while len(self._sums) > 2 and self._sums[1][0] <= until_ns - RECENT_NS:
            self._sums.popleft()
        self.recent_f1 = streaming_f1(self._sums[-1][1] - self._sums[0][1])

    def _count(self, stream: int, found: dict[str, Matches]) -> None:
        """Add a source frame by class: what was found, by how many that is off, and how that has changed."""
        off = {label: matches.found - matches.present for label, matches in found.items()}
        before = self._off.get(stream, off)
        for label in {*off, *before}:
            now = off.get(label, 0)
            counts = Matches(miscounted=abs(now), jumped=abs(now - before.get(label, 0)))
            self.matches[label] += found.get(label, Matches()) + counts
        self._off[stream] = off

    @property
    def _due_ns(self) -> int:
        return self._began_ns + round(self._index * NS_PER_S / self._fps)

    def _shown_at(self, stream: int, due_ns: int) -> Detections:
        shown = self._shown[stream]
        while len(shown) > 1 and shown[1].emitted_ns <= due_ns:
            shown.popleft()
        return shown[0].detections if shown and shown[0].emitted_ns <= due_ns else NOTHING_FOUND
