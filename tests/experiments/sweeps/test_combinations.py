"""Which runs a sweep has."""

import pytest

from experiments.program.errors import ConfigError
from experiments.sweeps.sweep import by_point, combinations


def overrides(*arguments: str) -> list[list[str]]:
    return [run.overrides for run in combinations(arguments, None)]


def test_every_combination_is_a_run_and_the_last_varies_fastest():
    assert overrides("agent=aif,rule", "env.steps=5", "seed=range(2)") == [
        ["agent=aif", "env.steps=5", "seed=0"],
        ["agent=aif", "env.steps=5", "seed=1"],
        ["agent=rule", "env.steps=5", "seed=0"],
        ["agent=rule", "env.steps=5", "seed=1"],
    ]


def test_numbers_are_as_they_were_meant():
    found = overrides("agent.target=range(0.1,0.4,0.1)")
    assert ["agent.target=0.3"] in found
    assert not any("0000" in text for (text,) in found)


def test_runs_that_differ_only_in_their_seed_belong_together():
    runs = combinations(["seed=3,1", "agent=aif,rule"], None)
    points = by_point(runs)
    assert {point: [run.seed for run in own] for point, own in points.items()} == {
        ("agent=aif",): [3, 1],
        ("agent=rule",): [3, 1],
    }


def test_without_a_seed_it_is_the_configurations_own():
    (run,) = combinations(["agent=aif"], None)
    assert run.seed is None
    assert run.title == "agent=aif"


@pytest.mark.parametrize("seed", ["-1", "x", "0.5"])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ConfigError, match="seed: expected whole numbers"):
        combinations([f"seed={seed}"], None)
