"""How contenders are measured: turn by turn in alternated rounds, since a machine's speed drifts."""

import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import psutil

FIRST_FRAME_S = 60.0  # models are loaded and actors started within it, on a busy machine too
POLL_S = 0.05

now_ns = time.monotonic_ns


class BenchError(Exception):
    """A contender does not work; the message names it."""


class Contender(Protocol):
    """Something that moves frames, paused until its turn comes."""

    name: str

    def resume(self) -> None:
        """Let frames flow."""
        ...

    def pause(self) -> None:
        """Stop the flow; hardly any processor time is used until `resume`."""
        ...

    def progress(self) -> tuple[int, int]:
        """(frames delivered so far, monotonic time in ns at which that was so).

        Raises:
            BenchError: it has failed.
        """
        ...

    def pids(self) -> Collection[int]:
        """Processes whose time, and whose descendants' time, counts as this contender's."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn of a contender.

    Attributes:
        frames: delivered in it, >= 1.
        elapsed_s: how long it took, > 0.
        cpu_s: user and system time of all its processes.
    """

    frames: int
    elapsed_s: float
    cpu_s: float

    @property
    def frames_per_s(self) -> float:
        """Delivered frames per second."""
        return self.frames / self.elapsed_s

    @property
    def cpu_ms_per_frame(self) -> float:
        """Processor time per delivered frame, all processes together."""
        return 1e3 * self.cpu_s / self.frames


def cpu_times_s(roots: Collection[int]) -> dict[int, float]:
    """User plus system time by process id, of the given processes and all their descendants."""
    times = {}
    for root in roots:
        try:
            tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for process in tree:
            try:
                spent = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            times[process.pid] = spent.user + spent.system
    return times


def take_turn(contender: Contender, warm_up_s: float, seconds: float) -> Sample:
    """Let a contender run, and count what it delivers in `seconds` after `warm_up_s` of flow.

    A turn in which nothing was delivered goes on until something is: one frame held up holds up those behind.

    Raises:
        BenchError: it fails, or delivers nothing for long.
    """
    try:
        contender.resume()
        _await_frame_beyond(contender.progress()[0], contender)
        time.sleep(warm_up_s)
        cpu_before_s = cpu_times_s(contender.pids())
        frames_before, began_ns = contender.progress()
        time.sleep(seconds)
        frames_after, ended_ns = _await_frame_beyond(frames_before, contender)
        cpu_after_s = cpu_times_s(contender.pids())
    finally:
        contender.pause()
    cpu_s = sum(spent - cpu_before_s.get(pid, 0.0) for pid, spent in cpu_after_s.items())
    return Sample(frames_after - frames_before, (ended_ns - began_ns) / 1e9, cpu_s)


def _await_frame_beyond(frames_before: int, contender: Contender) -> tuple[int, int]:
    """The contender's progress as soon as it has delivered more than `frames_before`."""
    give_up_s = time.monotonic() + FIRST_FRAME_S
    while (progress := contender.progress())[0] <= frames_before:
        if time.monotonic() > give_up_s:
            raise BenchError(f"{contender.name} delivered no frame within {FIRST_FRAME_S:g} s")
        time.sleep(POLL_S)
    return progress


def take_turns(
    contenders: Sequence[Contender],
    rounds: int,
    warm_up_s: float,
    seconds: float,
    report: Callable[[int, str, Sample], None],
) -> dict[str, list[Sample]]:
    """Each contender once per round, in opposite order every second round.

    Args:
        contenders: entered and paused.
        rounds: how many, >= 1.
        warm_up_s, seconds: of every turn.
        report: called after every turn with round (from 1), contender and sample.

    Returns:
        Samples by contender, one per round.
    """
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for i in range(rounds):
        for contender in contenders if i % 2 == 0 else reversed(contenders):
            sample = take_turn(contender, warm_up_s, seconds)
            samples[contender.name].append(sample)
            report(i + 1, contender.name, sample)
    return samples


def ratios(prefix: str, samples: Mapping[str, Sequence[Sample]], names: Sequence[str]) -> dict[str, float]:
    """Figures of each named contender's rate divided by that of `bare` in the same round.

    Returns:
        The rounds' median under PREFIX.ratio_NAME_to_bare; with _lowest and _highest, their range.
    """
    figures = {}
    for name in names:
        paired = [
            turn.frames_per_s / bare.frames_per_s
            for turn, bare in zip(samples[name], samples["bare"], strict=True)
        ]
        key = f"{prefix}.ratio_{name}_to_bare"
        figures |= {
            key: statistics.median(paired),
            f"{key}_lowest": min(paired),
            f"{key}_highest": max(paired),
        }
    return figures


def medians(prefix: str, samples: Mapping[str, Sequence[Sample]]) -> dict[str, float]:
    """Figures of each contender: median rate and median processor time per frame."""
    figures = {}
    for name, turns in samples.items():
        key = f"{prefix}.{name}"
        figures[f"{key}.frames_per_s"] = statistics.median(turn.frames_per_s for turn in turns)
        figures[f"{key}.cpu_ms_per_frame"] = statistics.median(turn.cpu_ms_per_frame for turn in turns)
    return figures
