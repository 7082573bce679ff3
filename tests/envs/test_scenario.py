from typing import Any, cast

import pytest

from envs.patterns import LinkPattern, LoadPattern, LoadShape, TenantPattern
from envs.scenario import Event, EventKind, Scenario, Thermal, World, heat_after, throttled

THIRD, TWO_THIRDS = 0.333333333, 0.666666667  # as conf/scenario writes them


def streams(value: float, **when: Any) -> Event:
    return Event(kind=EventKind.STREAMS, value=value, **when)


class RecordingWorld:
    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *arguments: self.told.append((name, *arguments))


def test_thirds_of_60_steps_begin_at_steps_20_and_40():
    burst = Scenario(events=(streams(3, at_share=THIRD), streams(1, at_share=TWO_THIRDS)))
    assert burst.timeline(60, 1.0, 0) == {20: (burst.events[0],), 40: (burst.events[1],)}


def test_an_event_happens_at_the_first_step_that_begins_no_earlier():
    assert streams(2, at_s=2.0).step(100, 0.5) == 4
    assert streams(2, at_s=2.1).step(100, 0.5) == 5
    assert streams(2, at_share=THIRD).step(100, 1.0) == 34
    assert streams(2, at_share=0.0).step(100, 1.0) == 0


def test_decimal_times_meet_their_step_in_spite_of_rounding():
    # 0.3 / 0.1 is 2.9999999999999996
    assert streams(2, at_s=0.3).step(100, 0.1) == 3


def test_events_of_one_step_keep_their_order():
    lose = Event(kind=EventKind.LOSE_WORKER, worker=0, at_s=1.0)
    join = Event(kind=EventKind.JOIN_WORKER, worker=0, at_share=0.1)
    assert Scenario(events=(lose, join)).timeline(10, 1.0, 0) == {1: (lose, join)}


def test_an_event_beyond_the_runs_end_never_happens():
    assert Scenario(events=(streams(2, at_s=10.0),)).timeline(10, 1.0, 0) == {}


def test_patterns_become_events_before_those_of_the_same_step():
    day = LoadPattern(shape=LoadShape.DIURNAL, low=2, high=2, period_s=10.0)
    links = LinkPattern(low_mbit_s=5.0, high_mbit_s=5.0)
    lose = Event(kind=EventKind.LOSE_WORKER, worker=0, at_s=0.0)
    timeline = Scenario(load=day, links=links, events=(lose,)).timeline(4, 0.5, seed=3)
    assert timeline == {0: (streams(2.0, at_s=0.0), Event(kind=EventKind.LINKS, value=5.0, at_s=0.0), lose)}


def test_tenants_are_slow_workers_and_must_have_a_device():
    tenants = TenantPattern(workers=(1,), low=3.0, high=3.0, stay_s=5.0, absence_s=5.0)
    events = [
        event
        for _, of_step in sorted(Scenario(tenants=tenants).timeline(100, 1.0, 0).items())
        for event in of_step
    ]
    assert {(event.kind, event.worker) for event in events} == {(EventKind.SLOW_WORKER, 1)}
    assert [event.value for event in events][:4] == [3.0, 1.0, 3.0, 1.0]
    with pytest.raises(ValueError, match="tenants names worker 1, but there are only 1"):
        Scenario(tenants=tenants).check(1, [])


def test_a_timeline_is_the_seeds():
    scenario = Scenario(load=LoadPattern(shape=LoadShape.NOISY, low=1, high=9, period_s=3.0))
    assert scenario.timeline(100, 1.0, 5) == scenario.timeline(100, 1.0, 5) != scenario.timeline(100, 1.0, 6)


