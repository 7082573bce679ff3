"""What was found against what was really there: counts, and what can be said of them; NaN = unknown."""

import math
from operator import add, sub
from typing import Annotated, Protocol

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.structs import astuple
from numpy.typing import NDArray

Number = Annotated[int, Meta(ge=0, le=1 << 53)]  # of which many are added up in 64 bits
SURE = 0.5  # confidence from which a detection counts as sure


class Matched(Protocol):
    """Counts of objects matched, of detections, and of objects there were."""

    @property
    def matched(self) -> float: ...

    @property
    def found(self) -> float: ...

    @property
    def present(self) -> float: ...


class Matches(msgspec.Struct, frozen=True, array_like=True):
    """Detections against what was really there, source frame by source frame of every stream.

    Attributes:
        matched: objects that a detection shows, one each, >= 0.
        found: detections, but for those of objects that count neither way, >= matched.
        present: objects that were there, >= matched.
        miscounted: by how many found differed from present in each source frame, summed, >= 0.
        jumped: by how many found - present changed from one source frame to the next, likewise.
    """

    matched: Number = 0
    found: Number = 0
    present: Number = 0
    miscounted: Number = 0
    jumped: Number = 0

    def __add__(self, other: "Matches") -> "Matches":
        return Matches(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: "Matches") -> "Matches":
        return Matches(*map(sub, astuple(self), astuple(other)))


class Confidences(msgspec.Struct, frozen=True, array_like=True):
    """How confident the detections of emitted frames were.

    Attributes:
        n: how many there were, >= 0.
        total: sum of their confidences, in [0, n].
        sure: how many had a confidence of SURE at least, in [0, n].
    """

    n: Number = 0
    total: float = 0.0
    sure: Number = 0

    @classmethod
    def of(cls, confidence: NDArray[np.float32]) -> "Confidences":
        """Sum up the detections of a frame, from the confidence of each; shape (n,)."""
        return cls(len(confidence), float(confidence.sum()), int((confidence >= SURE).sum()))

    def __add__(self, other: "Confidences") -> "Confidences":
        return Confidences(*map(add, astuple(self), astuple(other)))


class Followed(msgspec.Struct, frozen=True, array_like=True):
    """How objects were shown that the truth follows.

    Attributes:
        n: boxes of which the result before had one of the same object, >= 0.
        px: by how much the edges of each, from where they really were, had moved since; means, summed, >= 0.
        widths: likewise, as shares of the object's width.
        delay_ms: of the last objects found, mean time from when each first counted until it was shown.
        spread_ms: standard deviation of that; both NaN while fewer than two were found.
    """

    n: Number = 0
    px: float = 0.0
    widths: float = 0.0
    delay_ms: float = math.nan
    spread_ms: float = math.nan

    def __add__(self, later: "Followed") -> "Followed":
        sums = self.n + later.n, self.px + later.px, self.widths + later.widths
        return Followed(*sums, later.delay_ms, later.spread_ms)

    def __sub__(self, before: "Followed") -> "Followed":
        sums = self.n - before.n, self.px - before.px, self.widths - before.widths
        return Followed(*sums, self.delay_ms, self.spread_ms)


def streaming_f1(facts: Matched) -> float:
    """F1 of what is shown: each source frame's truth against the newest result that was emitted by then.

    2 matched / (found + present) over all source frames, also those that nobody processed; unknown where
    nothing was there and nothing was found. Source: Li, Wang and Ramanan, Towards Streaming Perception, 2020.
    """
    total = facts.found + facts.present
    return 2 * facts.matched / total if total > 0 else math.nan


def recall(matches: Matches) -> float:
    """Share of the objects that a detection shows, in [0, 1], the rest is missed; unknown where none were."""
    return matches.matched / matches.present if matches.present > 0 else math.nan


def precision(matches: Matches) -> float:
    """Share of the detections that show an object, in [0, 1], the rest is false; unknown where none were."""
    return matches.matched / matches.found if matches.found > 0 else math.nan


def count_accuracy(matches: Matches) -> float:
    """How right the number found in each source frame is, in [0, 1]: 1 - its relative error, 0 beyond.

    Error: sum of |found - present| over the frames / sum of present. Unknown where nothing was there.
    """
    return max(0.0, 1 - matches.miscounted / matches.present) if matches.present > 0 else math.nan


def count_jumps(matches: Matches) -> float:
    """Part of the changes of the number found that the number there does not explain, relative to it, >= 0.

    Sum of |change of (found - present)| from one source frame to the next / sum of present; unknown where
    nothing was there.
    """
    return matches.jumped / matches.present if matches.present > 0 else math.nan


def mean_confidence(confidences: Confidences) -> float:
    """Mean confidence of the detections, in [0, 1]; unknown where there were none."""
    return confidences.total / confidences.n if confidences.n > 0 else math.nan


def sure_share(confidences: Confidences) -> float:
    """Share of the detections whose confidence is at least SURE, in [0, 1]; unknown where there were none."""
    return confidences.sure / confidences.n if confidences.n > 0 else math.nan


def box_jitter_px(followed: Followed) -> float:
    """Mean movement in px of a box's edges from one result to the next, without that of its object, >= 0."""
    return followed.px / followed.n if followed.n > 0 else math.nan


def box_jitter(followed: Followed) -> float:
    """Likewise, as a share of the object's width."""
    return followed.widths / followed.n if followed.n > 0 else math.nan
