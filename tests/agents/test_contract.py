"""What holds for every agent, in every world.

Of an agent of your own: python -m pytest tests/agents/test_contract.py --agent=my_conf/agent/mine.yaml
"""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import agents
from agents.base import Agent
from envs.spec import ElasticitySpec
from tests.agents.episodes import make
from tests.agents.roster import EVERY, LEARNED
from tests.agents.streams import STREAMS
from tests.agents.worlds import PlantEnv, Silent, Uninformed, extremes, play

WORLDS = (*STREAMS, "replay")

every_world = pytest.mark.parametrize("world", WORLDS)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever asks for a name holds for every agent, or for the one of `--agent`."""
    if "name" in metafunc.fixturenames:
        path = metafunc.config.getoption("agent")
        metafunc.parametrize("name", [str(path.resolve())] if path else EVERY)


def are_sound(figures: Mapping[str, float]) -> bool:
    """Whether an explanation's values are plain finite numbers."""
    return all(type(value) is float and math.isfinite(value) for value in figures.values())


def decisions(agent: Agent, spec: ElasticitySpec, n: int = 4) -> list[list[int]]:
    """What it sets if it sees the same observation n times: half of each threshold is used."""
    readings = {slo.metric: replace(slo, threshold=1.0).read(0.5) for slo in spec.slos}
    observation = spec.encode(spec.lowest, readings, {})
    return [agent.act(observation, {}).tolist() for _ in range(n)]


# --- decisions and explanations ---


@every_world
def test_actions_are_integers_of_the_action_space(name, world, agent_for, env_of):
    agent, env = agent_for(name, world), env_of(world)
    agent.reset(0)
    observation, info = env.reset(seed=0)
    for _ in range(12):
        levels = agent.act(observation, info)
        assert levels.dtype == np.int64
        assert levels in agent.spec.action_space
        observation, _, _, _, info = env.step(levels)


@every_world
def test_explanations_are_finite_and_of_the_same_names_throughout(name, world, agent_for, env_of):
    agent = agent_for(name, world)
    agent.reset(0)
    before = agent.explain()
    figures = play(agent, env_of(world)).figures
    assert all(figure.keys() == before.keys() for figure in figures)
    assert all(are_sound(figure) for figure in (before, *figures))


@every_world
def test_an_episode_of_which_nothing_is_known_is_lived_through(name, world, agent_for, spec_of):
    played = play(agent_for(name, world), Silent(spec_of(world)))
    assert all(are_sound(figure) for figure in played.figures)


@every_world
def test_what_was_never_seen_has_an_answer(name, world, agent_for, spec_of):
    """All ratios 0, at their thresholds or capped, at either end of the ladders, each after the other."""
    agent = agent_for(name, world)
    agent.reset(0)
    for observation in extremes(spec_of(world)):
        assert agent.act(observation, {}) in agent.spec.action_space
        assert are_sound(agent.explain())


def test_no_decision_needs_what_info_says(name, agent_for, env_of):
    told, untold = (
        play(agent_for(name, "replay"), env) for env in (env_of("replay"), Uninformed(env_of("replay")))
    )
    assert told == untold


# --- episodes ---


@every_world
def test_equal_seeds_lead_to_equal_episodes_whatever_came_between(name, world, agent_for, env_of, spec_of):
    """A comparison pairs episodes: none may know of the one before."""
    agent = agent_for(name, world)
    first = play(agent, env_of(world), seed=3)
    play(agent, env_of(world), seed=4)
    play(agent, Silent(spec_of(world)))
    assert play(agent, env_of(world), seed=3) == first


@every_world
def test_an_agent_just_made_and_one_that_has_run_decide_alike(name, world, agent_for, env_of, spec_of):
    used = agent_for(name, world)
    play(used, env_of(world), seed=1)
    assert play(make(name, spec_of(world)), env_of(world), seed=2) == play(used, env_of(world), seed=2)


def test_figures_may_be_asked_for_twice_and_a_warm_up_decides_nothing(name, agent_for, spec_of):
    agent, spec = agent_for(name, "ledger"), spec_of("ledger")
    agent.reset(0)
    expected = decisions(agent, spec)
    agent.reset(0)
    agent.warm_up()
    assert agent.explain() == agent.explain()
    assert decisions(agent, spec) == expected


# --- checkpoints ---


def skip_without_checkpoint(name: str, agent: Agent) -> None:
    """Leave alone who is somebody else's and keeps nothing in a checkpoint: that is optional."""
    if name not in EVERY and type(agent)._checkpoint is Agent._checkpoint:
        pytest.skip("it keeps no checkpoint, as it has no _checkpoint and _restore")


@every_world
def test_a_loaded_agent_goes_on_as_the_saved_one_would_have(
    name, world, agent_for, env_of, spec_of, tmp_path
):
    agent, loaded = agent_for(name, world), make(name, spec_of(world))
    skip_without_checkpoint(name, agent)
    play(agent, env_of(world), seed=5)
    agent.save(tmp_path / "checkpoint")
    if name in LEARNED:  # its checkpoint is what training left, without what it saw last
        agent.reset(5)
    expected = decisions(agent, spec_of(world))
    loaded.load(tmp_path / "checkpoint")
    assert decisions(loaded, spec_of(world)) == expected


