"""What an agent meets is the same in every world of streams: spaces, observation, reward, info."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from envs.observe import Snapshot, judge
from envs.simulator.env import SimulatorEnv
from envs.simulator.system import System
from pipeline.catalogue import CATALOGUE
from pipeline.settings import ladders_for
from pipeline.slos import SloReading, SloState
from tests.envs.fakes import interval
from tests.envs.test_emulated_pipeline import HARDWARE, SPEC, env_in

pytestmark = pytest.mark.real

LADDERS = ladders_for(320, 180, 30.0, ("n", "s"), (10.0, 30.0), (90, 180))
NAMED_BY_EVENTS = ("workers", "drops")  # whose entries come and go
# a simulated source has nothing wrong with it, nothing in it that could be found, and takes no power
OF_THE_PIPELINE_ALONE = ("source", "scoring", "power_source")


def pipeline(directory: Path) -> gym.Env:
    return env_in(directory, steps=3)


def simulator(directory: Path) -> gym.Env:
    system = System(
        ladders=LADDERS,
        source_size=(320, 180),
        source_fps=30.0,
        hardware=HARDWARE,
        steps=3,
        control_interval_s=0.5,
        initial_levels=(0, 0, 0),
    )
    return SimulatorEnv(SPEC, [system])


@pytest.fixture(params=[pipeline, simulator], ids=lambda world: world.__name__)
def env(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[gym.Env]:
    make: Callable[[Path], gym.Env] = request.param
    made = make(tmp_path)
    yield made
    made.close()


def known_in(env: gym.Env, info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an info has in a world, of what `judge` makes: the simulator knows some metrics only."""
    if not isinstance(env, SimulatorEnv):
        return dict(info)
    unknown = {name for name, metric in CATALOGUE.items() if not metric.is_simulated}
    return {**info, "metrics": {name: v for name, v in info["metrics"].items() if name not in unknown}}


def shape(value: Any, name: str = "") -> Any:
    """Names and types, however deep."""
    if isinstance(value, Mapping):
        inner = {key: shape(item, key) for key, item in value.items()}
        return sorted({str(entry) for entry in inner.values()}) if name in NAMED_BY_EVENTS else inner
    return type(value).__name__


def example(step: int) -> Mapping[str, Any]:
    """What `judge` makes of an ordinary interval."""
    return judge(
        SPEC,
        Snapshot(
            step=step,
            levels=(0, 0, 0),
            previous=(0, 0, 0),
            settings=LADDERS.settings((0, 0, 0)),
            streams=1,
            interval=interval() if step else None,
            interval_s=0.5,
        ),
    ).info


def test_every_world_speaks_the_same_language(env):
    assert env.observation_space == SPEC.observation_space and env.action_space == SPEC.action_space
    observation, info = env.reset(seed=1)
    assert observation in env.observation_space and observation.dtype == np.float32
    expected = shape(known_in(env, example(0)))
    assert shape({**info, "workers": {}, "drops": {}}) == {**expected, "workers": [], "drops": []}
    for step in (1, 2, 3):
        observation, reward, terminated, truncated, info = env.step(np.array([0, 0, 0]))
        assert observation in env.observation_space and observation.dtype == np.float32
        assert type(reward) is float and -1 <= reward <= 1 and 0 <= info["qoe"] <= 1
        assert (terminated, truncated, info["step"]) == (False, step == 3, step)
        expected = shape(known_in(env, example(step)))
        alike = {key: value for key, value in info.items() if key not in OF_THE_PIPELINE_ALONE}
        assert shape({**alike, "drops": {}}) == {**expected, "drops": []}
        assert SPEC.encode((0, 0, 0), _readings(info), info["metrics"]) == pytest.approx(observation)


def _readings(info: Mapping[str, Any]) -> Any:
    return {
        name: SloReading(ratio, SloState(info["slos"][name]), info["known"][name])
        for name, ratio in info["ratios"].items()
    }
