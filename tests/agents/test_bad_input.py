"""What cannot be asked of an agent is one clear error, before it costs anything.

Observations and checkpoints: see test_contract.
"""

import tracemalloc

import pytest

from tests.agents.episodes import make
from tests.agents.roster import LEARNED
from tests.agents.streams import ledger, lidar, video


def test_a_horizon_whose_policies_explode_says_how_many_there_would_be_before_allocating_them():
    """81 moves of four knobs over three steps; their table alone would take 50 MB."""
    make("aif", ledger().spec)  # imports take some
    tracemalloc.start()
    try:
        with pytest.raises(
            ValueError, match=r"at most 20000 policies, got 531441 RELATIVE ones over 3 steps"
        ):
            make("aif", lidar().spec, moves="RELATIVE", horizon=3)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("horizon", (0, 4, 1000))
def test_a_horizon_out_of_range_is_refused(horizon):
    with pytest.raises(
        ValueError, match=rf"horizon must be 1, 2 or 3, got {horizon} \(conf/agent/aif\.yaml\)"
    ):
        make("aif", video().spec, horizon=horizon)


@pytest.mark.parametrize("name", LEARNED)
def test_an_unknown_algorithm_is_named(name):
    with pytest.raises(ValueError, match=r"^[^\n]*SAC[^\n]*$"):
        make(name, video().spec, algorithm="SAC")


def test_an_algorithm_with_the_recipe_of_another_is_refused():
    with pytest.raises(ValueError, match=r"algorithm A2C needs (a )?A2cRecipe, got (a )?PpoRecipe"):
        make("ppo", video().spec, algorithm="A2C")
