"""Agents, each made and compiled once for all tests: they are told apart by `reset`."""

from collections.abc import Callable

import pytest

from agents.base import Agent
from tests.agents.episodes import make
from tests.agents.streams import STREAMS, Stream


@pytest.fixture(scope="session")
def streams() -> dict[str, Stream]:
    """By name: "video", "ledger", "lidar"."""
    return {name: build() for name, build in STREAMS.items()}


@pytest.fixture(scope="session")
def agent_for(streams) -> Callable[[str, str], Agent]:
    """The agent of a name for the stream of a name, as conf/ has it."""
    made: dict[tuple[str, str], Agent] = {}

    def get(agent: str, stream: str) -> Agent:
        if (agent, stream) not in made:
            made[agent, stream] = make(agent, streams[stream].spec)
        return made[agent, stream]

    return get
