"""What a reader is warned of."""

from experiments.report.caveats import caveats_of, listed
from experiments.statistics.episode import Reference
from tests.experiments.statistics.played import REFERENCES, episode, table


def test_nothing_is_said_of_even_evidence():
    played = [episode(agent, "a", seed) for agent in ("x", "y") for seed in range(5)]
    assert caveats_of(table(*played), REFERENCES, {}) == []


def test_cells_without_scores_are_named():
    played = [episode("x", cell, seed) for cell in "abc" for seed in (0, 1)]
    alike, missing, _ = caveats_of(table(*played), REFERENCES, {})
    assert missing == "Not scored, for random or oracle is missing there: c."
    assert alike == "Not scored, for the best known is hardly better than random there: b."
    none, *why, _ = caveats_of(table(*played), {}, {"a": "the world is gone"})
    assert none.startswith("There are no scores")
    assert why == ["Not scored, for the world is gone: a.", missing.replace(": c.", ": b, c.")]


def test_who_lacks_episodes_is_named():
    played = [episode("x", "a", 0), episode("x", "a", 1), episode("x", "b", 0), episode("x", "b", 1)]
    played += [episode("y", "a", 1), episode("z", "a", 0), episode("z", "a", 1), episode("z", "b", 1)]
    text, _ = caveats_of(table(*played), dict.fromkeys("ab", Reference(0.0, {0: 1.0})), {})
    assert text.endswith("y lacks 3 of 4 (in a, b), z lacks 1 of 4 (in b).")


def test_one_seed_tells_nothing_of_chance_and_few_tell_little():
    (text,) = caveats_of(table(episode("x", "a")), REFERENCES, {})
    assert text.endswith("one seed only in every cell.")
    alike = dict.fromkeys("ab", Reference(0.0, {0: 1.0}))
    played = [episode("x", "a", seed) for seed in (0, 1)] + [episode("x", "b", seed) for seed in range(5)]
    (text,) = caveats_of(table(*played), alike, {})
    assert text.endswith("fewer than 5 seeds or worlds in a.")


def test_runs_of_which_much_is_not_known_are_named_the_worst_first():
    known = [[step < n for step in range(20)] for n in (1, 18, 20)]
    played = [episode("x", "a", seed, **{"known.lag": own}) for seed, own in enumerate(known)]
    text, *_ = caveats_of(table(*played), REFERENCES, {})
    assert text.startswith("Not all steps could be measured, and fulfilment is of the others: 2 of 3 runs")
    assert text.endswith("lack more than 1 %: x in a under 0 (95.0 %), x in a under 1 (10.0 %).")


def test_long_lists_are_cut():
    assert listed(list("abcdef")) == "a, b, c, d, e, f"
    assert listed(list("abcdefgh")) == "a, b, c, d, e and 3 others"
