"""What cannot be asked of an agent is one clear error, before it costs anything.

Observations and checkpoints: see test_contract.
"""

import pytest

from tests.agents.episodes import make
from tests.agents.roster import LEARNED
from tests.agents.streams import video


@pytest.mark.parametrize("name", LEARNED)
def test_an_unknown_algorithm_is_named(name):
    with pytest.raises(ValueError, match=r"^[^\n]*SAC[^\n]*$"):
        make(name, video().spec, algorithm="SAC")


def test_an_algorithm_with_the_recipe_of_another_is_refused():
    with pytest.raises(ValueError, match=r"algorithm A2C needs (a )?A2cRecipe, got (a )?PpoRecipe"):
        make("ppo", video().spec, algorithm="A2C")
