"""What tests of this floor share."""

from collections.abc import Iterator

import pytest
from hydra import initialize_config_dir

from experiments.calibration import schema as calibration
from experiments.config.schemas import CONF
from experiments.forecasts import schema as forecasts
from experiments.results import schemas as results
from experiments.sweeps import study_schema
from experiments.training import schemas as training


@pytest.fixture
def hydra_here() -> Iterator[None]:
    """Let tests compose as programs do: the schemas of all of them are known."""
    for schema in (calibration, forecasts, results, study_schema, training):
        schema.register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield
