"""The contenders: the simulator in its forms, the same system in SimPy, and CartPole.

Each is a function that does some milliseconds of work at a call, from where the last call ended, and returns
the number of environment steps in it.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable

import gymnasium as gym
import numpy as np

from benchmarks.simulator.simpy_model import SimpyPipeline
from benchmarks.system import EPISODE_STEPS, bench_spec, bench_system
from benchmarks.turns import BenchmarkError, Turn
from envs import SIMULATOR_ID
from envs.simulator.fleet import Fleet

SEED = 1
N_SINGLE = 50  # steps between two looks at the clock, some ms

Work = Callable[[], int]


def contenders(n_envs: int) -> dict[str, Work]:
    """Return every contender by name, compiled and warm.

    Args:
        n_envs: copies in the vector form, >= 1.

    Raises:
        BenchmarkError: SimPy is not installed.
    """
    made = {
        "simpy": simpy_model(),
        "vector": vector(n_envs),
        "single": single(),
        "cartpole": cartpole(),
        "walk": walk(n_envs),
        "walk_one": walk(1),
    }
    for work in made.values():
        work()
    return made


def take_turn(work: Work, seconds: float) -> Turn:
    """Let a contender work for at least so long."""
    steps, cpu_before_s, began_s = 0, time.process_time(), time.perf_counter()
    while (elapsed_s := time.perf_counter() - began_s) < seconds or steps == 0:
        steps += work()
    return Turn(steps, elapsed_s, time.process_time() - cpu_before_s)


def simpy_model() -> Work:
    """Interval by interval, a new episode after EPISODE_STEPS."""
    if importlib.util.find_spec("simpy") is None:
        raise BenchmarkError("SimPy is not installed: pip install 'elasticbench[bench]'")
    simpy = importlib.import_module("simpy")
    system, seed, left = bench_system(), SEED, 0
    model: SimpyPipeline | None = None

    def work() -> int:
        nonlocal model, seed, left
        if model is None or left == 0:
            model, seed, left = SimpyPipeline(simpy.Environment(), system, seed), seed + 1, EPISODE_STEPS
        left -= 1
        model.step()
        return 1

    return work


def vector(n_envs: int) -> Work:
    """`gymnasium.make_vec`: observations, rewards, ends and infos of all, new episodes included."""
    system = bench_system()
    env = gym.make_vec(SIMULATOR_ID, n_envs, "vector_entry_point", spec=bench_spec(), systems=[system])
    env.reset(seed=SEED)
    actions = np.tile(np.array(system.first_levels), (n_envs, 1))

    def work() -> int:
        env.step(actions)
        return n_envs

    return work


def single() -> Work:
    """`gymnasium.make`, one step after the other."""
    system = bench_system()
    env = gym.make(SIMULATOR_ID, spec=bench_spec(), systems=[system])
    env.reset(seed=SEED)
    action = np.array(system.first_levels)

    def work() -> int:
        for _ in range(N_SINGLE):
            if env.step(action)[3]:
                env.reset()
        return N_SINGLE

    return work


def walk(n: int) -> Work:
    """Nothing but the compiled part: n episodes walked and judged."""
    system = bench_system()
    fleet = Fleet(bench_spec(), [system], n)
    rng = np.random.default_rng(SEED)
    for i in range(n):
        fleet.begin(i, rng, SEED + i)
    actions = np.tile(np.array(system.first_levels), (n, 1))
    n_steps = 1 if n > 1 else N_SINGLE

    def work() -> int:
        for _ in range(n_steps):
            fleet.step(actions)
        return n * n_steps

    return work


def cartpole() -> Work:
    """`gymnasium.make("CartPole-v1")`, the same episode again and again: its pole is balanced to the end."""
    env = gym.make("CartPole-v1")
    observation, _ = env.reset(seed=SEED)
    actions, is_over = [], False
    while not is_over:
        actions.append(int(observation[2] + observation[3] > 0))  # angle and its velocity
        observation, _, has_fallen, is_truncated, _ = env.step(actions[-1])
        is_over = has_fallen or is_truncated

    def work() -> int:
        env.reset(seed=SEED)
        for action in actions:
            env.step(action)
        return len(actions)

    return work
