"""What no setting can hold is said before a run, and what workers lack."""

import numpy as np
import pytest
from hydra import compose
from omegaconf import OmegaConf

from envs.spec import ElasticitySpec, Knob
from experiments.worlds import feasibility
from experiments.worlds.feasibility import Ratios, unattainable
from experiments.worlds.plan import plan_run
from pipeline.slos import Slo

SPEC = ElasticitySpec(
    (Knob("rate", "1/s", (1, 2), (1.0, 2.0), ((1.0, 2.0),)),), (Slo("load", 1.0), Slo("lag", 1.0))
)


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ([[0.5, 0.9], [2.0, 3.0]], ""),
        ([[0.5, 1.5], [2.0, 1.2]], "no setting holds lag (at best 1.20 × its threshold, 2 /s"),
        ([[1.4, 0.5], [0.5, 1.2]], "at best lag comes to 1.20 × its threshold (2 /s"),
    ],
)
def test_it_says_what_nobody_can_hold_and_how_close_the_best_comes(ratios, said):
    text = unattainable(SPEC, Ratios(np.array([[0], [1]]), np.array(ratios)))
    assert said in text and bool(said) == bool(text)


@pytest.mark.usefixtures("hydra_here")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hardware.devices.0.count=3"], "workers compute in 3 threads, and may use 2 cores here"),
        (["hardware.devices.0.count=2"], ""),
        (["hardware=epyc_2cores", "hardware.devices.0.count=3", "env.emulate=true"], ""),
        (["hardware=rpi5"], ""),
    ],
)
def test_workers_that_share_cores_are_spoken_of(words, said, monkeypatch):
    monkeypatch.setattr(feasibility, "usable_cores", lambda: (0, 1))
    text = feasibility.crowding(plan_run(OmegaConf.to_object(compose("config", words))))  # type: ignore[arg-type]
    assert text.startswith(said) and bool(said) == bool(text)
