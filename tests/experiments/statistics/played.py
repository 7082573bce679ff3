"""Episodes whose figures can be computed by hand."""

from typing import Any

import numpy as np
import pandas as pd

from experiments.statistics.episode import Episode, Reference, References, episode_of, episode_table
from pipeline.slos import SloState

REFERENCES = {"a": Reference(0.0, {0: 1.0, 1: 0.5}), "b": Reference(0.2, {0: 0.25, 1: 0.25})}


def rows(n: int = 20, **columns: Any) -> pd.DataFrame:
    """Return an episode in which all is well and nothing moves, but for what is given."""
    values = {
        "step": range(n),
        "reward": 0.5,
        "qoe": 0.5,
        "interval_s": 0.5,
        "overrun": False,
        "decision_ms": 2.0,
        "learning_ms": 3.0,
        "action.pace": 1,
        "slos.lag": int(SloState.OK),
        "ratios.lag": 0.5,
        "metrics.latency_p50_ms": 10.0,
        "metrics.latency_p95_ms": 20.0,
        "metrics.latency_p99_ms": 30.0,
        **{f"frames.{name}": np.arange(n) for name in ("offered", "delivered", "dropped", "lost", "late")},
    }
    values |= columns
    known = {name.replace("slos.", "known."): True for name in values if name.startswith("slos.")}
    return pd.DataFrame({**known, **values}, index=range(n))


def episode(agent: str = "x", cell: str = "a", seed: int = 0, points=(), **columns: Any) -> Episode:
    """Return what comes of such rows."""
    return episode_of(rows(**columns), agent, cell, "block", seed, points)


def table(*episodes: Episode, references: References = REFERENCES) -> pd.DataFrame:
    """Return them as the statistics take them."""
    return episode_table(episodes, references)
