"""The agent around the decision: what it believes of a stream, and what its parts are worth."""

import numpy as np
import pytest

from agents.common.settings import worth
from tests.agents.episodes import make, run

STEADY = [1.0] * 30


def test_warming_up_decides_and_believes_nothing(streams, agent_for):
    agent, plant = agent_for("aif", "ledger"), streams["ledger"].plant(0.5)
    cold = run(agent, plant, (3, 2), STEADY[:5])
    agent.reset(0)
    agent.warm_up()
    assert set(agent.explain().values()) == {0.0}
    observation = plant.reset((3, 2))
    assert tuple(agent.act(observation, {})) == cold.levels[0]


def test_the_expected_load_is_the_plants(streams, agent_for):
    plant = streams["video"].plant(0.5)
    episode = run(agent_for("aif", "video"), plant, (5, 3, 2), STEADY)
    load = plant.work.per_second(episode.levels[-1]) / plant.capacity
    assert episode.figures[-1]["expected_load"] == pytest.approx(load, rel=0.15)


def test_a_backlog_of_the_past_that_drains_is_not_read_as_too_little_capacity_now(streams, agent_for):
    agent, stream = agent_for("aif", "video"), streams["video"]
    episode = run(agent, stream.plant(0.5), (5, 3, 2), STEADY)
    before = episode.figures[-1]["expected_capacity"]
    for share in (2.0, 1.8, 1.6, 1.4):  # of the thresholds
        late = {slo.metric: share * slo.threshold for slo in stream.spec.slos}
        readings = dict(episode.outcomes[-1].readings)
        readings |= {
            slo.metric: slo.read(late[slo.metric])
            for slo in stream.spec.slos
            if slo.metric in ("queue_size", "latency_p95_ms")
        }
        observation = stream.spec.encode(episode.levels[-1], readings, {})
        agent.act(observation, {})
    assert agent.explain()["expected_capacity"] == pytest.approx(before, rel=0.1)
    levels = agent.act(stream.spec.encode(episode.levels[-1], episode.outcomes[-1].readings, {}), {})
    assert worth(stream.spec, levels) > 0.6  # of 0.875: what it may have given up to drain it, it takes up


def test_a_lost_capacity_surprises_and_is_then_understood(streams, agent_for):
    shares = [1.0] * 20 + [0.2] * 20
    episode = run(agent_for("aif", "video"), streams["video"].plant(0.5), (5, 3, 2), shares)
    surprises = [figures["surprise"] for figures in episode.figures]
    assert surprises[21] > 3 * surprises[20]  # the first interval after the loss
    assert max(surprises[30:]) < surprises[21] / 2


def test_predictions_of_fulfilment_come_true_when_settled(streams, agent_for):
    episode = run(agent_for("aif", "lidar"), streams["lidar"].plant(0.5), (4, 2, 1, 2), [1.0] * 40)
    predicted = np.mean(
        [v for f in episode.figures[20:] for k, v in f.items() if k.startswith("p_fulfilled_")]
    )
    assert predicted > 0.9
    assert episode.fulfilment(20) == 1


@pytest.mark.parametrize(
    "change", [{"longest_delay": -1}, {"gamma": 0.0}, {"switching_cost": -1.0}, {"patience": -1.0}]
)
def test_options_out_of_range_are_refused(change, streams):
    with pytest.raises(ValueError, match=r"aif\.yaml"):
        make("aif", streams["ledger"].spec, **change)


def flattened(streams):
    """The video stream where its last knob costs 1 : 1.2 : 1.4, and not 1 : 3.3 : 10.5 as its spec says."""
    cheap = dict(zip(streams["video"].work.costs[1], (1.0, 1.2, 1.4), strict=True))
    return streams["video"].distorted(0.0, 0.02, lambda knob, cost: cheap[cost] if knob == 1 else cost)


def test_relative_costs_that_the_spec_has_wrong_are_unlearned_with_a_better_result(streams, agent_for):
    learning, believing = agent_for("aif", "video"), make("aif", streams["video"].spec, learns=False)
    stream = flattened(streams)
    ours, theirs = (run(agent, stream.plant(0.5), (5, 3, 2), [1.0] * 60) for agent in (learning, believing))
    assert ours.fulfilment(20) >= 0.95
    assert ours.qoe(20) > theirs.qoe(20)
    assert ours.changes(20) < theirs.changes(20)  # who takes the spec's word is told otherwise at every trial


def test_late_telemetry_that_is_taken_for_prompt_is_worse_understood(streams):
    """The ablation of delays, three intervals late."""
    earned = []
    for longest_delay in (4, 0):
        agent, plant = (
            make("aif", streams["video"].spec, longest_delay=longest_delay),
            streams["video"].plant(0.5),
        )
        agent.reset(0)
        shown, rewards = [plant.reset((5, 3, 2))] * 4, []
        for _ in range(60):
            observation = shown.pop(0)
            observation[:3] = shown[-1][:3]
            observation, outcome = plant.step(agent.act(observation, {}))
            shown.append(observation)
            rewards.append(outcome.reward)
        earned.append(np.mean(rewards))
    assert earned[0] > earned[1] + 0.02


def test_an_slo_that_a_setting_breaks_with_capacity_to_spare_drives_the_agent_from_that_setting(
    streams, agent_for
):
    """As a slow worker does, which holds up the order of all."""
    agent, stream = agent_for("aif", "video"), streams["video"]
    agent.reset(0)
    healthy = {"queue_size": 0.1, "memory_usage": 0.5, "latency_p95_ms": 100.0, "drop_rate": 0.0, "load": 0.4}
    levels, chosen = (5, 3, 2), []
    for _ in range(30):
        late = {"latency_p95_ms": 1500.0} if levels == (5, 3, 2) else {}
        readings = {slo.metric: slo.read((healthy | late)[slo.metric]) for slo in stream.spec.slos}
        levels = tuple(int(i) for i in agent.act(stream.spec.encode(levels, readings, {}), {}))
        chosen.append(levels)
    assert (5, 3, 2) in chosen
    assert (5, 3, 2) not in chosen[-5:]


def test_forecasts_are_sure_where_all_is_well_and_grim_where_there_is_no_capacity(streams, agent_for):
    agent, plant = agent_for("aif", "video"), streams["video"].plant(0.3)
    run(agent, plant, (5, 3, 2), STEADY)
    lowest, highest = agent.forecast(np.array([[0, 0, 0], [5, 3, 2]]))
    assert np.all(lowest > 0.7)  # it was never there
    assert np.all(highest < 0.3)
    assert lowest.shape == (5,)
