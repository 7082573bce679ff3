"""Runs from Python: arranged by the same words as on the command line, and played step by step."""

import pytest

from agents.clairvoyant import Clairvoyant
from experiments.interactive import arrange, play
from experiments.program.errors import ConfigError
from experiments.runs.summary import summarise
from tests.experiments.world import SPEC, Script, World

WORDS = ("env=simulator", "hardware=rpi5", "scenario=worker_loss", "env.steps=30")


@pytest.fixture(scope="module")
def run():
    """Of the rule agent in the simulator."""
    return arrange("agent=rule", *WORDS)


def test_words_mean_what_they_mean_on_the_command_line(run):
    assert run.config.agent["_target_"] == "agents.rule.Rule"
    assert run.config.env.steps == 30
    assert run.spec.hash == run.plan.spec.hash


def test_an_episode_depends_on_its_seed_alone(run):
    first, again, other = (play(run.make_agent(), run.make_env(), seed) for seed in (1, 1, 2))
    timeless = [name for name in first.columns if not name.endswith("_ms") and name != "ended_s"]
    assert len(first) == 30
    assert first[timeless].equals(again[timeless])
    assert not first["metrics.latency_p95_ms"].equals(other["metrics.latency_p95_ms"])


def test_a_trace_can_be_summarised_like_a_logged_one(run):
    figures = summarise(play(run.make_agent(), run.make_env(), seed=0))
    assert figures["steps"] == 30
    assert figures["frames"]["offered"] > 0


def test_every_step_is_watched_as_it_ends():
    agent, seen = Script(SPEC, [(5, 3, 1), (0, 0, 0)]), []
    trace = play(agent, World(3), seed=0, watch=lambda step: seen.append(step.action))
    assert seen == [(5, 3, 1), (0, 0, 0), (0, 0, 0)]
    assert trace["action.fps"].tolist() == [5, 0, 0]


def test_an_episode_knows_when_the_world_changed(run):
    trace = play(run.make_agent(), run.make_env(), seed=0)
    episode = run.episode(trace, "rule", "rpi5/worker_loss", 0)
    assert [(point.step, point.is_worse) for point in episode.change_points] == [(10, True), (20, False)]
    assert episode.held.size == 30


def test_an_oracle_is_shown_its_world_before_it_is_asked():
    run = arrange("agent=best_static", "env=simulator", "hardware=single_rpi5", "env.steps=5")
    agent = run.make_agent()
    assert isinstance(agent, Clairvoyant)
    assert len(play(agent, run.make_env(), seed=0)) == 5


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("agent=nobody", r"^agent has no option 'nobody'; there are a2c, aci, aif"),
        ("env.step=3", r"^env has no key 'step'; did you mean steps\?$"),
        ("env.steps=many", r"^env\.steps: Value 'many' of type 'str' could not be converted to Integer$"),
        ("+wish=1", r"there is no key 'wish'; known are "),
    ],
)
def test_a_wrong_word_is_one_sentence(word, complaint):
    with pytest.raises(ConfigError, match=complaint):
        arrange(word, *WORDS)
