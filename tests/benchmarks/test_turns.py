"""Turns, and what is made of them."""

import io

import pytest
from rich.console import Console

from benchmarks.turns import Turn, alternate, ratio, spread


def turn(per_s: int) -> Turn:
    return Turn(n=per_s, elapsed_s=1.0, cpu_s=1.0)


def test_a_turn_is_a_rate_and_the_processor_time_of_a_piece():
    taken = Turn(n=400, elapsed_s=2.0, cpu_s=1.0)
    assert taken.per_s == 200.0
    assert taken.cpu_ms == 2.5


def test_every_second_round_goes_the_other_way():
    played = []

    def contender(name: str):
        def take() -> Turn:
            played.append(name)
            return turn(len(played))

        return take

    turns = alternate({name: contender(name) for name in "ab"}, 3, "test", Console(file=io.StringIO()))
    assert played == ["a", "b", "b", "a", "a", "b"]
    assert turns == {"a": [turn(1), turn(4), turn(5)], "b": [turn(2), turn(3), turn(6)]}


def test_a_ratio_pairs_the_turns_of_one_round():
    """50 / 100, 90 / 100, 40 / 50."""
    figures = ratio("full_to_bare", [turn(50), turn(90), turn(40)], [turn(100), turn(100), turn(50)])
    assert figures == {"full_to_bare": 0.8, "full_to_bare_lowest": 0.5, "full_to_bare_highest": 0.9}


def test_a_spread_is_the_median_and_the_range():
    assert spread("rate", [3.0, 1.0, 2.0]) == {"rate": 2.0, "rate_lowest": 1.0, "rate_highest": 3.0}


def test_rounds_that_were_not_taken_together_make_no_ratio():
    with pytest.raises(ValueError, match="shorter"):
        ratio("a_to_b", [turn(1), turn(2)], [turn(1)])
