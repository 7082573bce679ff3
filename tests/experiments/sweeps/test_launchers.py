"""Whether a launcher can begin."""

import pytest

from experiments.program.errors import ConfigError
from experiments.sweeps import conduct
from experiments.sweeps.conduct import check_launcher


def test_an_absent_launcher_names_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(conduct.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'elasticbench\[ray\]'"):
        check_launcher("hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher")
