"""The published active inference: its decisions from its description, what it learns, and what it forgets."""

import numpy as np
import pytest

from tests.agents.episodes import make

KNOBS = 3  # of the video stream


@pytest.fixture
def agent(agent_for):
    """For the video stream, at the beginning of an episode."""
    made = agent_for("aif_thesis", "video")
    made.reset(0)
    return made


def observation(spec, levels, ratio):
    """All SLOs at this share of their thresholds."""
    readings = {slo.metric: slo.read(ratio * slo.threshold) for slo in spec.slos}
    return spec.encode(levels, readings, {})


def by_hand(spec, levels):
    """The move of the highest expected utility under the prior of A: utilities of C, no learning yet."""
    table = np.array([[0.95, 0.04, 0.01], [0.8, 0.15, 0.05], [0.6, 0.2, 0.2]])
    best, chosen = -np.inf, None
    for target in np.ndindex(*spec.n_levels):
        if max(abs(np.subtract(target, levels))) <= 1:
            positions = np.array(spec.positions(target))
            load = round(float(positions @ [0.2, 0.2, 0.3]), 9)
            row = table[int(np.searchsorted([0.3, 0.6], load, side="right"))]
            value = 3 * positions.sum() + len(spec.slos) * float(row @ [1.0, 0.0, -3.0])
            if value > best:
                best, chosen = value, target
    return chosen


@pytest.mark.parametrize("levels", [(0, 0, 0), (2, 2, 1), (5, 3, 2)])
def test_the_first_decision_is_that_of_the_highest_utility(levels, agent):
    """What a move would tell of the levels is nothing, for they are seen; a state of a bin is told by A."""
    assert tuple(agent.act(observation(agent.spec, levels, 0.5), {})) == by_hand(agent.spec, levels)


def test_levels_that_stay_critical_are_left_once_that_is_learned(agent):
    levels, seen = (5, 3, 2), []
    for _ in range(30):
        levels = tuple(int(i) for i in agent.act(observation(agent.spec, levels, 2.0), {}))
        seen.append(levels)
    assert min(sum(levels) for levels in seen) < 10


def test_what_an_episode_taught_is_forgotten_and_what_was_loaded_is_not(agent, tmp_path):
    spec = agent.spec
    first = agent.act(observation(spec, (5, 3, 2), 2.0), {})
    for _ in range(30):
        agent.act(observation(spec, (5, 3, 2), 2.0), {})
    agent.save(tmp_path / "checkpoint")
    agent.reset(0)
    assert agent.act(observation(spec, (5, 3, 2), 2.0), {}).tolist() == first.tolist()
    other, decided = make("aif_thesis", spec), []
    other.load(tmp_path / "checkpoint")
    for _ in range(2):
        other.reset(0)
        decided.append(other.act(observation(spec, (5, 3, 2), 2.0), {}).tolist())
    assert decided[0] == decided[1]
    assert decided[0] != first.tolist()


@pytest.mark.parametrize("change", [{"gamma": 0.0}, {"learning_rate": -1.0}, {"load_weights": [-0.1, 0.4]}])
def test_figures_out_of_range_are_refused(change, streams):
    with pytest.raises(Exception, match=r"aif_thesis\.yaml"):
        make("aif_thesis", streams["ledger"].spec, **change)
