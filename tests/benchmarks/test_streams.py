"""A turn of something that moves frames."""

import pytest

from benchmarks.pipeline import streams
from benchmarks.pipeline.streams import take_turn
from benchmarks.turns import BenchmarkError, Turn


class Steady:
    """Delivers some more frames whenever it is asked, once per made-up second."""

    def __init__(self, name: str, frames_per_look: int) -> None:
        self.name = name
        self.calls: list[str] = []
        self._frames_per_look = frames_per_look
        self._looks = 0

    def resume(self) -> None:
        self.calls.append("resume")

    def pause(self) -> None:
        self.calls.append("pause")

    def progress(self) -> tuple[int, int]:
        self._looks += 1
        return self._looks * self._frames_per_look, self._looks * 1_000_000_000

    def pids(self) -> list[int]:
        return []


def test_a_turn_counts_what_comes_after_its_warm_up():
    steady = Steady("steady", frames_per_look=10)
    assert take_turn(steady, warm_up_s=0, seconds=0) == Turn(n=10, elapsed_s=1.0, cpu_s=0)
    assert steady.calls == ["resume", "pause"]


def test_a_contender_that_delivers_nothing_is_named_and_paused(monkeypatch):
    monkeypatch.setattr(streams, "FIRST_FRAME_S", 0.0)
    stuck = Steady("stuck", frames_per_look=0)
    with pytest.raises(BenchmarkError, match="stuck delivered no frame"):
        take_turn(stuck, warm_up_s=0, seconds=0)
    assert stuck.calls == ["resume", "pause"]
