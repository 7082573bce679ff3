"""The simulator as an environment: the interface, its vector form, determinism, conservation, refusals."""

import math
import random
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import envs
from envs.accuracy import GradeF1, StreamProfile
from envs.hardware import Device, Hardware, Origin
from envs.observe import OUTCOMES, spared
from envs.patterns import LinkPattern, LoadPattern, LoadShape
from envs.scenario import Event, EventKind, Scenario
from envs.simulator.env import SimulatorEnv
from envs.simulator.system import System
from envs.simulator.vector import SimulatorVectorEnv
from pipeline.options import QueuePolicy
from tests.envs.simulator.systems import device, random_system, spec, system

SPEC = spec()
POWERED = {"idle_w": 2.0, "busy_w": 6.0, "power_source": "this test"}


def actions(seed: int, n: int) -> list[tuple[int, ...]]:
    rng = random.Random(seed)
    return [tuple(rng.randrange(n) for n in SPEC.n_levels) for _ in range(n)]


def same(a: Any, b: Any) -> bool:
    """Bit for bit; NaN equals NaN."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, np.ndarray) and a.dtype == object:
        return all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return a is b or a == b or (math.isnan(a) and math.isnan(b))


def test_gymnasium_finds_no_fault():
    # its checker takes NaN for a difference: everything must be known after the first interval
    f1 = StreamProfile((0.0,), {"n": GradeF1({"36": (0.8,)}, Origin.ASSUMED, "this test")})
    quick = system(hardware=Hardware((device(1.0, **POWERED),)), accuracy=f1)
    env = gym.make(envs.SIMULATOR_ID, spec=SPEC, systems=[quick])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)


def test_equal_seeds_and_actions_are_equal_episodes():
    episodes = []
    for _ in range(2):
        env = SimulatorEnv(SPEC, [random_system(5)])
        episodes.append([env.reset(seed=9), *(env.step(action) for action in actions(1, 20))])
    for (observation, *rest), (again, *others) in zip(*episodes, strict=True):
        assert np.array_equal(observation, again)
        assert rest[:-1] == others[:-1] and same(rest[-1], others[-1])


def test_measures_of_the_setting_alone_are_those_of_the_spec():
    env = SimulatorEnv(SPEC, [system()])
    env.reset(seed=3)
    for levels in actions(4, 5):
        info = env.step(levels)[4]
        in_force = list(info["levels"].values())
        assert info["qoe_by"]["frugal"] == pytest.approx(spared(SPEC, in_force))
        assert info["qoe_by"]["levels"] == pytest.approx(np.mean(SPEC.positions(in_force)))


def test_another_seed_draws_other_service_times():
    env = SimulatorEnv(SPEC, [system(hardware=Hardware((device(sigma=0.3),)))])
    latencies = set()
    for seed in (1, 2):
        env.reset(seed=seed)
        latencies.add(env.step((3, 2, 1))[4]["metrics"]["latency_p50_ms"])
    assert len(latencies) == 2


def scalar_envs(systems: list[System], n: int) -> SyncVectorEnv:
    return SyncVectorEnv([lambda: SimulatorEnv(SPEC, systems)] * n, autoreset_mode=AutoresetMode.SAME_STEP)


def test_the_vector_form_is_the_scalar_one_bit_for_bit():
    """Observations, rewards, ends and every figure of info, through two autoresets."""
    systems = [random_system(seed) for seed in (3, 14, 15)]
    n = 6
    vector = gym.make_vec(
        envs.SIMULATOR_ID,
        num_envs=n,
        vectorization_mode="vector_entry_point",
        spec=SPEC,
        systems=systems,
    )
    scalar = scalar_envs(systems, n)
    ours, theirs = vector.reset(seed=40), scalar.reset(seed=40)
    assert np.array_equal(ours[0], theirs[0]) and same(ours[1], theirs[1])
    n_over = 0
    for action in actions(2, 45):
        batch = np.tile(np.array(action), (n, 1))
        ours, theirs = vector.step(batch), scalar.step(batch)
        for mine, yours in zip(ours[:4], theirs[:4], strict=True):
            assert np.array_equal(mine, yours)
        assert same(ours[4], theirs[4])
        n_over += int(ours[3].sum())
    assert n_over >= 2 * n


def test_every_frame_is_accounted_for_in_every_step():
    for seed in range(20):
        env = SimulatorEnv(SPEC, [random_system(seed)])
        env.reset(seed=seed)
        for action in actions(seed, 20):
            *_, over, info = env.step(action)
            frames = info["frames"]
            assert frames["offered"] == sum(frames[name] for name in OUTCOMES), seed
            assert sum(info["drops"].values()) == frames["dropped"]
            if over:
                break


def test_an_episode_ends_with_its_steps_or_with_its_source():
    env = SimulatorEnv(SPEC, [system(steps=3)])
    env.reset(seed=0)
    assert [env.step((0, 0, 0))[3] for _ in range(3)] == [False, False, True]
    with pytest.raises(gym.error.ResetNeeded):
        env.step((0, 0, 0))
    env = SimulatorEnv(SPEC, [system(steps=9, source_length_s=2.0)])
    env.reset(seed=0)
    over, steps = False, 0
    while not over:
        *_, over, info = env.step((3, 0, 0))
        steps += 1
    assert steps in (2, 3) and info["frames"]["delivered"] == info["frames"]["offered"] == 60


def test_a_decision_that_takes_its_time_is_in_force_later():
    late = system(decision_ms=500.0, initial_levels=(0, 0, 0))
    env = SimulatorEnv(SPEC, [late])
    env.reset(seed=0)
    # 0, 0.2, 0.4 s at 5/s; the next was chosen before the change, at 0.6 s; then 11 more at 30/s
    assert env.step((3, 0, 0))[4]["metrics"]["offered"] == 3 + 1 + 11


def test_power_lies_between_idle_and_busy():
    env = SimulatorEnv(SPEC, [system(hardware=Hardware((device(**POWERED),)))])
    env.reset(seed=0)
    env.step((0, 0, 0))
    idle_w = env.step((0, 0, 0))[4]["metrics"]["power_w"]
    for _ in range(4):
        busy_w = env.step((3, 2, 2))[4]["metrics"]["power_w"]
    assert 4.0 < idle_w < 4.5 and 11.0 < busy_w <= 12.0


def test_patterns_drive_the_simulated_load_and_links():
    scenario = Scenario(
        load=LoadPattern(shape=LoadShape.DIURNAL, low=1, high=3, period_s=20.0),
        links=LinkPattern(low_mbit_s=0.5, high_mbit_s=50.0),
    )
    env = SimulatorEnv(SPEC, [system(scenario=scenario)])
    env.reset(seed=0)
    streams = [env.step((0, 0, 0))[4]["streams"] for _ in range(20)]
    assert streams[0] == 1 and max(streams) == 3 and streams[-1] == 1


def test_a_threshold_moves_with_the_scenario():
    event = Event(kind=EventKind.THRESHOLD, metric="load", value=0.5, at_s=1.0)
    env = SimulatorEnv(SPEC, [system(scenario=Scenario(events=(event,)))])
    env.reset(seed=0)
    infos = [env.step((3, 2, 0))[4] for _ in range(2)]
    assert [info["thresholds"]["load"] for info in infos] == [1.0, 0.5]
    assert infos[1]["ratios"]["load"] == pytest.approx(infos[1]["metrics"]["load"] / 0.5)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"steps": 0}, "steps must be >= 1"),
        ({"queue_policy": QueuePolicy.WAIT}, "WAIT stretches time"),
        ({"decision_ms": 1000.0}, "decision_ms must be >= 0 and below the interval"),
        ({"lease_s": 0.0}, "lease_s must be a finite number > 0"),
        ({"prefetch": 0}, "prefetch must be >= 1"),
        ({"initial_levels": (9, 0, 0)}, "fps level must be in 0..3"),
        ({"hardware": Hardware((Device(native=True),))}, "experiments.calibrate"),
        ({"hardware": Hardware((device(count=17),))}, "room for 16 workers"),
        ({"scenario": Scenario(streams=17)}, "room for 16 concurrent streams"),
        (
            {"scenario": Scenario(events=(Event(kind=EventKind.LOSE_WORKER, worker=2, at_s=1.0),))},
            "names worker 2",
        ),
    ],
)
def test_what_cannot_be_simulated_is_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        SimulatorEnv(SPEC, [system(**changes)])


@pytest.mark.parametrize("action", [(0, 0), (0, 0, 3), (-1, 0, 0), (0.5, 0, 0)])
def test_an_impossible_action_is_refused(action):
    env = SimulatorEnv(SPEC, [system()])
    env.reset(seed=0)
    with pytest.raises(ValueError, match="an action is one integer below"):
        env.step(action)


def test_a_vector_needs_one_seed_each():
    with pytest.raises(ValueError, match="one seed per environment, 2, got 3"):
        SimulatorVectorEnv(SPEC, [system()], 2).reset(seed=[1, 2, 3])
