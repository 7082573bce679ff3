"""What tests of this floor share."""

from collections.abc import Iterator

import pytest
from hydra import initialize_config_dir

from experiments.config.composing import register
from experiments.config.schemas import CONF


@pytest.fixture
def hydra_here() -> Iterator[None]:
    """Let tests compose as programs do: the schemas of all of them are known."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield
