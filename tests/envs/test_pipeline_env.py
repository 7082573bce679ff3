"""The environment against a pipeline without processes, on a clock without waiting."""

import math
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from msgspec import structs

import envs
from envs.energy import PowerSource
from envs.guards import Guards, Paused
from envs.hardware import Device, GradeTimes, Hardware, Origin
from envs.patterns import LinkPattern, LoadPattern, LoadShape
from envs.pipeline_env import DESERTED, PipelineEnv
from envs.scenario import Event, EventKind, Scenario, Thermal, heat_after, throttled
from envs.video import worst_weights
from pipeline.conditions import Conditions
from pipeline.control import RefusedError, UnansweredError
from pipeline.findings import Matches
from pipeline.interval import WorkerInterval
from pipeline.messages import State, Weights
from pipeline.settings import Ladders
from pipeline.sources.base import SourceReport
from tests.envs.fakes import FakeClock, FakeCluster, FakeControl, interval, spec

HIGH, LOW = np.array([2, 1, 1]), np.array([0, 0, 0])


class World:
    """An environment and everything fake beneath it; `made` are the clusters it has asked for."""

    def __init__(self, n_workers: int = 2, **arguments: Any) -> None:
        self.clock = FakeClock()
        self.n_workers = n_workers
        self.made: list[FakeCluster] = []
        self.env = PipelineEnv(
            spec(),
            self._make,
            clock=self.clock,
            sleep_until=self.clock.sleep_until,
            **{"steps": 100, **arguments},
        )

    def _make(self) -> FakeCluster:
        self.made.append(FakeCluster(FakeControl(self.clock), self.n_workers))
        return self.made[-1]

    @property
    def cluster(self) -> FakeCluster:
        return self.made[-1]

    @property
    def control(self) -> FakeControl:
        return self.cluster.fake

    def told(self, kind: str) -> list[Any]:
        """(ms, what) of one kind of request, in order."""
        return [(at, what) for at, what in self.control.told if what[0] == kind or what == kind]


@pytest.fixture
def world():
    return World()


# --- the grid ---


def test_steps_end_on_the_grid_that_began_with_the_episode(world):
    world.env.reset(seed=1)
    for _ in range(3):
        world.clock.work(ms=30)
        info = world.env.step(HIGH)[4]
        assert info["interval_s"] == 1.0 and info["overrun"] is False
    assert [at for at, _ in world.told("telemetry")] == [1000, 2000, 3000]


def test_thinking_past_a_grid_point_is_charged(world):
    world.env.reset(seed=1)
    world.env.step(HIGH)
    world.clock.work(ms=1700)  # until 2.7 s
    info = world.env.step(HIGH)[4]
    assert (info["overrun"], info["interval_s"]) == (True, 2.0)
    assert world.told("telemetry")[-1][0] == 3000
    info = world.env.step(HIGH)[4]
    assert (info["overrun"], info["interval_s"]) == (False, 1.0)


def test_a_decision_exactly_on_a_grid_point_gets_the_next_one(world):
    world.env.reset(seed=1)
    world.env.step(HIGH)
    world.clock.work(ms=1000)
    assert world.env.step(HIGH)[4]["overrun"] is True
    assert world.told("telemetry")[-1][0] == 3000


def test_the_control_interval_is_configurable():
    world = World(control_interval_s=0.25)
    world.env.reset(seed=1)
    world.env.step(HIGH)
    assert world.told("telemetry") == [(250, "telemetry")]


# --- knobs ---


def test_levels_are_sent_first_and_then_only_when_they_change(world):
    world.env.reset(seed=1)
    for action in (HIGH, HIGH, LOW, LOW):
        world.env.step(action)
    assert world.told("levels") == [(0, ("levels", (2, 1, 1))), (2000, ("levels", (0, 0, 0)))]


def test_changed_knobs_cost_once(world):
    world.env.reset(seed=1)
    changed, steady = world.env.step(LOW), world.env.step(LOW)
    assert changed[1] == pytest.approx(steady[1] - 0.02)
    assert changed[4]["levels"] == {"fps": 0, "resolution": 0, "grade": 0}
    assert changed[4]["settings"] == {"fps": 10.0, "width": 320, "height": 180, "grade": 0}


