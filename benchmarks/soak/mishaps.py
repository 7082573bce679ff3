"""What goes wrong, and when: drawn before anything begins, so that a seed can be told again."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

EVERY_S = 12.0  # on average, from one to the next
CALM_S = 20.0  # at the end: what is under way can arrive
LONGEST_HANG_S = 6.0  # silent for 2 s a worker is given up, for 3 s a collector
WATCHED = 0  # slot of the worker that is never killed: its memory is looked at


class Fault(StrEnum):
    """What can go wrong."""

    KILL_WORKER = "kill_worker"
    KILL_INFERENCE = "kill_inference"
    HANG_WORKER = "hang_worker"
    KILL_COLLECTOR = "kill_collector"
    HANG_COLLECTOR = "hang_collector"
    STRANGER = "stranger"  # somebody who has keys, but none that is listed
    GARBAGE = "garbage"  # bytes that are no ZeroMQ
    KNOBS = "knobs"  # no fault: somebody steers


@dataclass(frozen=True, slots=True)
class Mishap:
    """One of them.

    Attributes:
        at_s: since the beginning.
        fault: what it is.
        slot: of the worker that it is for.
        hang_s: how long who hangs does.
        levels, streams: that are set, where somebody steers.
    """

    at_s: float
    fault: Fault
    slot: int
    hang_s: float
    levels: tuple[int, int, int]
    streams: int


def drawn(rng: np.random.Generator, seconds: float, n_workers: int, n_levels: Sequence[int]) -> list[Mishap]:
    """Draw what goes wrong within `seconds`, in order of time.

    A collector is killed in the first third alone: the last one's memory can then be watched.

    Args:
        rng: of the seed.
        seconds: how long it all takes, > 0.
        n_workers: >= 2; one of them is never killed.
        n_levels: of each knob.
    """
    mishaps, at_s = [], rng.exponential(EVERY_S)
    while at_s < seconds - CALM_S:
        late = {Fault.KILL_COLLECTOR} if at_s > seconds / 3 else set()
        fault = Fault(str(rng.choice([fault for fault in Fault if fault not in late])))
        is_deadly = fault in (Fault.KILL_WORKER, Fault.KILL_INFERENCE)
        fps, size, grade = (int(rng.integers(n)) for n in n_levels)
        slot = int(rng.integers(WATCHED + 1 if is_deadly else 0, n_workers))
        hang_s = float(rng.uniform(0.5, LONGEST_HANG_S))
        mishaps.append(Mishap(float(at_s), fault, slot, hang_s, (fps, size, grade), int(rng.integers(1, 3))))
        at_s += rng.exponential(EVERY_S)
    return mishaps
