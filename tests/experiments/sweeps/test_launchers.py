"""Whether a launcher can begin."""

import socket

import pytest
from omegaconf import OmegaConf

from experiments.program.errors import ConfigError
from experiments.sweeps import conduct
from experiments.sweeps.conduct import check_launcher, without_launcher

RAY = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"


def test_an_absent_launcher_names_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(conduct.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'elasticbench\[ray\]'"):
        check_launcher(OmegaConf.create({"_target_": RAY}))


def test_a_cluster_that_nobody_answers_for_is_named_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"nobody answers at {address}"):
            check_launcher(OmegaConf.create({"_target_": RAY, "ray": {"init": {"address": address}}}))


@pytest.mark.parametrize("address", [None, "auto", "local"])
def test_what_ray_looks_up_itself_is_left_to_it(address):
    check_launcher(OmegaConf.create({"_target_": RAY, "ray": {"init": {"address": address}}}))


def test_a_job_launches_nothing():
    given = ["hydra/launcher=ray", "hydra.launcher.ray.init.address=auto", "hydra.verbose=true"]
    assert without_launcher(given) == ["hydra.verbose=true"]