@pytest.mark.parametrize("action", [[3, 0, 0], [0, 0], [-1, 0, 0], [0.5, 0, 0]])
def test_an_impossible_action_is_refused_and_the_episode_goes_on(world, action):
    world.env.reset(seed=1)
    with pytest.raises(ValueError, match="an action is one integer below"):
        world.env.step(action)
    world.env.step(HIGH)
    assert "close" not in world.cluster.calls


# --- episodes ---


def test_an_episode_begins_with_the_initial_levels_and_the_seed():
    world = World(initial_levels=[1, 0, 1], scenario=Scenario(streams=2))
    observation, info = world.env.reset(seed=7)
    assert world.told("start")[0][1] == ("start", 7, (1, 0, 1), 2)
    assert info["levels"] == {"fps": 1, "resolution": 0, "grade": 1} and info["streams"] == 2
    assert not any(world.env.elasticity.decode(observation).known)


def test_reset_without_a_seed_draws_the_same_episodes_after_the_same_seed():
    seeds = []
    for _ in range(2):
        world = World()
        for seed in (5, None, None):
            world.env.reset(seed=seed)
        seeds.append([what[1] for _, what in world.told("start")])
    assert seeds[0] == seeds[1] and len(set(seeds[0])) == 3


def test_reset_keeps_the_cluster_and_restores_its_workers(world):
    world.env.reset(seed=1)
    world.env.step(HIGH)
    world.env.reset(seed=2)
    assert [cluster.calls for cluster in world.made] == [["start", "restore"]]


def test_the_grid_begins_anew_with_each_episode(world):
    world.env.reset(seed=1)
    world.env.step(HIGH)
    world.clock.work(ms=345)
    world.env.reset(seed=2)
    assert world.env.step(HIGH)[4]["step"] == 1
    assert world.told("telemetry")[-1][0] == 2345


def test_time_up_is_truncation():
    world = World(steps=2)
    world.env.reset(seed=1)
    assert world.env.step(HIGH)[2:4] == (False, False)
    assert world.env.step(HIGH)[2:4] == (False, True)


def test_the_end_of_the_source_is_truncation(world):
    world.env.reset(seed=1)
    world.control.state = State.ENDED
    assert world.env.step(HIGH)[2:4] == (False, True)


def test_a_failed_source_terminates_and_says_why(world):
    world.env.reset(seed=1)
    world.control.error = "clip.mp4: cannot be read"
    _, _, terminated, truncated, info = world.env.step(HIGH)
    assert (terminated, truncated, info["error"]) == (True, False, "clip.mp4: cannot be read")


def test_a_step_says_what_was_wrong_with_the_source_so_far(world):
    world.env.reset(seed=1)
    assert world.env.step(HIGH)[4]["source"] == structs.asdict(SourceReport())
    world.control.source = SourceReport(undecodable=2, truncated=True)
    told = world.env.step(HIGH)[4]["source"]
    assert (told["undecodable"], told["truncated"]) == (2, True)


def test_a_step_says_how_well_what_was_shown_agreed_with_the_truth_and_of_what_that_is_made(world):
    world.env.reset(seed=1)
    world.control.facts = {"matches": {"car": Matches(3, 4, 5), "bus": Matches(0, 1, 2)}, "scored": 30}
    info = world.env.step(HIGH)[4]
    assert info["metrics"]["streaming_f1"] == pytest.approx(2 * 3 / (5 + 7))
    assert info["scoring"] == {"scored": 30, "matched": 3, "found": 5, "present": 7, "scoring_s": 0.0}


def test_a_dead_program_terminates_and_the_next_reset_starts_a_new_cluster(world):
    world.env.reset(seed=1)
    world.cluster.dead = "producer ended with exit code -9"
    observation, reward, terminated, truncated, info = world.env.step(HIGH)
    assert (reward, terminated, truncated) == (-1.0, True, False)
    assert info["error"] == "producer ended with exit code -9"
    assert observation in world.env.observation_space
    assert world.cluster.calls[-1] == "close"
    world.env.reset(seed=2)
    assert len(world.made) == 2
    assert world.env.step(HIGH)[2] is False


def test_a_dead_pipeline_has_the_frames_that_were_known_last(world):
    world.env.reset(seed=1)
    before = world.env.step(HIGH)[4]["frames"]
    world.cluster.dead = "producer ended with exit code -9"
    info = world.env.step(HIGH)[4]
    assert info["frames"] == before and before["offered"] == 60
    assert not any(info["known"].values())


def test_who_died_unplanned_and_came_back_is_counted_by_episode(world):
    world.env.reset(seed=1)
    assert (world.env.step(HIGH)[4]["deaths"], world.cluster.calls) == (0, ["start"])
    world.cluster.dying = ["the worker in slot 0", "the collector"]
    info = world.env.step(HIGH)[4]
    assert (info["deaths"], info["restarts"]) == (2, 2)
    assert world.env.step(HIGH)[4]["deaths"] == 2
    world.cluster.dying = ["the worker in slot 1"]  # between two episodes
    assert world.env.reset(seed=2)[1]["deaths"] == 0
    assert world.env.step(HIGH)[4]["deaths"] == 0


def test_a_collector_beyond_help_ends_the_episode_and_is_counted(world):
    world.env.reset(seed=1)
    world.cluster.dying, world.cluster.dead = ["the collector"], "the collector is not started again"
    _, reward, terminated, _, info = world.env.step(HIGH)
    assert (reward, terminated, info["error"], info["deaths"]) == (-1.0, True, world.cluster.dead, 1)


NOBODY = {"workers": (), "delivered": 0, "delivered_by_grade": (0, 0), "latencies_ms": None}


@pytest.mark.parametrize("n_workers", [1, 0])
def test_a_run_whose_workers_have_vanished_by_its_end_has_failed(n_workers):
    world = World(steps=3, n_workers=n_workers)  # 0: they run elsewhere
    world.env.reset(seed=1)
    world.env.step(HIGH)
    world.control.facts = NOBODY
    assert world.env.step(HIGH)[2:4] == (False, False)
    _, _, terminated, truncated, info = world.env.step(HIGH)
    assert (terminated, truncated) == (True, False)
    assert info["error"] == DESERTED


def test_a_worker_that_comes_back_in_time_fails_nothing():
    world = World(steps=3, n_workers=1)
    world.env.reset(seed=1)
    for facts in ({}, NOBODY, {}):
        world.control.facts = facts
        *_, truncated, info = world.env.step(HIGH)
    assert truncated and "error" not in info


def test_workers_that_the_scenario_kills_fail_nothing_even_if_another_one_joins_too_late():
    killed = event(EventKind.LOSE_WORKER, 1.0, worker=0)
    joins = event(EventKind.JOIN_WORKER, 3.0, worker=0)
    world = World(steps=4, n_workers=1, scenario=Scenario(events=(killed, joins)))
    world.env.reset(seed=1)
    for facts in ({}, NOBODY, NOBODY, NOBODY):
        world.control.facts = facts
        *_, truncated, info = world.env.step(HIGH)
    assert truncated and "error" not in info


def test_unanswered_control_terminates(world):
    world.env.reset(seed=1)
    world.control.fails = UnansweredError("no answer to GetTelemetry")
    _, _, terminated, _, info = world.env.step(HIGH)
    assert terminated and "no answer" in info["error"] and world.cluster.calls[-1] == "close"


def test_a_cluster_that_died_between_episodes_is_replaced(world):
    world.env.reset(seed=1)
    world.cluster.dead = "collector ended with exit code 1"
    world.env.reset(seed=2)
    assert [cluster.calls for cluster in world.made] == [["start", "close"], ["start"]]


def test_silent_reports_are_flagged_stale(world):
    world.env.reset(seed=1)
    assert world.env.step(HIGH)[4]["stale"] is False
    world.control.report_age_s = 5.0
    assert world.env.step(HIGH)[4]["stale"] is True


def test_all_workers_dead_breaks_the_slos_and_goes_on(world):
    world.env.reset(seed=1)
    world.control.facts = {"workers": (), "delivered": 0, "delivered_by_grade": (0, 0), "latencies_ms": None}
    _, reward, terminated, truncated, info = world.env.step(HIGH)
    assert reward < 0 and not terminated and not truncated and info["slos"]["load"] == 2


# --- scenarios ---


def event(kind: EventKind, at_s: float, **fields: Any) -> Event:
    return Event(kind=kind, at_s=at_s, **fields)


