"""The replay world on a table small enough to read."""

import math

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from envs import REPLAY_ID
from envs.replay.env import Replay
from envs.replay.table import Table
from envs.scenario import Event, EventKind, Scenario
from envs.spec import ElasticitySpec, Knob, ObservedMetric
from pipeline.slos import Sense, Slo, SloState

SPEC = ElasticitySpec(
    knobs=(
        Knob("streams", "", (1.0, 4.0), (1.0, 4.0), ((1.0, 4.0),)),
        Knob("depth", "", ("flat", "deep"), (0.0, 10.0), ((1.0, 2.0),)),
    ),
    slos=(Slo("load", 100.0), Slo("rate", 2.0, sense=Sense.AT_LEAST)),
    metrics=(ObservedMetric("load", "", 0.0, 200.0),),
)
N_ROWS = 10


def rows(setting: int) -> np.ndarray:
    """Load 100·setting + 0 … 9; rate a tenth of it; depth 3, whatever was asked."""
    load = 100.0 * setting + np.arange(N_ROWS)
    return np.stack([load, load / 10, np.full(N_ROWS, 3.0)], axis=1)


TABLE = Table(("load", "rate", "depth_seen"), (2, 2), tuple(rows(setting) for setting in range(4)))


def world(steps: int = 6, **changes) -> Replay:
    return Replay(SPEC, TABLE, steps, {"depth": "depth_seen"}, **changes)


def episode(env: Replay, actions: list[tuple[int, int]], seed: int = 5) -> list[dict]:
    env.reset(seed=seed)
    return [env.step(action)[4] for action in actions]


def test_it_passes_gymnasiums_own_check():
    check_env(gym.make(REPLAY_ID, spec=SPEC, table=TABLE, steps=5).unwrapped, skip_render_check=True)


def test_agents_with_different_decisions_meet_the_same_moments():
    low = episode(world(), [(0, 1)] * 6)
    mixed = episode(world(), [(0, 1), (1, 1), (1, 0), (0, 0), (1, 1), (0, 1)])
    rank = [info["metrics"]["load"] % 100 for info in low]
    assert [info["metrics"]["load"] % 100 for info in mixed] == rank
    assert len(set(rank)) > 1


def test_seeds_differ_and_equal_seeds_repeat():
    one, same, other = (
        [info["metrics"]["load"] for info in episode(world(20), [(0, 1)] * 20, seed)] for seed in (1, 1, 2)
    )
    assert one == same != other


def test_every_row_of_a_setting_is_met_about_equally_often():
    loads = [info["metrics"]["load"] for info in episode(world(4000), [(0, 1)] * 4000)]
    counts = np.unique(loads, return_counts=True)[1]
    assert len(counts) == N_ROWS
    assert abs(counts - 400).max() < 80  # four standard deviations


def test_metrics_of_a_step_belong_together():
    for info in episode(world(), [(1, 1)] * 6):
        assert info["metrics"]["rate"] == info["metrics"]["load"] / 10


def test_slos_are_judged_in_their_own_sense():
    idle, busy = episode(world(), [(0, 0), (1, 0)])
    assert idle["slos"] == {"load": SloState.OK, "rate": SloState.CRITICAL}  # rate below 1, bound 2
    assert busy["slos"] == {"load": SloState.CRITICAL, "rate": SloState.OK}


def test_quality_is_of_what_was_delivered_where_that_was_measured():
    shallow, deep = episode(world(), [(1, 0), (1, 1)])
    assert shallow["delivered"] == {"streams": 4.0, "depth": 0.0}  # no more than asked, whatever was measured
    assert deep["delivered"] == {"streams": 4.0, "depth": 3.0}
    assert deep["qoe"] == pytest.approx((1.0 + 0.3) / 2)
    assert deep["qoe_by"]["levels"] == 1.0


def test_a_step_that_fulfils_earns_its_quality_less_the_change():
    lenient = ElasticitySpec(SPEC.knobs, (Slo("load", 1000.0),))
    env = Replay(lenient, TABLE, 2, {"depth": "depth_seen"}, initial_levels=(1, 0))
    env.reset(seed=0)
    assert env.step((1, 1))[1] == pytest.approx(0.65 - 0.02 / 2)  # one of two knobs has moved
    assert env.step((1, 1))[1] == pytest.approx(0.65)


def test_nothing_is_known_before_the_first_step():
    observation, info = world().reset(seed=0)
    assert SPEC.decode(observation).known.tolist() == [False, False]
    assert all(math.isnan(value) for value in info["metrics"].values())
    assert info["levels"] == {"streams": 1, "depth": 1}
    assert info["settings"] == {"streams": 4.0}  # a level that is a word is no number
    assert info["streams"] == 4


def test_what_was_not_measured_is_unknown():
    unknown = TABLE.rows[0].copy()
    unknown[:, 0] = np.nan
    table = Table(TABLE.metrics, TABLE.n_levels, (unknown, *TABLE.rows[1:]))
    env = Replay(SPEC, table, steps=2)
    env.reset(seed=0)
    observation, _, _, _, info = env.step((0, 0))
    assert info["known"] == {"load": False, "rate": True}
    assert SPEC.decode(observation).known.tolist() == [False, True]


def test_an_episode_is_truncated_after_its_steps():
    env = world(2)
    env.reset(seed=0)
    assert env.step((0, 0))[2:4] == (False, False)
    assert env.step((0, 0))[2:4] == (False, True)


def test_a_threshold_can_change_and_comes_back_with_the_next_episode():
    event = Event(kind=EventKind.THRESHOLD, metric="load", value=500.0, at_share=0.5)
    env = world(4, scenario=Scenario(events=(event,)))
    for _ in range(2):
        infos = episode(env, [(1, 1)] * 4)
        assert [info["thresholds"]["load"] for info in infos] == [100.0, 100.0, 500.0, 500.0]
        assert [info["slos"]["load"] for info in infos] == [2, 2, 0, 0]


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (Scenario(streams=3), "a scenario with 3 streams"),
        (Scenario(capacities=(0.5,)), "a scenario with capacities"),
        (
            Scenario(events=(Event(kind=EventKind.LOSE_WORKER, worker=0, at_s=0.0),)),
            "a scenario with lose_worker",
        ),
        (
            Scenario(events=(Event(kind=EventKind.THRESHOLD, metric="joy", value=1.0, at_s=0.0),)),
            "names the SLO 'joy'",
        ),
    ],
)
def test_what_cannot_happen_to_measurements_is_refused(scenario, message):
    with pytest.raises(ValueError, match=message):
        world(scenario=scenario)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be >= 1"),
        ({"control_interval_s": 0.0}, "control_interval_s must be"),
        ({"initial_levels": (2, 0)}, "one integer below"),
    ],
)
def test_a_bad_argument_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        world(**changes)


def test_a_spec_that_the_table_cannot_serve_is_refused():
    with pytest.raises(ValueError, match=r"the spec has \(2, 2\) levels per knob, the table \(4,\)"):
        Replay(SPEC, Table(TABLE.metrics, (4,), TABLE.rows), steps=1)
    with pytest.raises(ValueError, match="the table has no metric bogus"):
        Replay(SPEC, TABLE, 1, {"depth": "bogus"})


def test_a_step_before_reset_is_refused():
    with pytest.raises(gym.error.ResetNeeded):
        world().step((0, 0))
