"""Turns, and what is made of them."""

import pytest

from experiments.bench import measure
from experiments.bench.measure import BenchError, Sample, medians, ratios, take_turn, take_turns


class Steady:
    """Delivers ten more frames whenever it is asked, once per made-up second."""

    def __init__(self, name: str = "steady", frames_per_look: int = 10) -> None:
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


def sample(frames_per_s: int, cpu_s: float = 1.0) -> Sample:
    return Sample(frames=frames_per_s, elapsed_s=1.0, cpu_s=cpu_s)


def test_a_sample_is_frames_per_second_and_processor_time_per_frame():
    turn = Sample(frames=400, elapsed_s=2.0, cpu_s=1.0)
    assert turn.frames_per_s == 200.0
    assert turn.cpu_ms_per_frame == 2.5


def test_a_turn_counts_what_comes_after_its_warm_up():
    steady = Steady()
    turn = take_turn(steady, warm_up_s=0, seconds=0)
    assert turn == Sample(frames=10, elapsed_s=1.0, cpu_s=0)
    assert steady.calls == ["resume", "pause"]


def test_a_contender_that_delivers_nothing_is_named_and_paused(monkeypatch):
    monkeypatch.setattr(measure, "FIRST_FRAME_S", 0.0)
    stuck = Steady("stuck", frames_per_look=0)
    with pytest.raises(BenchError, match="stuck delivered no frame"):
        take_turn(stuck, warm_up_s=0, seconds=0)
    assert stuck.calls == ["resume", "pause"]


def test_every_second_round_goes_the_other_way():
    turns = []
    samples = take_turns(
        [Steady("a"), Steady("b")], 3, 0, 0, report=lambda i, name, _: turns.append((i, name))
    )
    assert turns == [(1, "a"), (1, "b"), (2, "b"), (2, "a"), (3, "a"), (3, "b")]
    assert {name: len(taken) for name, taken in samples.items()} == {"a": 3, "b": 3}


def test_ratios_pair_the_turns_of_one_round():
    samples = {"full": [sample(50), sample(90), sample(40)], "bare": [sample(100), sample(100), sample(50)]}
    assert ratios("emulated", samples, ["full"]) == {
        "emulated.ratio_full_to_bare": 0.8,
        "emulated.ratio_full_to_bare_lowest": 0.5,
        "emulated.ratio_full_to_bare_highest": 0.9,
    }


def test_medians_are_over_the_rounds():
    samples = {"full": [sample(100, cpu_s=0.3), sample(300, cpu_s=0.3), sample(200, cpu_s=0.3)]}
    figures = medians("emulated", samples)
    assert figures["emulated.full.frames_per_s"] == 200.0
    assert figures["emulated.full.cpu_ms_per_frame"] == pytest.approx(1.5)
