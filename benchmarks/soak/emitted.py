"""What the collectors' own files say of the frames that came out: in order, once, and after what pauses."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

RECOVERY_WITHIN_S = 10.0  # of a death: the longest pause in there is its doing


@dataclass
class Emitted:
    """What several collectors, one after another, have emitted.

    Attributes:
        n: frames.
        disordered: frames whose id is no higher than that of one before, of the same stream and collector.
        again: frames that two collectors emitted: the first had not reported them when it was killed.
        at_ns: when each came out, ascending, of the producer's clock.
    """

    n: int = 0
    disordered: int = 0
    again: int = 0
    at_ns: list[int] = field(default_factory=list)


def read(paths: Iterable[Path]) -> Emitted:
    """Read files of frames (.jsonl); a last line that a death cut short is left out."""
    emitted, times = Emitted(), Counter[tuple[int, int, int, int]]()
    for path in paths:
        last: dict[tuple[int, int, int], int] = {}
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                continue
            row = json.loads(line)
            stream = row["incarnation"], row["episode"], row["stream"]
            emitted.disordered += row["id"] <= last.get(stream, -1)
            last[stream] = row["id"]
            times[(*stream, row["id"])] += 1
            emitted.at_ns.append(row["emitted_ns"])
    emitted.n = len(emitted.at_ns)
    emitted.again = emitted.n - len(times)
    emitted.at_ns.sort()
    return emitted


def pauses_s(at_ns: Sequence[int], deaths_ns: Sequence[int]) -> list[float]:
    """Return the longest time without a frame that begins within RECOVERY_WITHIN_S of each death.

    Args:
        at_ns: when frames came out, ascending.
        deaths_ns: of the same clock.
    """
    gaps = np.array([(before, after - before) for before, after in pairwise(at_ns)], dtype=np.int64)
    longest = []
    for death_ns in deaths_ns:
        ends_ns, until_ns = gaps[:, 0] + gaps[:, 1], death_ns + RECOVERY_WITHIN_S * 1e9
        own = gaps[(ends_ns > death_ns) & (gaps[:, 0] < until_ns), 1]
        if own.size:
            longest.append(float(own.max()) / 1e9)
    return longest