def test_events_happen_at_the_beginning_of_their_step():
    events = (
        event(EventKind.STREAMS, 1.0, value=3),
        event(EventKind.LOSE_WORKER, 2.0, worker=1),
        event(EventKind.JOIN_WORKER, 3.0, worker=1),
    )
    world = World(scenario=Scenario(events=events))
    world.env.reset(seed=1)
    streams = [world.env.step(HIGH)[4]["streams"] for _ in range(4)]
    assert streams == [1, 3, 3, 3]
    assert world.told("streams") == [(1000, ("streams", 3))]
    assert world.cluster.calls == ["start", ("kill", 1), ("add", 1)]
    world.env.reset(seed=2)
    assert world.told("start")[-1][1][3] == 1  # the burst is over


def test_patterns_are_drawn_by_the_episodes_seed():
    noisy = LoadPattern(shape=LoadShape.NOISY, low=1, high=9, period_s=2.0)
    seen = []
    for seed in (1, 2, 1):
        world = World(scenario=Scenario(load=noisy))
        world.env.reset(seed=seed)
        seen.append([world.env.step(HIGH)[4]["streams"] for _ in range(20)])
    assert seen[0] == seen[2] != seen[1]
    assert len(set(seen[0])) > 2


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (event(EventKind.LOSE_WORKER, 1.0, worker=2), "names worker 2, but there are only 2"),
        (event(EventKind.THRESHOLD, 1.0, metric="drop_rate", value=0.5), "names the SLO 'drop_rate'"),
    ],
)
def test_a_scenario_that_cannot_happen_is_refused_before_anything_starts(wrong, complaint):
    world = World(scenario=Scenario(events=(wrong,)))
    with pytest.raises(ValueError, match=complaint):
        world.env.reset(seed=1)
    assert world.cluster.calls == []


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(events=(event(EventKind.SLOW_WORKER, 1.0, worker=0, value=2.0),)),
        Scenario(events=(event(EventKind.LINKS, 1.0, value=2.0),)),
        Scenario(links=LinkPattern(low_mbit_s=1.0, high_mbit_s=2.0)),
        Scenario(thermal=Thermal(tau_s=60.0, throttles_from=0.5, slowdown=2.0)),
        Scenario(capacities=(0.5,)),
    ],
)
def test_workers_that_run_elsewhere_are_not_ours_to_change(scenario):
    world = World(scenario=scenario, n_workers=0)
    with pytest.raises(ValueError, match="not ours to change"):
        world.env.reset(seed=1)
    assert world.cluster.calls == []


def test_streams_and_thresholds_may_change_also_where_workers_run_elsewhere():
    events = (
        event(EventKind.STREAMS, 0.0, value=2),
        event(EventKind.THRESHOLD, 0.0, metric="load", value=2.0),
    )
    world = World(scenario=Scenario(events=events), n_workers=0)
    world.env.reset(seed=1)
    info = world.env.step(HIGH)[4]
    assert (info["streams"], info["thresholds"]["load"]) == (2, 2.0)


def test_a_threshold_holds_from_its_step_to_the_episodes_end():
    change = event(EventKind.THRESHOLD, 1.0, metric="latency_p95_ms", value=40.0)  # p95 is 80 ms
    world = World(scenario=Scenario(events=(change,)))
    world.env.reset(seed=1)
    before, after = world.env.step(HIGH), world.env.step(HIGH)
    name = "latency_p95_ms"
    assert [x[4]["thresholds"][name] for x in (before, after)] == [1000.0, 40.0]
    assert [x[4]["ratios"][name] for x in (before, after)] == pytest.approx([0.08, 2.0])
    assert before[1] > 0 > after[1]
    assert world.env.elasticity == spec()
    info = world.env.reset(seed=2)[1]
    assert info["thresholds"][name] == 1000.0


def test_slow_workers_and_links_reach_their_slots_once():
    events = (
        event(EventKind.SLOW_WORKER, 0.0, worker=1, value=3.0),
        event(EventKind.LINKS, 1.0, value=50.0),
        event(EventKind.LINKS, 2.0, value=50.0),
        event(EventKind.SLOW_WORKER, 3.0, worker=1, value=1.0),
    )
    world = World(scenario=Scenario(events=events))
    world.env.reset(seed=1)
    for _ in range(4):
        world.env.step(HIGH)
    assert world.cluster.calls == [
        "start",
        (1, Conditions(3.0)),
        (0, Conditions(1.0, 50.0)),
        (1, Conditions(3.0, 50.0)),
        (1, Conditions(1.0, 50.0)),
    ]


