"""Fixtures of all tests: the real data beside the repository, where there is any."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    """See tests/agents/test_contract.py."""
    parser.addoption(
        "--agent", type=Path, help="YAML file of an agent, to be held against the contract alone"
    )


@pytest.fixture(scope="session")
def data() -> Path:
    """Real clips, weights and traces; see the README there."""
    if not DATA.is_dir():
        pytest.skip(f"no real data at {DATA}: this test needs it")
    return DATA
