"""Fixtures of all tests: the real data beside the repository, where there is any. Who runs beside whom."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    """See tests/agents/test_contract.py."""
    parser.addoption(
        "--agent", type=Path, help="YAML file of an agent, to be held against the contract alone"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup`: one process has what is `real`, first; a file is not torn apart."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            group = "real" if item.get_closest_marker("real") else str(item.path)
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def data() -> Path:
    """Real clips, weights and traces; see the README there."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}: this test needs it")
    return DATA
