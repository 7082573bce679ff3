"""What MLflow shows of a run or a sweep beside its trace: figures, tags, a description."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from experiments.program.formatting import counted
from experiments.runs.record import RunStatus
from experiments.tracking.store import NOTE, figures_of

FIGURES = ("slo_fulfilment", "qoe_mean", "reward_mean")  # of the runs' summaries: their means, agent by agent
SOURCE = "mlflow.source.name"  # a JOB's is shown whole; of others only what follows the last slash
SOURCE_TYPE = {"mlflow.source.type": "JOB"}


def params_in(config: Path) -> dict[str, str]:
    """Return a configuration file's values as text, by dotted key. Raises OSError."""
    return _flat("", yaml.load(config.read_text(encoding="utf-8"), yaml.CSafeLoader))


def _flat(prefix: str, value: Any) -> dict[str, str]:
    if isinstance(value, Mapping) and value:
        found: dict[str, str] = {}
        for name, item in value.items():
            found |= _flat(f"{prefix}.{name}" if prefix else str(name), item)
        return found
    return {prefix: str(value)}


def summary_figures(summary: Mapping[str, Any], prefix: str = "summary.") -> dict[str, float]:
    """Return the numbers of a summary, nested ones by dotted name; the seed is no result."""
    found: dict[str, float] = {}
    for name, value in summary.items():
        if isinstance(value, Mapping):
            found |= summary_figures(value, f"{prefix}{name}.")
        elif name != "seed":
            found |= figures_of({prefix + name: value})
    return found


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


def sweep_figures(summaries: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return how many runs ended how, and each agent's means over those that finished."""
    finished = [summary for summary in summaries if summary["status"] == RunStatus.FINISHED]
    found = {"runs.finished": float(len(finished)), "runs.failed": float(len(summaries) - len(finished))}
    for agent in sorted({summary["agent"] for summary in finished}):
        own = [summary for summary in finished if summary["agent"] == agent]
        for name in FIGURES:
            values = [summary[name] for summary in own if summary.get(name) is not None]
            found |= {f"{name}.{agent}": fmean(values)} if values else {}
    return found


def sweep_note(summaries: Sequence[Mapping[str, Any]]) -> str:
    """Return whose runs a sweep has, and how many ended how: one sentence."""
    agents = ", ".join(sorted({summary["agent"] for summary in summaries}))
    finished = sum(summary["status"] == RunStatus.FINISHED for summary in summaries)
    n, failed = counted(len(summaries), "run"), len(summaries) - finished
    return f"{n} of {agents or 'no agent'}: {finished} finished, {failed} failed."


def sweep_tags(about: Mapping[str, Any]) -> dict[str, str]:
    """Return what `sweep.json` says; an older one kept only what it was to combine, not what was typed."""
    overrides = about.get("overrides", [])
    command = about.get("command") or shlex.join(["python", "-m", "experiments.run", "-m", *overrides])
    return {"overrides": " ".join(overrides), SOURCE: command, **SOURCE_TYPE}
