"""An agent that knows the future plays the course that it planned."""

import numpy as np
import pytest

from agents.clairvoyant import Clairvoyant, Course
from tests.agents.streams import ledger

SPEC = ledger().spec
SEEN = np.zeros(SPEC.observation_space.shape, np.float32)


class Planner(Clairvoyant):
    """Two steps whose levels follow from the seed."""

    def look(self, world) -> None:
        """Nothing to see."""

    def plan(self, seed: int) -> Course:
        """Rewards 0.25 and 0.75."""
        levels = np.array([[seed % 4, 0], [0, seed % 3]])
        return Course(levels, np.array([0.25, 0.75]), {"tried": 2.0})


def test_it_plays_its_course_and_stays_with_the_last_levels():
    agent = Planner(SPEC)
    agent.reset(2)
    assert [agent.act(SEEN, {}).tolist() for _ in range(3)] == [[2, 0], [0, 2], [0, 2]]


def test_each_episode_has_a_course_of_its_own():
    agent = Planner(SPEC)
    agent.reset(2)
    agent.act(SEEN, {})
    agent.reset(3)
    assert agent.act(SEEN, {}).tolist() == [3, 0]


def test_it_explains_what_it_foresees():
    agent = Planner(SPEC)
    assert agent.explain() == {}
    agent.reset(2)
    agent.act(SEEN, {})
    assert agent.explain() == {"foreseen_reward": 0.25, "foreseen_mean": 0.5, "tried": 2.0}
    agent.act(SEEN, {})
    assert agent.explain()["foreseen_reward"] == 0.75


def test_an_observation_outside_the_space_is_refused():
    agent = Planner(SPEC)
    agent.reset(0)
    with pytest.raises(ValueError, match="finite"):
        agent.act(np.full_like(SEEN, np.nan), {})
