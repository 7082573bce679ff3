"""The oracle is at least as good as anything else; where the best is known, it finds it."""

from dataclasses import replace

import numpy as np
import pytest

from agents.oracle.agent import BestStatic, Oracle
from agents.oracle.rehearsal import Rehearsal
from agents.random import Random
from agents.static import Static
from envs.hardware import Hardware
from envs.replay.env import Replay
from envs.replay.table import Table
from envs.reward import qoe
from envs.scenario import Event, EventKind, Scenario
from envs.simulator.env import SimulatorEnv
from envs.spec import ElasticitySpec
from experiments.statistics.episode import TOLERANCE
from tests.agents.episodes import make
from tests.agents.streams import ledger
from tests.cases import nightly_but
from tests.envs.simulator.systems import device, spec, system

SPEC = spec()
LOSS = Scenario(
    events=(
        Event(kind=EventKind.LOSE_WORKER, worker=0, at_s=15.0),
        Event(kind=EventKind.JOIN_WORKER, worker=0, at_s=30.0),
    )
)
BURST = Scenario(
    events=(
        Event(kind=EventKind.STREAMS, value=3, at_s=15.0),
        Event(kind=EventKind.STREAMS, value=1, at_s=30.0),
    )
)


def world(scenario: Scenario = LOSS, n_ms: float = 20.0, steps: int = 45, **changes) -> SimulatorEnv:
    """Two workers, and something that happens to them."""
    hardware = Hardware((device(n_ms),))
    values = {"scenario": scenario, "steps": steps, "memory_budget_mb": 1000.0, **changes}
    return SimulatorEnv(SPEC, [system(hardware=hardware, **values)])


def seen(spec: ElasticitySpec) -> np.ndarray:
    """An observation, which no clairvoyant agent looks at."""
    return np.zeros(spec.observation_space.shape, np.float32)


def oracle(n_candidates: int = 12, horizons: tuple[int, ...] = (4, 8)) -> Oracle:
    """With a few candidates."""
    return Oracle(SPEC, n_candidates, horizons)


def played(agent, env, seed: int = 0) -> np.ndarray:
    """Rewards of an episode."""
    agent.reset(seed)
    observation, info = env.reset(seed=seed)
    rewards, is_over = [], False
    while not is_over:
        observation, reward, _, is_over, info = env.step(agent.act(observation, info))
        rewards.append(reward)
    return np.array(rewards)


@pytest.mark.parametrize("seed", nightly_but([0], [0, 1]))
@pytest.mark.parametrize(("scenario", "n_ms"), [(LOSS, 20.0), (BURST, 8.0), (Scenario(), 40.0), (LOSS, 2.0)])
def test_nobody_exceeds_the_oracle(scenario, n_ms, seed):
    env, agent = world(scenario, n_ms), oracle()
    agent.look(env)
    best = played(agent, env, seed).mean()
    statics = [Static(SPEC, levels) for levels in ("lowest", "middle", "highest", (3, 1, 0), (0, 2, 2))]
    for rival in [*statics, Random(SPEC), make("rule", SPEC)]:
        assert played(rival, env, seed).mean() <= best + TOLERANCE


def test_what_it_foresees_is_what_happens():
    env, agent = world(), oracle()
    agent.look(env)
    rewards = played(agent, env, 3)
    assert rewards.mean() == pytest.approx(agent.explain()["foreseen_mean"], abs=1e-12)


def test_where_there_is_room_for_everything_the_highest_is_best_from_the_first_step_to_the_last():
    env, agent = world(Scenario(), n_ms=0.5), oracle()
    agent.look(env)
    rewards = played(agent, env)
    assert agent.plan(0).levels.tolist() == [list(SPEC.highest)] * len(agent.plan(0).levels)
    assert rewards[1:] == pytest.approx(1.0, abs=0.05)


def test_where_nothing_but_the_lowest_can_be_carried_it_is_the_lowest():
    # 5 frames/s of 18 lines and the lightest grade take 2 workers 0.9 of their time, all else is too much
    env, agent = world(Scenario(), n_ms=1080.0), BestStatic(SPEC)
    agent.look(env)
    agent.reset(0)
    assert agent.act(seen(SPEC), {}).tolist() == [0, 0, 0]


