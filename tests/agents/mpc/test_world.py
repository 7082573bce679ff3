"""What a reading says of the demand, and what may lag behind the settings."""

from dataclasses import replace

import numpy as np
import pytest

from agents.mpc.outlook import outlook_of, p_fulfilled, p_kept, worst_ratio
from agents.mpc.world import STUCK, World, demand_of, lag_of, prior, see
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo

KNOB = Knob("a", "", (1, 2, 3), (1.0, 2.0, 3.0), ((1.0, 2.0, 4.0),))
WHOLE = ElasticitySpec((KNOB,), (Slo("load", 1.0), Slo("queue", 1.0, memory=True)))
QUEUED = ElasticitySpec((KNOB,), (Slo("queue", 1.0, memory=True),))


def world_of(spec):
    return World.of(spec, drift=0.1, fade=0.01, cost_doubt=0.3, optimism=0.05)


def seen(spec, *ratios, level=1):
    readings = {slo.metric: slo.read(ratio) for slo, ratio in zip(spec.slos, ratios, strict=True)}
    return spec.decode(spec.encode((level,), readings, {}))


def known_of(world, spec, *ratios, level=1):
    return see(world, prior(world), seen(spec, *ratios, level=level))


def test_the_demand_is_the_largest_ratio_of_the_pressure():
    world = world_of(WHOLE)
    demand = demand_of(world, prior(world), seen(WHOLE, 0.5, 0.9), np.zeros(1), np.zeros(2))
    assert (demand.ln, demand.is_measured) == (pytest.approx(np.log(0.5)), True)


def test_without_a_pressure_it_is_read_off_how_a_queue_moves():
    world = world_of(QUEUED)
    known = known_of(world, QUEUED, 0.4)
    demand = demand_of(world, known, seen(QUEUED, 0.65), np.zeros(1), np.array([0.25]))
    assert demand.ln == pytest.approx(np.log(2), abs=1e-6)  # a rise of half the rate: half is left over
    assert not demand.is_measured


def test_a_broken_queue_that_stays_so_means_overload_and_one_at_rest_gives_hope():
    world = world_of(QUEUED)
    known = known_of(world, QUEUED, 1.5)
    assert demand_of(world, known, seen(QUEUED, 1.5), -np.ones(1), np.zeros(1)).ln == STUCK
    rests = demand_of(world, known, seen(QUEUED, 0.1), np.array([0.3]), np.zeros(1))
    assert np.isnan(rests.ln)
    assert rests.hope == pytest.approx(0.3 + 0.1 + 0.05)


def test_a_change_of_setting_may_not_show_yet_and_that_fades():
    world = world_of(WHOLE)
    known = known_of(world, WHOLE, 0.5, 0.1, level=0)
    moved = lag_of(world, known, 2)
    step = world.grid.features[2] - world.grid.features[0]
    assert moved[-1] == pytest.approx(0.5 * abs(known.fit.mean[-1] @ step))
    assert np.array_equal(lag_of(world, replace(known, lag=moved), 0), 0.8 * moved)


def test_what_is_unknown_teaches_nothing():
    world, spec = world_of(WHOLE), WHOLE
    before = prior(world)
    after = see(world, before, spec.decode(spec.encode((1,), {}, {})))
    assert after.fit is before.fit
    assert after.readings == 0


def test_a_margin_makes_every_slo_less_likely_and_the_worst_ratio_grows_with_cost():
    world = world_of(WHOLE)
    known = known_of(world, WHOLE, 0.6, 0.9)
    outlook = outlook_of(world, known)
    none, some = (p_kept(world, known, outlook, 3, np.full(3, margin)) for margin in (0.0, 1.0))
    assert np.all(some <= none)
    load = p_fulfilled(world, known, outlook, 3)[:, 0]
    assert load[1] > 0.9 > 0.5 > load[2]  # .6 at the setting in force, which costs half of the next
    assert np.all(np.diff(worst_ratio(world, known, outlook, 3)) > 0)
