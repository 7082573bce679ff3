"""What MLflow shows of a run or a sweep: figures, tags, a description, and the gist of a trace."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.program.console import counted
from experiments.runs.record import RunStatus
from experiments.runs.summary import dotted, slo_names
from experiments.tracking.store import NOTE, figures_of

FIGURES = ("slo_fulfilment", "qoe_mean", "reward_mean")  # of runs' summaries; their means, agent by agent
SOURCE = "mlflow.source.name"  # a JOB's is shown whole; of others only what follows the last slash
ALWAYS = (
    *("qoe", "qoe_by.f1", "reward", "decision_ms", "learning_ms"),
    *("metrics.live_workers", "metrics.delivered_fps"),
)
FAMILIES = ("ratios.", "settings.")  # with those, columns of a gist
SOURCE_TYPE = {"mlflow.source.type": "JOB"}


def summary_figures(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a summary, nested ones by dotted name; the seed is no result."""
    return figures_of({f"summary.{name}": value for name, value in dotted(summary).items() if name != "seed"})


def summary_tags(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what a summary says that the run is: its words, and the seed; `status` in our own.

    Releases and facts of the machine are there as `version.PACKAGE` and `machine.FACT`.
    """
    found = {name: value for name, value in summary.items() if isinstance(value, str)}
    found |= {f"version.{package}": release for package, release in summary.get("releases", {}).items()}
    found |= {f"machine.{name}": fact for name, fact in summary.get("machine", {}).items()}
    found |= {"seed": str(summary.get("seed", "")), NOTE: run_note(summary), **SOURCE_TYPE}
    found |= {SOURCE: summary.get("command", ""), "mlflow.source.git.commit": summary.get("git_commit", "")}
    return {name: text for name, text in found.items() if text}


def run_note(summary: Mapping[str, Any]) -> str:
    """Return who was at work, in what world, and what came of it: two sentences."""
    where = ", ".join(f"{group} {summary.get(group)}" for group in ("hardware", "scenario", "slo", "seed"))
    came = ": ".join(filter(None, (summary.get("status"), summary.get("error"))))
    if summary.get("slo_fulfilment") is not None:
        share, qoe = 100 * summary["slo_fulfilment"], summary["qoe_mean"]
        came += f"; all SLOs hold in {share:.1f} % of {counted(summary['steps'], 'step')}, QoE {qoe:.3f}"
    who = f"{summary.get('agent')} on {summary.get('video')} ({summary.get('env')}), {where}."
    return f"{who} {came}." if came else who


def sweep_facts(summaries: Sequence[Mapping[str, Any]]) -> tuple[dict[str, float], str]:
    """Return how many runs ended how and each agent's means over those that finished, and a note on it."""
    runs = pd.DataFrame(summaries, columns=["status", "agent", *FIGURES])
    finished = runs[runs["status"] == RunStatus.FINISHED].astype(dict.fromkeys(FIGURES, float))
    found = {"runs.finished": float(len(finished)), "runs.failed": float(len(runs) - len(finished))}
    means = finished.groupby("agent")[[*FIGURES]].agg("mean")
    for agent, row in means.iterrows():
        found |= {f"{name}.{agent}": float(mean) for name, mean in row.dropna().items()}
    note = f"{counted(len(runs), 'run')} of {', '.join(sorted(runs['agent'].unique()))}: "
    return found, f"{note}{len(finished)} finished, {len(runs) - len(finished)} failed."


def sweep_tags(about: Mapping[str, Any]) -> dict[str, str]:
    """Return what `sweep.json` says; a study has none."""
    overrides = " ".join(about.get("overrides", []))
    return {"overrides": overrides, SOURCE: about.get("command", ""), **SOURCE_TYPE}


# --- the gist of a trace, whose whole lies beside it in Parquet ---


def gist_of(trace: pd.DataFrame, n_values: int) -> tuple[pd.DataFrame, str]:
    """Return a trace's gist in at most so many values (but one for each column at least), and what it is.

    It has what is looked at first: QoE, reward, times, settings, each SLO's ratio and its metric.

    Means over bins of equal length (the last may be shorter), NaN where nothing was measured in all of a
    bin; `step` and `ended_s` are those of a bin's last step. And in words, what became of the trace.
    """
    wanted = {*ALWAYS, *(f"metrics.{name}" for name in slo_names(trace))}
    names = trace.select_dtypes(["number", "bool"]).columns
    columns = [name for name in names if name in wanted or name.startswith(FAMILIES)]
    width = -(-len(trace) // max(1, n_values // max(1, len(columns))))
    shown = trace[[*columns, "step", "ended_s"]].replace([np.inf, -np.inf], np.nan)
    bins = shown.groupby(np.arange(len(trace)) // width)
    gist = pd.DataFrame(bins.agg(dict.fromkeys(columns, "mean") | {"step": "last", "ended_s": "last"}))
    thinned = f", thinned to every {width} steps (means)" if width > 1 else ""
    return gist, f"{len(columns)} columns{thinned}; whole: trace.parquet"
