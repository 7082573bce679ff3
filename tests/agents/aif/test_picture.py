"""What is drawn is what was decided on."""

import numpy as np
import pytest

from tests.agents.episodes import run

STEADY = [1.0] * 8


@pytest.fixture(scope="module")
def decided(streams, agent_for):
    """An agent after some steps of a world, and what it set last."""
    agent = agent_for("aif", "ledger")
    episode = run(agent, streams["ledger"].plant(0.5), (3, 2), STEADY)
    return agent, episode.levels[-1]


def test_the_least_expected_free_energy_drawn_is_that_of_the_setting_chosen(decided):
    agent, levels = decided
    picture, figures = agent.picture(), agent.explain()
    chosen = int(picture.probabilities.argmax())
    assert tuple(picture.settings[chosen].tolist()) == levels
    for name in ("expected_free_energy", "pragmatic", "epistemic", "waits"):
        assert getattr(picture, name)[chosen] == pytest.approx(figures[name], rel=1e-4, abs=1e-5)


def test_the_belief_drawn_has_the_moments_that_the_trace_has(decided):
    agent, _ = decided
    picture, figures = agent.picture(), agent.explain()
    (belief,), (capacities,) = picture.belief, picture.capacities  # of the only stage
    assert belief.sum() == pytest.approx(1.0, abs=1e-5)
    grid = np.log(capacities)
    entropy = -(belief * np.log(np.maximum(belief, 1e-16))).sum() + np.log(grid[1] - grid[0])  # per bin
    assert entropy == pytest.approx(figures["belief_entropy"], abs=0.05)
    ln_capacity = belief @ np.log(capacities)
    assert np.exp(ln_capacity) == pytest.approx(figures["expected_capacity"], rel=1e-2)


def test_every_joint_setting_is_drawn_once_where_moves_are_absolute(decided):
    picture = decided[0].picture()
    assert sorted(map(tuple, picture.settings.tolist())) == [(i, j) for i in range(4) for j in range(3)]


def test_to_look_changes_no_decision(streams, agent_for):
    agent = agent_for("aif", "ledger")
    unseen = run(agent, streams["ledger"].plant(0.5), (3, 2), STEADY).levels
    plant, seen = streams["ledger"].plant(0.5), []
    agent.reset(0)
    observation = plant.reset((3, 2))
    for _ in STEADY:
        levels = agent.act(observation, {})
        agent.picture()
        seen.append(tuple(levels.tolist()))
        observation, _ = plant.step(levels)
    assert seen == unseen
