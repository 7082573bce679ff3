"""How steadily objects are shown that the truth follows: what boxes tremble, how long it takes to be found.

Truth says which object is which and where it went, so that nothing need be tracked, and no motion guessed.
"""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.findings import Followed
from pipeline.scoring.emulated import is_due
from pipeline.scoring.matching import Detections, Objects, match
from pipeline.scoring.truth import Look

RECENT_OBJECTS = 30  # over which the times until they were found are averaged

Offsets = dict[int, NDArray[np.float64]]  # by object: of its box's edges from where they really are, px


class Follower:
    """The account of one episode, of all streams.

    Args:
        look: what is in a picture, asked in any order.
        fps: of the source, frames/s.
        began_ns: when its first picture was due, on the producer's clock.
    """

    def __init__(self, look: Look, fps: float, began_ns: int) -> None:
        self._look, self._fps, self._began_ns = look, fps, began_ns
        self._offsets: dict[int, Offsets] = {}  # by stream, of its last result
        self._n, self._px, self._widths = 0, 0.0, 0.0  # of boxes that were held against the one before
        self._since: dict[int, dict[int, int | None]] = {}  # by stream and object; None = need not be found
        self._delays_ms = deque[float](maxlen=RECENT_OBJECTS)

    @property
    def followed(self) -> Followed:
        """What has been seen so far."""
        delays_ms = np.array(self._delays_ms)
        mean_ms, spread_ms = (delays_ms.mean(), delays_ms.std()) if len(delays_ms) > 1 else (math.nan,) * 2
        return Followed(self._n, self._px, self._widths, float(mean_ms), float(spread_ms))

    def emitted(self, stream: int, index: int, found: Detections, emitted_ns: int) -> None:
        """A result of the source's picture of this index was emitted, the next of its stream."""
        truth = self._look(index) if is_due(index, emitted_ns - self._began_ns, self._fps) else None
        offsets: Offsets = {}
        before = self._offsets.get(stream, {})
        matched = () if truth is None else match(found, truth).tolist()
        for box, of in zip(found.boxes, matched, strict=False):
            if truth is None or of < 0:
                continue
            really = truth.boxes[of]
            offsets[truth.ids[of]] = box - really
            if truth.ids[of] in before:
                px = float(np.abs(box - really - before[truth.ids[of]]).mean())
                self._n, self._px = self._n + 1, self._px + px
                self._widths += px / float(really[2] - really[0])
        self._offsets[stream] = offsets

    def due(self, stream: int, due_ns: int, matched: Sequence[int], truth: Objects) -> None:
        """A source frame was due, in which these objects were shown, as `match` has it.

        Those of a stream's first frame have appeared before anybody saw it, and are not waited for.
        """
        before, shown = self._since.get(stream), {truth.ids[of] for of in matched if of >= 0}
        known, since = before or {}, dict[int, int | None]()
        for each, is_ignored in zip(truth.ids, truth.ignored, strict=True):
            if is_ignored and each not in known:
                continue  # it appears when it first counts
            began_ns = known.get(each, None if before is None else due_ns)
            if began_ns is not None and each in shown:
                self._delays_ms.append((due_ns - began_ns) * 1e-6)
                began_ns = None
            since[each] = began_ns
        self._since[stream] = since
