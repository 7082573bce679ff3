"""What MLflow shows beside a trace, from summaries alone."""

import math

from experiments.tracking.facts import (
    run_note,
    summary_figures,
    summary_tags,
    sweep_facts,
    sweep_tags,
)
from experiments.tracking.store import figures_of, metric_name, tracking_uri

HEAD = {"agent": "rule", "video": "traffic", "env": "simulator", "seed": 3, "status": "FINISHED", "error": ""}
WORLD = {"hardware": "rpi5", "scenario": "steady", "slo": "default"}
ENDED = [
    {"agent": "a", "status": "FINISHED", "qoe_mean": 0.25},
    {"agent": "a", "status": "FINISHED", "qoe_mean": 0.75},
    {"agent": "a", "status": "FAILED", "qoe_mean": 0.0},
    {"agent": "b", "status": "KILLED"},
]


def test_a_summarys_numbers_become_metrics_and_its_words_tags():
    summary = {**HEAD, "qoe_mean": 0.5, "depth": None, "frames": {"late": 2}, "source": {"truncated": True}}
    assert summary_figures(summary) == {
        "summary.qoe_mean": 0.5,
        "summary.frames.late": 2,
        "summary.source.truncated": 1,
    }
    tags = {name: text for name, text in summary_tags(summary).items() if not name.startswith("mlflow.")}
    assert tags == {**{name: str(value) for name, value in HEAD.items() if value != ""}}


def test_figures_are_finite_numbers_under_names_mlflow_takes():
    row = {"p(ok) %": 1, "b": True, "nan": math.nan, "inf": -math.inf, "text": "t", "none": None}
    assert figures_of(row) == {"p_ok_ _": 1.0, "b": 1.0}
    assert metric_name("workers.worker-0/µs") == "workers.worker-0/_s"


def test_a_run_is_described_by_who_where_and_what_came_of_it():
    where = "rule on traffic (simulator), hardware rpi5, scenario steady, slo default, seed 3."
    figures = {"slo_fulfilment": 0.979, "steps": 180, "qoe_mean": 0.86}
    assert run_note({**HEAD, **WORLD, **figures}) == (
        f"{where} FINISHED; all SLOs hold in 97.9 % of 180 steps, QoE 0.860."
    )
    assert (
        run_note({**HEAD, **WORLD, "status": "FAILED", "error": "it broke"}) == f"{where} FAILED: it broke."
    )


def test_means_are_taken_agent_by_agent_over_finished_runs():
    figures, note = sweep_facts(ENDED)
    assert figures == {"runs.finished": 2, "runs.failed": 2, "qoe_mean.a": 0.5}
    assert note == "4 runs of a, b: 2 finished, 2 failed."


def test_the_source_is_what_was_typed():
    assert summary_tags({**HEAD, "command": "python -m x 'a b'"})["mlflow.source.name"] == "python -m x 'a b'"
    about = {"overrides": ["a=1", "b=2"], "command": "python -m x -m a=1 b=2"}
    assert sweep_tags(about)["mlflow.source.name"] == about["command"]


def test_the_users_tracking_server_comes_before_our_own_file(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    assert tracking_uri(tmp_path) == "http://127.0.0.1:1"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path / 'mlflow.db'}"