def test_the_best_fixed_setting_is_found_by_trying_all():
    env, agent = world(), BestStatic(SPEC)
    agent.look(env)
    means = {levels: played(Static(SPEC, levels), env).mean() for levels in np.ndindex(*SPEC.n_levels)}
    assert played(agent, env).mean() == pytest.approx(max(means.values()), abs=1e-12)


def test_after_a_loss_it_sets_less_and_after_its_end_more_again():
    env, agent = world(), oracle()
    agent.look(env)
    cost = agent.plan(0).levels.sum(axis=1)
    assert cost[18:30].mean() < min(cost[5:15].mean(), cost[36:].mean())


def test_the_world_that_it_was_shown_is_left_as_it_is():
    env, twin = world(), world()
    agent = oracle()
    agent.look(env)
    for it in (env, twin):
        it.reset(seed=5)
        it.step(SPEC.lowest)
    agent.reset(5)
    assert [env.step(SPEC.highest)[1] for _ in range(5)] == [twin.step(SPEC.highest)[1] for _ in range(5)]


def test_a_source_that_ends_ends_the_plan():
    env, agent = world(source_length_s=12.0), oracle()
    agent.look(env)
    assert 12 <= len(played(agent, env)) <= 20


def test_phases_are_those_of_the_scenario_if_they_last():
    short = Event(kind=EventKind.STREAMS, value=2, at_s=18.0)
    env = world(replace(LOSS, events=(*LOSS.events, short)))
    assert Rehearsal(env, 1, ()).phases(0) == [0, 15, 30]


def test_it_must_be_shown_a_world_first():
    with pytest.raises(RuntimeError, match="must be shown its world"):
        oracle().reset(0)


def test_a_world_of_another_spec_is_refused():
    with pytest.raises(ValueError, match="expected a world of spec"):
        Oracle(ledger().spec, 1, (4,)).look(world())


def test_a_world_that_cannot_be_calculated_is_refused():
    class Real:
        elasticity = SPEC

    with pytest.raises(ValueError, match="only a simulated or a replayed world"):
        oracle().look(Real())  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("n_candidates", "horizons"), [(0, (4,)), (1, (0,))])
def test_arguments_out_of_range_are_refused(n_candidates, horizons):
    with pytest.raises(ValueError, match="n_candidates >= 1 and horizons >= 1"):
        Oracle(SPEC, n_candidates, horizons)


# --- the replay world: 4 x 3 settings, one SLO on the backlog ---


def measured(scenario: Scenario | None = None) -> Replay:
    """A backlog of 0.5 s per unit of depth + checks; (2, 2) breaks in half of its rows, (3, ·) in all."""
    rows = []
    for depth, checks in np.ndindex(4, 3):
        backlog = 0.4 * (depth + checks)
        rows.append(np.array([[backlog], [backlog + 0.5 if (depth, checks) == (2, 2) else backlog]]))
        if depth == 3:
            rows[-1] = np.array([[5.0], [5.0]])
    table = Table(("backlog_s",), (4, 3), tuple(rows))
    return Replay(ledger().spec, table, steps=6, scenario=scenario)


def test_in_the_replay_world_it_goes_by_the_means():
    agent, stream = Oracle(ledger().spec, 1, (4,)), ledger().spec
    agent.look(measured())
    agent.reset(0)
    # (2, 2) is worth more than (1, 2), but its backlog of 1.6 s is 2.1 s, above 2 s, every other time
    assert agent.act(seen(stream), {}).tolist() == [1, 2]
    worth = qoe(stream, (2.0, 1.0))
    assert agent.explain()["foreseen_mean"] == pytest.approx(worth)


def test_in_the_replay_world_it_knows_when_a_threshold_changes():
    event = Event(kind=EventKind.THRESHOLD, metric="backlog_s", value=0.5, at_s=3.0)
    agent, best_static = Oracle(ledger().spec, 1, ()), BestStatic(ledger().spec)
    for one in (agent, best_static):
        one.look(measured(Scenario(events=(event,))))
    levels = agent.plan(0).levels.tolist()
    # at 0.5 s only a backlog of 0.4 s will do: one of depth and checks is 1
    assert levels[:3] == [[1, 2]] * 3
    assert levels[3:] == [[0, 1]] * 3
    assert best_static.plan(0).levels.tolist() == [[0, 1]] * 6
