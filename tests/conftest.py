"""Fixtures of all tests: the real data beside the repository, where there is any. Who runs beside whom."""

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    """See tests/agents/test_contract.py."""
    parser.addoption(
        "--agent", type=Path, help="YAML file of an agent, to be held against the contract alone"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is `real` comes first, for it takes longest, and all of it is in one process."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.xdist_group("real"))


class ByGroupAndFile(LoadGroupScheduling):
    """One process has a group of tests, and one what is left of a file: fixtures are made once."""

    def _split_scope(self, nodeid: str) -> str:
        group = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if group == nodeid else group


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByGroupAndFile:
    """With `-n 2 --dist loadgroup`, as `make test` has it."""
    return ByGroupAndFile(config, log)


@pytest.fixture(scope="session")
def data() -> Path:
    """Real clips, weights and traces; see the README there."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}: this test needs it")
    return DATA