def test_a_worker_that_joins_has_the_links_of_the_others_and_its_own_speed():
    events = (
        event(EventKind.SLOW_WORKER, 0.0, worker=0, value=3.0),
        event(EventKind.LINKS, 0.0, value=50.0),
        event(EventKind.JOIN_WORKER, 1.0, worker=0),
    )
    world = World(scenario=Scenario(events=events))
    world.env.reset(seed=1)
    for _ in range(2):
        world.env.step(HIGH)
    assert world.cluster.calls[-2:] == [("add", 0), (2, Conditions(1.0, 50.0))]


def test_devices_get_hot_by_their_busy_share_and_are_slowed_in_the_next_interval():
    thermal = Thermal(tau_s=2.0, throttles_from=0.2, slowdown=2.0)
    straggler = event(EventKind.SLOW_WORKER, 0.0, worker=0, value=3.0)
    world = World(scenario=Scenario(events=(straggler,), thermal=thermal))
    world.env.reset(seed=1)
    for _ in range(2):
        world.env.step(HIGH)  # both workers are busy for 60 % of it
    first = heat_after(0.0, 0.6, 1.0, 2.0)
    hot = [throttled(heat, 0.2, 2.0) for heat in (first, heat_after(first, 0.6, 1.0, 2.0))]
    assert 1 < hot[0] < hot[1]
    told = [call for call in world.cluster.calls if call[0] in (0, 1)]
    assert told == [
        (0, Conditions(3.0)),
        *[(slot, Conditions(own * factor)) for factor in hot for slot, own in ((0, 3.0), (1, 1.0))],
    ]
    world.env.reset(seed=2)
    world.env.step(HIGH)
    assert world.cluster.calls[-1] == (1, Conditions(hot[0])), "they were cool again"


# --- power ---

TIMES = {"n": GradeTimes({"640x360": 10.0}, Origin.MEASURED, "this test")}
SMALL = Device(times=TIMES, idle_w=2.0, busy_w=7.0, power_source="this test")
LARGE = Device(times=TIMES, idle_w=10.0, busy_w=20.0, power_source="this test")


def test_power_is_that_of_each_workers_own_device_at_its_busy_share():
    world = World(hardware=Hardware((SMALL, LARGE)))
    world.env.reset(seed=1)
    assert world.env.step(HIGH)[4]["metrics"]["power_w"] == pytest.approx(5.0 + 16.0)  # each 60 % busy


def test_a_worker_that_joins_consumes_like_the_one_it_is_like():
    joins = Scenario(events=(event(EventKind.JOIN_WORKER, 0.0, worker=1),))
    world = World(hardware=Hardware((SMALL, LARGE)), scenario=joins)
    world.env.reset(seed=1)
    idle = WorkerInterval(name="worker-2", processed=0, service_s=0.0, busy_s=0.0, in_hand=0)
    world.control.facts = {"workers": (*interval().workers, idle)}
    assert world.env.step(HIGH)[4]["metrics"]["power_w"] == pytest.approx(5.0 + 16.0 + 10.0)


@pytest.mark.parametrize("hardware", [None, Hardware((SMALL, Device(times=TIMES)))])
def test_power_is_unknown_unless_that_of_every_device_is_known(hardware):
    world = World(hardware=hardware)
    world.env.reset(seed=1)
    assert math.isnan(world.env.step(HIGH)[4]["metrics"]["power_w"])


class Meter:
    """A sensor whose power rises by 10 W with each reading."""

    source = PowerSource.RAPL
    power_w = 0.0

    def read_w(self) -> float:
        self.power_w += 10.0
        return self.power_w


def test_what_is_measured_counts_in_place_of_the_devices_power_and_the_record_says_which_it_was():
    measured = World(hardware=Hardware((SMALL, LARGE)), sensor=Meter())
    measured.env.reset(seed=1)
    info = measured.env.step(HIGH)[4]
    assert (info["metrics"]["power_w"], info["power_source"]) == (20.0, "rapl"), "the first was before"
    assert info["metrics"]["energy_per_frame_j"] == pytest.approx(20.0 / 30)
    for hardware, source in ((Hardware((SMALL, LARGE)), "profile"), (None, "")):
        world = World(hardware=hardware)
        world.env.reset(seed=1)
        assert world.env.step(HIGH)[4]["power_source"] == source


