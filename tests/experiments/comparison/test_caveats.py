"""What a reader is warned of."""

from experiments.comparison.caveats import caveats_of, listed
from experiments.comparison.scores import Yardstick
from tests.experiments.comparison.played import YARDSTICKS, episode


def test_nothing_is_said_of_even_evidence():
    played = [episode(agent, "a", seed) for agent in ("x", "y") for seed in (0, 1)]
    assert caveats_of(played, YARDSTICKS) == []


def test_cells_without_scores_are_named():
    played = [episode("x", cell, seed) for cell in "abc" for seed in (0, 1)]
    missing, alike = caveats_of(played, YARDSTICKS)
    assert missing == "Not scored, for random or oracle is missing there: c."
    assert alike == "Not scored, for the best known is hardly better than random there: b."
    (none,) = caveats_of(played, {})
    assert none.startswith("There are no scores")


def test_who_lacks_episodes_is_named():
    played = [episode("x", "a", 0), episode("x", "a", 1), episode("y", "a", 1)]
    (text,) = caveats_of(played, {"a": Yardstick(0.0, {0: 1.0})})
    assert text.endswith("y lacks 1 of 2.")


def test_one_seed_tells_nothing_of_luck():
    (text,) = caveats_of([episode("x", "a")], YARDSTICKS)
    assert text.endswith("one seed only in every cell.")


def test_long_lists_are_cut():
    assert listed(list("abcdef")) == "a, b, c, d, e, f"
    assert listed(list("abcdefgh")) == "a, b, c, d, e and 3 others"
