"""The rule, walked period by period."""

import math
from dataclasses import replace

import pytest

from agents.common.settings import cost
from agents.rule import Reading, Rules, RuleState, decide
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Slo
from tests.agents.episodes import make, run

RULES = Rules(oks=3, cool_down=1, target=0.8, probation=5, longest_bar=8)
SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3, 4), (1.0, 2.0, 3.0, 4.0), ((1.0, 2.0, 3.0, 4.0),)),
        Knob("b", "", (1, 2), (1.0, 2.0), ((1.0, 4.0),)),
    ),
    slos=(Slo("m", 1.0),),
)
LONG_AGO = RuleState(since_change=100)


def reading(levels, pressure, backlog=None):
    """One where WARNING begins at the threshold, so that a pressure above 1 is a broken SLO."""
    return Reading(
        levels=levels,
        pressure=pressure,
        backlog=backlog,
        pressure_broken=pressure is not None and pressure > 1,
        backlog_broken=backlog is not None and backlog > 1,
        all_ok=max(pressure or 0, backlog or 0) <= 0.9,
    )


def walk(state, *readings):
    """Levels decided after each of the readings, and the last state."""
    decided = []
    for seen in readings:
        levels, state = decide(RULES, SPEC, state, seen)
        decided.append(levels)
    return decided, state


def test_a_broken_slo_lowers_the_dearest_knob_at_once_and_as_far_as_the_pressure_says():
    (levels,), state = walk(LONG_AGO, reading((3, 1), 1.5))
    assert levels == (3, 0)  # 16 -> 4, where 8.5 is affordable
    assert state.since_change == 0
    (levels,), _ = walk(LONG_AGO, reading((3, 1), 10.0))
    assert levels == (0, 0)


def test_a_warning_holds():
    decided, _ = walk(LONG_AGO, *[reading((2, 0), 0.95)] * 5)
    assert set(decided) == {(2, 0)}


def test_it_climbs_after_enough_oks_and_only_as_far_as_the_worst_of_them_allows():
    ok = reading((0, 0), 0.2)
    decided, _ = walk(LONG_AGO, ok, ok, ok)
    assert decided == [(0, 0), (0, 0), (0, 1)]  # b gains more per cost; 4 x 0.2 is on target, 8 x 0.2 is not
    decided, _ = walk(LONG_AGO, reading((0, 0), 0.3), ok, ok)
    assert decided[-1] == (1, 0)


def test_readings_of_the_cool_down_do_not_count():
    ok = reading((0, 0), 0.2)
    decided, _ = walk(RuleState(), ok, ok, ok, ok)
    assert decided == [(0, 0), (0, 0), (0, 0), (0, 1)]


def test_a_raise_that_broke_an_slo_is_barred_for_longer_each_time():
    state, lengths = LONG_AGO, []
    for _ in range(4):
        _, state = walk(replace(state, bar_left=0), *[reading((0, 0), 0.2)] * 4)
        _, state = walk(state, reading((0, 1), 0.7), reading((0, 1), 1.2))
        lengths.append(state.bar_length)
        assert state.bar is not None and cost(SPEC, state.bar, (1.0,)) == 4
    assert lengths == [3, 6, 8, 8]


def test_a_bar_yields_to_twice_the_capacity():
    barred = replace(LONG_AGO, bar=(0, 1), bar_left=8, bar_length=8, bar_pressure=0.8)
    decided, _ = walk(barred, *[reading((0, 0), 0.15)] * 3)
    assert decided[-1] == (2, 0)  # short of the bar
    decided, _ = walk(barred, *[reading((0, 0), 0.1)] * 3)
    assert decided[-1] == (1, 1)


def test_proven_levels_are_returned_to_at_once():
    proven = replace(LONG_AGO, proven=(2, 1))  # cost 12
    decided, _ = walk(proven, *[reading((0, 0), 0.08)] * 3)
    assert decided[-1] == (2, 1)  # though 0.96 is above the target for new ground
    decided, _ = walk(proven, *[reading((0, 0), 0.09)] * 3)
    assert decided[-1] == (1, 1)


def test_a_backlog_of_the_past_is_left_to_drain_while_the_pressure_is_fine():
    draining = [reading((2, 0), 0.5, backlog) for backlog in (3.0, 2.5, 2.0, 1.5, 1.2)]
    decided, _ = walk(LONG_AGO, *draining)
    assert set(decided) == {(2, 0)}
    stuck = [reading((2, 0), 0.5, 3.0)] * (RULES.probation + 1)
    decided, _ = walk(LONG_AGO, *stuck)
    assert decided[-3] == (2, 0)
    assert (1, 0) in decided[-2:]


def test_without_a_pressure_a_growing_backlog_takes_the_last_raise_back():
    ok = reading((0, 0), None, 0.0)
    decided, state = walk(LONG_AGO, ok, ok, ok)
    assert decided[-1] == (0, 1)
    growing = [reading((0, 1), None, backlog) for backlog in (0.2, 0.4)]
    decided, state = walk(state, *growing)
    assert decided == [(0, 1), (0, 0)]
    assert state.bar is not None and cost(SPEC, state.bar, (1.0,)) == 4


def test_knobs_at_the_bottom_stay_there():
    decided, _ = walk(LONG_AGO, reading((0, 0), 9.0), reading((0, 0), None, 9.0))
    assert decided == [(0, 0), (0, 0)]


@pytest.mark.parametrize("change", [{"oks": 0}, {"target": 1.0}, {"cool_down": -1}, {"longest_bar": 0}])
def test_figures_out_of_range_are_refused(change, streams):
    with pytest.raises(Exception, match=r"rule\.yaml"):
        make("rule", streams["ledger"].spec, **change)


def test_no_load_known_is_no_load_of_zero(streams, agent_for):
    """Frames that never finish say nothing of the load; the levels must not rise on that."""
    plant = streams["video"].plant(1.0)
    plant.capacity = 0.05
    episode = run(agent_for("rule", "video"), plant, (0, 0, 0), [1.0] * 20)
    assert set(episode.levels) == {(0, 0, 0)}
    assert math.isfinite(episode.figures[-1]["backlog"])
