"""The contenders of `bench simulator`: the simulator in its forms, the same in SimPy, and CartPole."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
from omegaconf import OmegaConf

from envs import SIMULATOR_ID
from envs.hardware import Device, GradeTimes, Hardware, Link, Origin
from envs.simulator.fleet import Fleet
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from envs.video import video_spec
from experiments.bench.measure import BenchError
from experiments.bench.simpy_model import SimpyPipeline
from pipeline.settings import ladders_for
from pipeline.slos import video_slo

SLOS = Path(__file__).resolve().parents[2] / "conf" / "slo" / "default.yaml"
SOURCE_SIZE = (640, 360)
SOURCE_FPS = 30.0
EPISODE_STEPS = 500  # CartPole's longest
MEAN_MS = {"n": 8.0, "s": 22.0, "m": 50.0}
N_SINGLE = 50  # steps between two looks at the clock, some ms
SEED = 1


@dataclass(frozen=True, slots=True)
class Work:
    """What was done between two looks at the clock: environment steps, and the frames in them."""

    steps: int
    frames: int


@dataclass(frozen=True, slots=True)
class World:
    """A contender; each call of `work` goes on where the last one ended."""

    name: str
    work: Callable[[], Work]


def bench_system() -> System:
    """30 frames/s for two workers like a laptop's CPU, over WiFi, at a load of 0.8: nothing is dropped.

    The figures are assumed; what is compared has the same ones.
    """
    times = {
        grade: GradeTimes({"640x360": ms}, Origin.ASSUMED, "about a laptop's CPU")
        for grade, ms in MEAN_MS.items()
    }
    device = Device(count=2, times=times, sigma=0.15, handling_ms=2.0, link=Link(3.0, 300.0))
    return System(
        ladders=ladders_for(*SOURCE_SIZE, SOURCE_FPS, tuple(MEAN_MS)),
        source_size=SOURCE_SIZE,
        source_fps=SOURCE_FPS,
        hardware=Hardware((device,)),
        steps=EPISODE_STEPS,
    )


def worlds(n_envs: int) -> list[World]:
    """Every contender, compiled and warm.

    Args:
        n_envs: copies in the vector form, >= 1.

    Raises:
        BenchError: SimPy is not installed.
    """
    made = [simpy_model(), vector(n_envs), single(), cartpole(), walk("walk", n_envs), walk("walk_one", 1)]
    for world in made:
        world.work()
    return made


def bench_spec() -> ElasticitySpec:
    """The video knobs of `bench_system`, and the default SLOs."""
    slos = [video_slo(**slo) for slo in OmegaConf.load(SLOS).slos]
    return video_spec(bench_system().ladders, slos)


def simpy_model() -> World:
    """Interval by interval, a new episode after EPISODE_STEPS."""
    if importlib.util.find_spec("simpy") is None:
        raise BenchError("SimPy is not installed: pip install 'elasticbench[bench]'")
    simpy = importlib.import_module("simpy")
    system, seed, left = bench_system(), SEED, 0
    model: SimpyPipeline | None = None

    def work() -> Work:
        nonlocal model, seed, left
        if model is None or left == 0:
            model, seed, left = SimpyPipeline(simpy.Environment(), system, seed), seed + 1, EPISODE_STEPS
        left -= 1
        return Work(1, model.step().offered)

    return World("simpy", work)


def vector(n_envs: int) -> World:
    """`gymnasium.make_vec`: observations, rewards, ends and infos of all, new episodes included."""
    system = bench_system()
    env = gym.make_vec(SIMULATOR_ID, n_envs, "vector_entry_point", spec=bench_spec(), systems=[system])
    env.reset(seed=SEED)
    actions = np.tile(np.array(system.first_levels), (n_envs, 1))

    def work() -> Work:
        infos = env.step(actions)[4]
        return Work(n_envs, int(infos["metrics"]["offered"].sum()))

    return World("vector", work)


def single() -> World:
    """`gymnasium.make`, one step after the other."""
    system = bench_system()
    env = gym.make(SIMULATOR_ID, spec=bench_spec(), systems=[system])
    env.reset(seed=SEED)
    action = np.array(system.first_levels)

    def work() -> Work:
        frames = 0
        for _ in range(N_SINGLE):
            _, _, _, is_over, info = env.step(action)
            frames += int(info["metrics"]["offered"])
            if is_over:
                env.reset()
        return Work(N_SINGLE, frames)

    return World("single", work)


def cartpole() -> World:
    """`gymnasium.make("CartPole-v1")`, the same episode again and again: its pole is balanced to the end."""
    env = gym.make("CartPole-v1")
    observation, _ = env.reset(seed=SEED)
    actions, is_over = [], False
    while not is_over:
        actions.append(int(observation[2] + observation[3] > 0))  # angle and its velocity
        observation, _, has_fallen, is_truncated, _ = env.step(actions[-1])
        is_over = has_fallen or is_truncated

    def work() -> Work:
        env.reset(seed=SEED)
        for action in actions:
            env.step(action)
        return Work(len(actions), 0)

    return World("cartpole", work)


def walk(name: str, n: int) -> World:
    """Nothing but the compiled part: n episodes walked and judged."""
    system = bench_system()
    fleet = Fleet(bench_spec(), [system], n)
    rng = np.random.default_rng(SEED)
    for i in range(n):
        fleet.begin(i, rng, SEED + i)
    actions = np.tile(np.array(system.first_levels), (n, 1))
    n_steps = 1 if n > 1 else N_SINGLE

    def work() -> Work:
        for _ in range(n_steps):
            fleet.step(actions)
        return Work(n * n_steps, 0)

    return World(name, work)
