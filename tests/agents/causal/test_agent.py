"""The agent's own claims: what it refuses, what it remembers, what it forecasts."""

import logging

import numpy as np
import pytest

from agents.causal.agent import Causal
from envs.spec import ElasticitySpec, Knob
from tests.agents.episodes import make, run
from tests.agents.streams import lidar, video


def causal(spec, **changes):
    agent = make("causal", spec, **changes)
    assert isinstance(agent, Causal)
    return agent


def test_a_spec_too_large_says_how_many_cells_there_would_be():
    levels = tuple(range(30))
    knobs = tuple(Knob(f"k{i}", "", levels, levels, (tuple(1.0 + i for i in levels),)) for i in range(3))
    with pytest.raises(ValueError, match=r"got \d+ from 27000 joint settings"):
        causal(ElasticitySpec(knobs, video().spec.slos))


@pytest.mark.parametrize(
    ("changes", "message"),
    (
        ({"structure": "FOUND"}, "structure must be GIVEN or LEARNED, got 'FOUND'"),
        ({"score": "MDL"}, "score must be AIC or BIC"),
        ({"horizon": 0}, "horizon and batch >= 1, got 0"),
        ({"patience": -1.0}, "surprise_floor >= 0, got -1.0"),
        ({"forgetting": 0.0}, "forgetting in"),
        ({"longest_delay": -1}, "longest_delay >= 0, got -1"),
    ),
)
def test_figures_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        causal(video().spec, **changes)


def test_surprise_comes_with_a_loss_and_not_without():
    stream = video()
    agent = causal(stream.spec)
    episode = run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 40 + [0.2] * 10)
    surprised = [figures["n_surprised"] for figures in episode.figures]
    assert surprised[-1] > surprised[39]
    assert surprised[39] == surprised[20]


def test_a_state_is_logged_when_it_is_first_seen_and_never_again(caplog):
    stream = video()
    with caplog.at_level(logging.INFO, logger="agents.causal.model"):
        run(causal(stream.spec), stream.plant(0.5), stream.spec.highest, [1.0] * 20)
    lines = [record.getMessage() for record in caplog.records]
    assert lines
    assert len({line.split(" (")[0] for line in lines}) == len(lines)


def test_what_an_episode_taught_does_not_outlive_it_but_what_was_loaded_does(tmp_path):
    stream = lidar()
    agent = causal(stream.spec)
    first = run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 20)
    agent.save(tmp_path / "checkpoint")
    assert run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 20).levels == first.levels
    agent.load(tmp_path / "checkpoint")
    second = run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 20)
    assert second.levels != first.levels  # it knows the effects of the levels now
    assert run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 20).levels == second.levels


def test_a_learned_structure_is_part_of_the_checkpoint(tmp_path):
    pytest.importorskip("pgmpy")
    stream = video()
    agent = causal(stream.spec, structure="LEARNED")
    run(agent, stream.plant(0.5), stream.spec.highest, [1.0] * 30 + [0.3] * 12)
    assert agent.explain()["n_relearned"] >= 1
    agent.save(tmp_path / "checkpoint")
    other = causal(stream.spec, structure="LEARNED")
    other.load(tmp_path / "checkpoint")
    assert other.network_figure().edges == agent.network_figure().edges
    settings = np.array([stream.spec.lowest, stream.spec.highest])
    assert np.allclose(other.forecast(settings), agent.forecast(settings))


def test_forecasts_are_of_every_slo_and_change_nothing():
    stream = video()
    agent = causal(stream.spec)
    run(agent, stream.plant(0.4), stream.spec.highest, [1.0] * 20)
    before = agent.explain()
    settings = np.array([stream.spec.lowest, stream.spec.highest])
    low, high = agent.forecast(settings)
    assert low.shape == (5,)
    assert low.min() > 0.95
    assert high.min() < 0.1  # 2.5 times the capacity
    assert agent.explain() == before


@pytest.mark.parametrize("changes", ({"information_gain": False}, {"longest_delay": 0}, {"forgetting": 1.0}))
def test_ablations_are_configurations_and_stay_elastic(changes):
    stream = video()
    episode = run(causal(stream.spec, **changes), stream.plant(0.5), stream.spec.highest, [1.0] * 40)
    assert episode.fulfilment(20) >= 0.9
    assert episode.qoe(20) > 0.4