def test_what_was_loaded_is_there_in_every_episode(name, agent_for, env_of, spec_of, tmp_path):
    agent, loaded = agent_for(name, "video"), make(name, spec_of("video"))
    skip_without_checkpoint(name, agent)
    play(agent, env_of("video"), seed=5)
    agent.save(tmp_path / "checkpoint")
    loaded.load(tmp_path / "checkpoint")
    first = play(loaded, env_of("video"), seed=6)
    play(loaded, Silent(spec_of("video")))
    assert play(loaded, env_of("video"), seed=6) == first


def test_a_checkpoint_of_another_spec_is_refused(name, agent_for, tmp_path):
    agent_for(name, "ledger").save(tmp_path / "checkpoint")
    if name in LEARNED:  # but for what was learned of streams of all kinds
        agent_for(name, "lidar").load(tmp_path / "checkpoint")
        return
    with pytest.raises(ValueError, match=r"checkpoint .*: expected spec \w{12}, got \w{12}$"):
        agent_for(name, "lidar").load(tmp_path / "checkpoint")


def test_a_checkpoint_of_another_agent_is_refused(name, agent_for, tmp_path):
    other = "static" if name != "static" else "random"
    agent_for(other, "ledger").save(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=r"checkpoint .*: expected agent \w+, got (Static|Random)$"):
        agent_for(name, "ledger").load(tmp_path / "checkpoint")


# --- observations that are none ---


@pytest.mark.parametrize(
    ("index", "value", "complaint"),
    [
        (2, np.nan, r"observation\[2\] must be finite and in \[0, 10\], got nan"),
        (0, np.inf, r"observation\[0\] must be finite and in \[0, 1\], got inf"),
        (0, -0.5, r"observation\[0\] must be finite and in \[0, 1\], got -0\.5"),
        (2, 10.5, r"observation\[2\] must be finite and in \[0, 10\], got 10\.5"),
        (3, 2.0, r"observation\[3\] must be finite and in \[0, 1\], got 2\.0"),
    ],
)
def test_an_entry_that_is_not_finite_or_out_of_range_is_refused(
    name, index, value, complaint, agent_for, spec_of
):
    agent, spec = agent_for(name, "ledger"), spec_of("ledger")
    agent.reset(0)
    observation = spec.encode(spec.lowest, {}, {})
    observation[index] = value
    with pytest.raises(ValueError, match=rf"^{complaint}$"):
        agent.act(observation, {})


def test_an_observation_of_another_spec_is_refused_by_its_shape(name, agent_for, spec_of):
    lidar = spec_of("lidar")
    with pytest.raises(ValueError, match=r"^observation must have shape \(6,\), got \(16,\)$"):
        agent_for(name, "ledger").act(lidar.encode(lidar.lowest, {}, {}), {})


def test_a_refused_observation_leaves_no_trace(name, agent_for, spec_of):
    agent, spec = agent_for(name, "ledger"), spec_of("ledger")
    agent.reset(0)
    expected = decisions(agent, spec)
    agent.reset(0)
    with pytest.raises(ValueError):
        agent.act(np.full(6, np.nan, dtype=np.float32), {})
    assert decisions(agent, spec) == expected


# --- what an agent must not look at ---


def renamed(spec: ElasticitySpec) -> ElasticitySpec:
    """Knobs, levels, units and metrics of other names."""
    knobs = tuple(
        replace(knob, name=f"k{i}", unit="?", levels=tuple("abcdefgh"[: knob.n_levels]))
        for i, knob in enumerate(spec.knobs)
    )
    slos = tuple(replace(slo, metric=f"m{i}") for i, slo in enumerate(spec.slos))
    metrics = tuple(replace(metric, name=f"o{i}", unit="?") for i, metric in enumerate(spec.metrics))
    return replace(spec, knobs=knobs, slos=slos, metrics=metrics)


def in_thousandths(spec: ElasticitySpec) -> ElasticitySpec:
    """Every SLO's metric in units a thousand times smaller: its ratio to the threshold is the same."""
    return replace(spec, slos=tuple(replace(slo, threshold=1000 * slo.threshold) for slo in spec.slos))


@every_world
@pytest.mark.parametrize("other", (renamed, in_thousandths))
def test_names_and_units_make_no_difference(name, world, other, agent_for, env_of, spec_of):
    stranger = make(name, other(spec_of(world)))
    ours, theirs = (play(agent, env_of(world)) for agent in (agent_for(name, world), stranger))
    assert theirs.actions == ours.actions


def test_a_world_in_thousandths_shows_the_same_ratios():
    """What the test above takes for granted of the worlds it runs in."""
    for stream in (build() for build in STREAMS.values()):
        for slo, other in zip(stream.spec.slos, in_thousandths(stream.spec).slos, strict=True):
            assert other.read(1000 * 0.7).ratio == pytest.approx(slo.read(0.7).ratio)


def test_no_agent_names_a_knob_of_the_video_stream():
    knobs = re.compile(r"\b(fps|resolution|quality|grade|height)\b", re.IGNORECASE)
    sources = list(Path(agents.__path__[0]).rglob("*.py"))
    assert len(sources) > 5
    assert [str(path) for path in sources if knobs.search(path.read_text())] == []


def test_the_world_of_these_tests_takes_something_away(agent_for, streams):
    """Without it, episodes that are equal would say little."""
    assert len(set(play(agent_for("rule", "video"), PlantEnv(streams["video"])).actions)) > 2
