"""The command, from its configuration to the picture."""

import io

import pandas as pd
import pytest
from hydra import compose
from omegaconf import OmegaConf
from rich.console import Console

from experiments.config.programs import ForecastsConfig
from experiments.forecast import PAIRS, PICTURE, SCORES, check, execute
from experiments.program.errors import ConfigError

pytestmark = pytest.mark.usefixtures("hydra_here")

TINY = (
    "agents=[mpc]",
    "worlds.hardware=[rpi5]",
    "worlds.scenarios=[steady]",
    "moments=[1,3]",
    "env.steps=6",
    "held=2",
    "clones=3",
    "settings=4",
    "live=false",
)


def typed(*overrides: str) -> ForecastsConfig:
    config = OmegaConf.to_object(compose("forecasts", overrides=list(overrides)))
    assert isinstance(config, ForecastsConfig)
    return config


def test_forecasts_scores_and_a_picture_are_left(tmp_path):
    console = Console(file=io.StringIO(), width=160, record=True)
    config = typed(*TINY, f"results={tmp_path}")
    directory = execute(config, "", console)
    pairs, scores = pd.read_csv(directory / PAIRS), pd.read_csv(directory / SCORES)
    assert len(pairs) == 2 * 4 * (5 + 1)  # moments, settings, SLOs and all
    assert set(pairs["forecast"].between(0, 1)) == {True}
    assert scores["n"].tolist() == [8] * 6
    assert (directory / PICTURE).stat().st_size > 10_000
    text = console.export_text()
    for word in ("Brier", "reliability", "all SLOs", str(directory / PICTURE)):
        assert word in text


def test_the_configuration_as_it_is_asks_when_nothing_happens_meanwhile():
    config = typed()
    check(config)
    turns = (40, 80)  # thirds of 120 steps, at which the scenarios' events are
    for moment in config.moments:
        assert not any(moment < turn <= moment + config.held for turn in turns)


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("clones=0", "clones must be >= 1, got 0"),
        ("settings=2", "settings must be >= 3, got 2"),
        ("agents=[]", "agents must not be empty"),
        ("worlds.scenarios=[]", "scenarios must not be empty"),
        ("moments=[]", "moments must not be empty"),
        ("moments=[5]", r"moments must be in \[0, env\.steps - held = 4\], got \[5\]"),
        ("env=pipeline", "only the simulator can be copied: say env=simulator"),
    ],
)
def test_what_is_out_of_range_is_one_clear_error(override, complaint):
    rest = [] if override.startswith("env=") else [*TINY]
    with pytest.raises(ValueError, match=complaint):
        check(typed(*rest, override))


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("agents=[rule]", "agents: rule makes no forecasts"),
        ("video.fps_levels=[60]", "rpi5/steady: video traffic"),
    ],
)
def test_who_or_what_cannot_be_asked_is_named_before_anything_starts(override, complaint, tmp_path):
    with pytest.raises(ConfigError, match=complaint):
        execute(typed(*TINY, override, f"results={tmp_path}"), "", Console(file=io.StringIO()))
    assert not list(tmp_path.iterdir())