# --- weights ---


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ((), Weights.NONE),
        ((Weights.TRAINED, Weights.TRAINED), Weights.TRAINED),
        ((Weights.TRAINED, Weights.UNTRAINED), Weights.UNTRAINED),
        ((Weights.EMULATED,), Weights.EMULATED),
    ],
)
def test_weights_are_as_good_as_the_worst_workers(found, word):
    status = FakeControl(FakeClock()).status()
    workers = tuple(structs.replace(status.workers[0], weights=kind) for kind in found)
    assert worst_weights(structs.replace(status, workers=workers)) is word


def test_the_environment_knows_its_workers_weights(world):
    world.env.reset(seed=1)
    assert world.env.weights is Weights.EMULATED


# --- limits to what an agent does ---


def test_guards_limit_what_is_set_and_info_says_what_is_in_force():
    world = World(guards=Guards(highest=(1, 1, 1), paused=Paused.DOWN), initial_levels=[0, 0, 0])
    world.env.reset(seed=1)
    assert [list(world.env.step(levels)[4]["levels"].values()) for levels in (HIGH, LOW)] == [[1, 1, 1]] * 2
    assert [what for _, what in world.told("levels")] == [("levels", (1, 1, 1))]


def test_in_shadow_an_episode_goes_on_as_somebody_else_steers_it():
    world = World(shadow=True)
    world.env.reset(seed=1)  # nobody had started it
    world.control.set_levels((1, 0, 0))
    world.control.told.clear()
    world.env.reset(seed=2)
    assert list(world.env.step(HIGH)[4]["levels"].values()) == [1, 0, 0]
    world.control.set_levels((0, 1, 0))
    assert list(world.env.step(HIGH)[4]["levels"].values()) == [0, 1, 0]
    assert world.told("start") == [] and len(world.told("levels")) == 1, "but for what somebody else did"


# --- what cannot go on ---


def test_an_exception_in_step_closes_the_pipeline(world):
    for error in (RefusedError("no"), KeyboardInterrupt(), RuntimeError("bug")):
        world.env.reset(seed=1)
        world.control.fails = error
        with pytest.raises(type(error)):
            world.env.step(HIGH)
        assert world.cluster.calls[-1] == "close"


def test_a_producer_with_other_ladders_is_refused_and_closed():
    world = World()
    make = world._make

    def other() -> FakeCluster:
        cluster = make()
        cluster.fake.ladders = Ladders((10.0, 25.0), ((640, 360),), ("n",))
        return cluster

    world.env._make_cluster = other
    with pytest.raises(ValueError, match="make the spec from the source"):
        world.env.reset(seed=1)
    assert world.cluster.calls == ["start", "close"]


def test_step_before_reset_is_refused(world):
    with pytest.raises(gym.error.ResetNeeded):
        world.env.step(HIGH)


def test_closing_twice_is_harmless(world):
    world.env.reset(seed=1)
    world.env.close()
    world.env.close()
    assert world.cluster.calls == ["start", "close"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"steps": 0}, "steps must be >= 1"),
        ({"control_interval_s": 0.0}, "control_interval_s must be > 0"),
        ({"initial_levels": [9, 0, 0]}, "an action is one integer below"),
        ({"guards": Guards(every=0)}, "guards.every must be >= 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        World(**arguments)


# --- contracts ---


def made(**arguments: Any) -> gym.Env:
    clock = FakeClock()
    return gym.make(
        envs.PIPELINE_ID,
        spec=spec(),
        cluster=lambda: FakeCluster(FakeControl(clock)),
        clock=clock,
        sleep_until=clock.sleep_until,
        **{"steps": 100, **arguments},
    )


def test_gymnasium_finds_no_fault():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(made().unwrapped, skip_render_check=True)


def test_the_id_is_registered_as_not_deterministic():
    env = made()
    assert env.spec is not None and env.spec.nondeterministic
    assert isinstance(env.unwrapped, PipelineEnv) and env.unwrapped.elasticity == spec()


def test_info_stays_numeric_in_the_vector_form():
    vector = gym.vector.SyncVectorEnv([made, made])
    vector.reset(seed=3)
    info = vector.step(np.stack([HIGH, LOW]))[4]
    assert info["metrics"]["latency_p95_ms"].dtype == float
    assert info["slos"]["load"].tolist() == [0, 0]
    assert info["workers"]["worker-0"]["utilisation"].tolist() == [0.6, 0.6]
    vector.close()
