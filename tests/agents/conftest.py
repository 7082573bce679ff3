"""Agents, each made and compiled once for all tests: they are told apart by `reset`."""

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import pytest

from agents.base import Agent
from envs.replay.videostreamenv import DataSet, read_data_set
from envs.spec import ElasticitySpec
from tests.agents.episodes import make
from tests.agents.streams import STREAMS, Stream
from tests.agents.worlds import FADING, PlantEnv


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process has all tests of the agents that are made and compiled once."""
    for item in items:
        if "agent_for" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("agents"))


@pytest.fixture(scope="session")
def streams() -> dict[str, Stream]:
    """By name: "video", "ledger", "lidar"."""
    return {name: build() for name, build in STREAMS.items()}


@pytest.fixture(scope="session")
def measured(data) -> DataSet:
    """Measurements of a real phone, to be replayed."""
    path = data / "videostreamenv" / "metrics.csv.gz"
    if not path.is_file():
        pytest.skip(f"no data set at {path}: this test needs it")
    return read_data_set(path)


@pytest.fixture(scope="session")
def spec_of(streams, request) -> Callable[[str], ElasticitySpec]:
    """The spec of a stream's name, or of "replay"."""

    def get(world: str) -> ElasticitySpec:
        return request.getfixturevalue("measured").spec if world == "replay" else streams[world].spec

    return get


@pytest.fixture(scope="session")
def env_of(streams, request) -> Callable[[str], gym.Env[Any, Any]]:
    """A new environment, twelve steps long: the plant of a stream's name, or "replay"."""

    def get(world: str) -> gym.Env[Any, Any]:
        if world == "replay":
            return request.getfixturevalue("measured").world(steps=len(FADING))
        return PlantEnv(streams[world])

    return get


@pytest.fixture(scope="session")
def agent_for(spec_of) -> Callable[[str, str], Agent]:
    """The agent of a name for the world of a name, as conf/ has it."""
    made: dict[tuple[str, str], Agent] = {}

    def get(agent: str, world: str) -> Agent:
        if (agent, world) not in made:
            made[agent, world] = make(agent, spec_of(world))
        return made[agent, world]

    return get