def test_each_kind_reaches_the_world():
    world = RecordingWorld()
    for event in (
        streams(3, at_s=0.0),
        Event(kind=EventKind.LOSE_WORKER, worker=1, at_s=0.0),
        Event(kind=EventKind.JOIN_WORKER, worker=0, at_s=0.0),
        Event(kind=EventKind.SLOW_WORKER, worker=2, value=1.5, at_s=0.0),
        Event(kind=EventKind.LINKS, value=50.0, at_s=0.0),
        Event(kind=EventKind.THRESHOLD, metric="load", value=0.7, at_s=0.0),
    ):
        event.apply(cast(World, world))
    assert world.told == [
        ("set_streams", 3),
        ("lose_worker", 1),
        ("join_worker", 0),
        ("slow_worker", 2, 1.5),
        ("set_links", 50.0),
        ("set_threshold", "load", 0.7),
    ]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"value": 0, "at_s": 1.0}, "value must be a whole number >= 1, got 0"),
        ({"value": 1.5, "at_s": 1.0}, "value must be a whole number >= 1, got 1.5"),
        ({"value": 1}, "either at_s or at_share"),
        ({"value": 1, "at_s": 1.0, "at_share": 0.5}, "either at_s or at_share"),
        ({"value": 1, "at_s": -1.0}, "at_s must be"),
        ({"value": 1, "at_s": float("nan")}, "at_s must be"),
        ({"value": 1, "at_share": 1.0}, r"at_share must be in \[0, 1\)"),
        ({"value": 1, "worker": 0, "at_s": 1.0}, "has no use for `worker`"),
        ({"value": 1, "metric": "load", "at_s": 1.0}, "has no use for `metric`"),
        ({"at_s": 1.0}, "needs `value`"),
        ({"kind": EventKind.LOSE_WORKER, "at_s": 1.0}, "needs `worker`"),
        ({"kind": EventKind.LOSE_WORKER, "worker": -1, "at_s": 1.0}, "worker must be >= 0, got -1"),
        ({"kind": EventKind.JOIN_WORKER, "worker": 0, "value": 1, "at_s": 1.0}, "has no use for `value`"),
        ({"kind": EventKind.SLOW_WORKER, "worker": 0, "value": 0.5, "at_s": 1.0}, "a slowdown >= 1, got 0.5"),
        ({"kind": EventKind.LINKS, "value": 0.0, "at_s": 1.0}, "value must be > 0, got 0"),
        ({"kind": EventKind.THRESHOLD, "value": 1.0, "at_s": 1.0}, "needs `metric`"),
    ],
)
def test_an_impossible_event_is_refused(fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        Event(**{"kind": EventKind.STREAMS, **fields})


def test_a_scenario_may_only_name_workers_and_slos_that_exist():
    loss = Scenario(events=(Event(kind=EventKind.LOSE_WORKER, worker=2, at_s=1.0),))
    loss.check(3, ["load"])
    with pytest.raises(ValueError, match="names worker 2, but there are only 2"):
        loss.check(2, ["load"])
    change = Scenario(events=(Event(kind=EventKind.THRESHOLD, metric="load", value=1.0, at_s=1.0),))
    change.check(0, ["load"])
    with pytest.raises(ValueError, match="names the SLO 'load'; there are queue_size"):
        change.check(0, ["queue_size"])


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"streams": 0}, "streams must be >= 1, got 0"),
        ({"capacities": (0.5, 1.5)}, r"capacities must be in \(0, 1\], got \[0.5, 1.5\]"),
    ],
)
def test_an_impossible_scenario_is_refused(fields, complaint):
    with pytest.raises(ValueError, match=complaint):
        Scenario(**fields)


# --- heat ---


def test_heat_follows_the_busy_share_with_its_time_constant():
    assert heat_after(0.0, 1.0, 60.0, tau_s=60.0) == pytest.approx(0.632, abs=1e-3)
    assert heat_after(0.8, 0.0, 60.0, tau_s=60.0) == pytest.approx(0.8 * 0.368, abs=1e-3)
    assert heat_after(0.0, 7.0, 1e9, tau_s=60.0) == 1.0, "no device is busier than all of the time"


def test_heat_does_not_depend_on_how_time_is_cut():
    once = heat_after(0.2, 0.9, 10.0, tau_s=60.0)
    twice = heat_after(heat_after(0.2, 0.9, 4.0, tau_s=60.0), 0.9, 6.0, tau_s=60.0)
    assert once == pytest.approx(twice)


def test_throttling_begins_at_its_heat_and_is_complete_at_full_heat():
    assert [throttled(heat, 0.5, 3.0) for heat in (0.0, 0.5, 0.75, 1.0)] == [1.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("wrong", [{"tau_s": 0.0}, {"throttles_from": 1.0}, {"slowdown": 0.9}])
def test_impossible_heat_is_refused(wrong):
    with pytest.raises(ValueError, match="thermal: expected tau_s > 0"):
        Thermal(**{"tau_s": 60.0, "throttles_from": 0.5, "slowdown": 2.0, **wrong})
