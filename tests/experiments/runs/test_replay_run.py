"""`env=replay` from its configuration to its summary, on a data set small enough to write here."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from agents.static import Static
from experiments.config.composing import register
from experiments.config.schemas import CONF, RunConfig
from experiments.display.views import step_line
from experiments.program.errors import ConfigError
from experiments.runs.episode import Step, Steps, play
from experiments.runs.summary import summarise
from experiments.runs.trace import row_of
from experiments.worlds.plan import Plan, plan_run
from tests.envs.replay.test_videostreamenv import lines, written


@pytest.fixture(autouse=True)
def hydra_here() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def plan(path: Path, *overrides: str) -> Plan:
    config = OmegaConf.to_object(
        compose("config", overrides=["env=replay", f"env.path={path}", "env.steps=4", *overrides])
    )
    assert isinstance(config, RunConfig)
    return plan_run(config)


@pytest.fixture
def episode(tmp_path) -> tuple[Plan, list[Step]]:
    """Four steps at the highest setting."""
    planned = plan(written(tmp_path, lines()))
    kept = Steps()
    play(Static(planned.spec, "highest"), planned.make_env(tmp_path, lambda _: None), 0, [kept])
    return planned, kept.seen


def test_the_data_set_brings_its_own_knobs_and_slos(tmp_path):
    planned = plan(written(tmp_path, lines()), "slo.slos=[]", "video=camera")
    assert [knob.name for knob in planned.spec.knobs] == ["resolution", "streams", "fps"]
    assert "network_bytes_per_s" in [slo.metric for slo in planned.spec.slos]


def test_its_trace_has_a_summary_with_no_latency(episode):
    planned, steps = episode
    trace = pd.DataFrame([row_of(step, [knob.name for knob in planned.spec.knobs]) for step in steps])
    summary = summarise(trace)
    assert summary["steps"] == 4
    assert summary["latency_p95_ms"] is None
    assert summary["slo_fulfilment_by_slo"]["streams"] == 1.0


def test_a_line_of_a_step_has_dashes_for_what_was_not_measured(episode):
    planned, steps = episode
    line = step_line(steps[-1], planned.spec)
    assert "360 px · 5 · 20 /s" in line
    assert "p95 – ms" in line


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("env.steps=0", "env or scenario: steps must be >= 1"),
        ("env.initial_levels=[0,0,9]", "env or scenario: an action is one integer below"),
        ("scenario=worker_loss", "env or scenario: nothing but thresholds .* lose_worker, join_worker$"),
        ("env.path=nowhere.csv", r"env\.path: no data set at nowhere\.csv"),
    ],
)
def test_a_bad_value_is_found_beforehand_and_named(tmp_path, override, message):
    with pytest.raises(ConfigError, match=message):
        plan(written(tmp_path, lines()), override)
