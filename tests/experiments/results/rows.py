"""Runs of a collection, made up: short worlds, of which only what a test says is different."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.results.run_row import Row, row_of
from experiments.runs.logged import LoggedRun

CONFIG: dict[str, Any] = {
    "name": "main",
    "agent": {"_target_": "agents.rule.Rule", "target": 0.7, "oks": 3},
    "video": {"source": "TRAFFIC", "width": 640, "height": 360, "source_fps": 30.0, "fps_levels": []},
    "detector": {"grades": ["n", "s", "m"]},
    "env": {"steps": 60, "control_interval_s": 1.0, "initial_levels": None},
    "hardware": {"devices": [{"count": 4}], "accuracy": {}},
    "scenario": {"streams": 1, "events": []},
    "slo": {
        "slos": [{"metric": "load", "threshold": 1.0, "warn_at": 0.9}],
    },
    "qoe": {"by": "KNOBS", "weights": {"fps": 1.0, "grade": 1.0}},
    "output": {"video": False},
}
FACTS: dict[str, Any] = {
    "agent": "rule",
    "video": "traffic",
    "detector": "yolo11",
    "env": "simulator",
    "hardware": "rpi5",
    "scenario": "steady",
    "slo": "default",
    "seed": 0,
    "spec_hash": "aaaaaaaaaaaa",
    "config_hash": "bbbbbbbbbbbb",
    "code_hash": "cccccccccccc",
    "git_commit": "dddddddddddd",
    "weights": "simulated",
    "status": "FINISHED",
    "error": "",
}


def row(place: str = "a", changed: Mapping[str, Any] | None = None, begun: str = "", **facts: Any) -> Row:
    """Return a run whose world nobody can build; `changed` is of its configuration, by dotted keys."""
    config = deepcopy(CONFIG)
    for key, value in (changed or {}).items():
        *parts, last = key.split(".")
        inner: Any = config
        for part in parts:
            inner = inner[int(part)] if isinstance(inner, list) else inner[part]
        inner[last] = value
    run = LoggedRun(Path(begun or f"20261126-010000-{place.replace('/', '_')}"), {**FACTS, **facts})
    vars(run)["values"] = config  # it lies nowhere
    return row_of(run, place)


def runs(*rows: Row) -> pd.DataFrame:
    """Return them as a table."""
    return pd.DataFrame(rows)
