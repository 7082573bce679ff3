"""Agents that claim to be elastic go where capacity is, and come back when it does."""

import numpy as np
import pytest

from agents.common.settings import worth
from tests.agents.episodes import run
from tests.agents.roster import ELASTIC
from tests.agents.streams import STREAMS

WITH_PRESSURE = ("video", "lidar")  # an SLO without memory tells them how much capacity is left

# Where an agent is not held to the house's bound, what it does keep. AIMD finds the limit by crossing it.
PLENTY_WITHIN = {"aimd": 60}  # decisions to the highest levels, a fifteenth of the way a time; else 25
KEPT_FREE = {"mpc": 1}  # levels that stay free for its margin even where there is plenty; else 0
CHANGES_AFTER_TEN = {"aimd": 16, "causal": 2}  # until step 60 of a steady world; else 1
CHANGES_LATE = {"aimd": 6}  # of those, from step 40 on; else 0
CHANGES_UNDER_NOISE = {"aimd": 20}  # in steps 20 to 60; else 4
CHANGES_BLIND = {"causal": 25}  # without a pressure, after step 20 of 80; else 20
FULFILMENT_BLIND = {"aimd": 0.95, "causal": 0.95, "rule": 0.95}  # without a pressure, after step 20; else 1
RESTORED_BLIND = {"hpa": 35, "aimd": 20, "pid": 30, "rule": 15, "mpc": 20}  # without a pressure; else 10
GIVEN_UP = {"aimd": 0.96}  # what is left at most of the QoE while capacity is lost, as a share; else 0.9

elastic = pytest.mark.parametrize("name", ELASTIC)
every_stream = pytest.mark.parametrize("stream", STREAMS)
both_ends = pytest.mark.parametrize("start", ("lowest", "highest"))


def best_that_fits(plant):
    """QoE of the best fixed levels whose work the plant's capacity suffices for."""
    settings = np.ndindex(*plant.spec.n_levels)
    return max(worth(plant.spec, s) for s in settings if plant.work.per_second(s) <= plant.capacity)


@elastic
@every_stream
def test_too_little_capacity_for_any_levels_leads_to_the_lowest(name, stream, streams, agent_for):
    spec, work = streams[stream].spec, streams[stream].work
    half_of_the_lowest = work.per_second(spec.lowest) / work.per_second(spec.highest) / 2
    episode = run(
        agent_for(name, stream), streams[stream].plant(half_of_the_lowest), spec.highest, [1.0] * 35
    )
    assert set(episode.levels[25:]) == {spec.lowest}


@elastic
@every_stream
@both_ends
def test_plenty_leads_to_the_highest(name, stream, start, streams, agent_for):
    spec, within = streams[stream].spec, PLENTY_WITHIN.get(name, 25)
    shares = [1.0] * (within + 10)
    episode = run(agent_for(name, stream), streams[stream].plant(2.0), getattr(spec, start), shares)
    free = [sum(spec.highest) - sum(levels) for levels in episode.levels[within:]]
    assert max(free) <= KEPT_FREE.get(name, 0)


@elastic
@pytest.mark.parametrize("stream", WITH_PRESSURE)
def test_a_steady_world_is_settled_in_within_ten_decisions(name, stream, streams, agent_for):
    plant = streams[stream].plant(0.5)
    episode = run(agent_for(name, stream), plant, plant.spec.highest, [1.0] * 60)
    # a belief that has sharpened may allow one level more
    assert episode.changes(11) <= CHANGES_AFTER_TEN.get(name, 1)
    assert episode.changes(40) <= CHANGES_LATE.get(name, 0)


@elastic
def test_without_a_pressure_an_agent_probes_but_breaks_nothing(name, streams, agent_for):
    plant = streams["ledger"].plant(0.5)
    episode = run(agent_for(name, "ledger"), plant, plant.spec.highest, [1.0] * 80)
    assert episode.changes(20) <= CHANGES_BLIND.get(name, 20)
    assert episode.fulfilment(20) >= FULFILMENT_BLIND.get(name, 1)


@elastic
@every_stream
def test_a_mid_capacity_is_used_without_breaking_an_slo(name, stream, streams, agent_for):
    plant = streams[stream].plant(0.5)
    best = best_that_fits(plant)
    episode = run(agent_for(name, stream), plant, plant.spec.highest, [1.0] * 60)
    assert episode.fulfilment(20) >= 0.9
    assert episode.qoe(20) >= (0.9 if name == "aif" else 0.8) * best  # the lowest levels' is 0


@elastic
@every_stream
@pytest.mark.parametrize("fold", (3, 5))
def test_when_lost_capacity_returns_so_does_the_qoe(name, stream, fold, streams, agent_for):
    """A stream multiplier of 1, 3, 1 is the same as a capacity of 1, 1/3, 1."""
    plant = streams[stream].plant(0.5)
    bound = 10 if stream in WITH_PRESSURE else RESTORED_BLIND.get(name, 10)
    shares = [1.0] * 30 + [1 / fold] * 20 + [1.0] * (bound + 5)
    episode = run(agent_for(name, stream), plant, plant.spec.highest, shares)
    first = episode.qoe(20, 30)
    assert first > 0.4
    assert any(episode.qoe(step, step + 5) >= 0.9 * first for step in range(50, 51 + bound))
    if stream in WITH_PRESSURE:
        assert episode.qoe(40, 50) < GIVEN_UP.get(name, 0.9) * first  # it had given something up
        assert episode.fulfilment(40, 50) >= 0.9


@elastic
@pytest.mark.parametrize("capacity", (0.25, 0.7))
def test_costs_that_the_spec_has_wrong_and_noise_break_no_slo_and_flap_nothing(
    name, capacity, streams, agent_for
):
    """YOLO's larger grades and frames cost less here than the spec says, small ones have an overhead."""
    truth = streams["video"].distorted(
        overhead=0.9, noise=0.12, costs=lambda knob, cost: cost ** (0.9 if knob == 0 else 0.8)
    )
    plant = truth.plant(capacity)
    episode = run(agent_for(name, "video"), plant, plant.spec.highest, [1.0] * 60)
    assert episode.fulfilment(20) >= 0.9
    assert episode.changes(20) <= CHANGES_UNDER_NOISE.get(name, 4)
    assert episode.qoe(20) >= 0.6
