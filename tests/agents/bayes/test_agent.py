"""The Bayesian agent updates once per interval, foresees with calibrated doubt, and keeps silent."""

import logging
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from agents.base import Forecaster, Transition
from tests.agents.episodes import make, run


def forecaster(spec) -> Forecaster:
    """The agent as conf/ has it."""
    agent = make("bayes", spec)
    assert isinstance(agent, Forecaster)
    return agent


def test_bad_figures_are_refused(streams):
    spec = streams["ledger"].spec
    for changes, words in (
        ({"horizon": [0]}, "horizon must be"),
        ({"samples": 2}, "samples >= 8"),
        ({"jump": 0.7}, "jump in"),
        ({"cost_doubt": 0.0}, "drift and cost_doubt > 0"),
    ):
        with pytest.raises(ValueError, match=words):
            make("bayes", spec, **changes)


def test_learning_beforehand_leads_to_the_same_decision_as_learning_while_deciding(streams):
    stream = streams["video"]
    plant = stream.plant(0.5)
    first, second = make("bayes", stream.spec), make("bayes", stream.spec)
    observation = plant.reset(stream.spec.highest)
    for _ in range(4):
        levels = first.act(observation, {})
        assert np.array_equal(levels, second.act(observation, {}))
        seen, (observation, outcome) = observation, plant.step(levels)
        first.learn(Transition(seen, levels, outcome.reward, observation, False))


def test_nothing_is_compiled_in_an_episode(streams, caplog):
    stream = streams["video"]
    agent = forecaster(stream.spec)
    agent.warm_up()
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 5 + [0.2] * 5)
    assert not [record for record in caplog.records if "ompiling" in record.getMessage()]
    assert [*Path(jax.config.values["jax_compilation_cache_dir"]).iterdir()], "for the next process"


def test_forecasts_are_probabilities_that_fall_with_cost(streams):
    stream = streams["video"]
    agent = forecaster(stream.spec)
    run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 30)
    p = agent.forecast(np.array([stream.spec.lowest, stream.spec.highest]))
    load = [slo.metric for slo in stream.spec.slos].index("load")
    assert p.shape == (2, len(stream.spec.slos))
    assert np.all((p >= 0) & (p <= 1))
    assert p[0, load] > 0.9
    assert p[1, load] < 0.1


def test_importing_it_prints_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "import agents.bayes.agent"], capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
