"""MPC learns wrong costs away, foresees what it cannot know, and forgets nothing that was loaded."""

import numpy as np
import pytest

from agents.base import Forecaster
from tests.agents.episodes import make, run


def forecaster(spec) -> Forecaster:
    """The agent as conf/ has it."""
    agent = make("mpc", spec)
    assert isinstance(agent, Forecaster)
    return agent


def test_bad_figures_are_refused(streams):
    spec = streams["ledger"].spec
    for changes, words in (
        ({"horizon": []}, "horizon must be"),
        ({"horizon": [3, 1]}, "ascending"),
        ({"patience": 0}, "patience >= 1"),
        ({"drift": 0.0}, "drift and cost_doubt > 0"),
    ):
        with pytest.raises(ValueError, match=words):
            make("mpc", spec, **changes)


def test_forecasts_are_probabilities_that_fall_with_cost(streams):
    stream = streams["video"]
    agent = forecaster(stream.spec)
    run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 30)
    p = agent.forecast(np.array([stream.spec.lowest, stream.spec.highest]))
    load = [slo.metric for slo in stream.spec.slos].index("load")
    assert p.shape == (2, len(stream.spec.slos))
    assert np.all((p >= 0) & (p <= 1))
    assert p[0, load] > 0.95
    assert p[1, load] < 0.3  # what the dearest setting costs has not been tried


def test_forecasts_change_nothing(streams):
    stream = streams["video"]
    agent = forecaster(stream.spec)
    observation = stream.plant(0.5).reset(stream.spec.highest)
    agent.act(observation, {})
    settings = np.array([stream.spec.highest, stream.spec.lowest])
    assert np.array_equal(agent.forecast(settings), agent.forecast(settings))


def test_an_episode_teaches_the_next_nothing_but_a_loaded_one_does(streams, tmp_path):
    stream = streams["video"]
    agent = forecaster(stream.spec)
    settings = np.array([stream.spec.highest])
    untaught = agent.forecast(settings)
    run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 20)
    agent.save(tmp_path / "checkpoint")
    agent.reset(0)
    assert np.array_equal(agent.forecast(settings), untaught)
    agent.load(tmp_path / "checkpoint")
    agent.reset(0)
    assert not np.array_equal(agent.forecast(settings), untaught)
