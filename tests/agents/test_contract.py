"""What holds for every agent, on every stream."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import agents
from tests.agents.episodes import make, run
from tests.agents.streams import STREAMS

NAMES = ("static", "random", "rule", "aif")
WORLD = [1.0] * 6 + [0.2] * 6  # shares of the capacity, one per step

every_agent = pytest.mark.parametrize("name", NAMES)
every_stream = pytest.mark.parametrize("stream", STREAMS)


@every_agent
@every_stream
def test_actions_are_integers_of_the_action_space(name, stream, streams, agent_for):
    plant = streams[stream].plant(0.5)
    agent = agent_for(name, stream)
    agent.reset(0)
    observation = plant.reset(plant.spec.highest)
    for _ in range(3):
        levels = agent.act(observation, {})
        assert levels.dtype == np.int64
        assert levels in plant.spec.action_space
        observation, _ = plant.step(levels)


@every_agent
def test_equal_seeds_lead_to_equal_episodes(name, streams, agent_for):
    first, second = (
        run(agent_for(name, "video"), streams["video"].plant(0.5), (5, 3, 2), WORLD, seed=3) for _ in range(2)
    )
    assert first == second


@every_agent
def test_a_loaded_agent_goes_on_as_the_saved_one_would_have(name, streams, agent_for, tmp_path):
    agent, plant = agent_for(name, "ledger"), streams["ledger"].plant(0.5)
    run(agent, plant, (3, 2), WORLD, seed=5)
    agent.save(tmp_path / "checkpoint")
    observation = plant.spec.encode((1, 1), {"backlog_s": plant.spec.slos[0].read(0.7)}, {})
    expected = [agent.act(observation, {}).tolist() for _ in range(4)]
    agent.reset(9)
    agent.load(tmp_path / "checkpoint")
    assert [agent.act(observation, {}).tolist() for _ in range(4)] == expected


@every_agent
def test_a_checkpoint_of_another_spec_is_refused(name, agent_for, tmp_path):
    agent_for(name, "ledger").save(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=r"expected spec \w{12}, got \w{12}"):
        agent_for(name, "lidar").load(tmp_path / "checkpoint")


def test_a_checkpoint_of_another_agent_is_refused(agent_for, tmp_path):
    agent_for("rule", "ledger").save(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="expected agent ActiveInference, got Rule"):
        agent_for("aif", "ledger").load(tmp_path / "checkpoint")


@every_agent
def test_an_observation_that_is_not_finite_is_refused(name, streams, agent_for):
    observation = streams["ledger"].plant(1.0).reset((0, 0))
    observation[2] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        agent_for(name, "ledger").act(observation, {})


@every_agent
@every_stream
def test_explanations_are_finite_and_of_the_same_names_throughout(name, stream, streams, agent_for):
    agent, plant = agent_for(name, stream), streams[stream].plant(0.5)
    agent.reset(0)
    before = agent.explain()
    figures = run(agent, plant, plant.spec.highest, WORLD).figures
    assert all(figure.keys() == before.keys() for figure in figures)
    values = [value for figure in (before, *figures) for value in figure.values()]
    assert all(type(value) is float and math.isfinite(value) for value in values)


@pytest.mark.parametrize("name", ("rule", "aif"))
def test_names_and_units_make_no_difference(name, streams, agent_for):
    stream = streams["video"]
    knobs = tuple(
        replace(knob, name=f"k{i}", unit="?", levels=tuple("abcdef"[: knob.n_levels]))
        for i, knob in enumerate(stream.spec.knobs)
    )
    slos = tuple(replace(slo, metric=f"m{i}") for i, slo in enumerate(stream.spec.slos))
    meaning = {
        new.metric: stream.meaning[old.metric] for new, old in zip(slos, stream.spec.slos, strict=True)
    }
    other = replace(stream, spec=replace(stream.spec, knobs=knobs, slos=slos), meaning=meaning)
    ours = run(agent_for(name, "video"), stream.plant(0.5), (5, 3, 2), WORLD)
    theirs = run(make(name, other.spec), other.plant(0.5), (5, 3, 2), WORLD)
    assert ours.levels == theirs.levels


def test_no_agent_names_a_knob_of_the_video_stream():
    knobs = re.compile(r"\b(fps|resolution|quality|grade|height)\b", re.IGNORECASE)
    sources = list(Path(agents.__path__[0]).rglob("*.py"))
    assert len(sources) > 5
    assert [path.name for path in sources if knobs.search(path.read_text())] == []
