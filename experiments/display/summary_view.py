"""What a run prints when it is over: its figures in a table, and where everything lies."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from envs.spec import Quality
from experiments.program.console import plain_table, say
from experiments.program.formatting import counted, figure
from experiments.runs.record import CERTIFICATE, LOGS, PAGE, PICTURE, RECORDING, SUMMARY, VIDEO, RunStatus
from experiments.runs.summary import SETTLED_AFTER
from experiments.runs.trace import TRACE
from pipeline.messages import Weights

WHAT = {
    "trace, one row per interval": TRACE,
    "page, for a browser": PAGE,
    "picture": PICTURE,
    "beside its simulated twin": CERTIFICATE,
    "summary": SUMMARY,
    "annotated video": VIDEO,
    "episode, for `rerun`": RECORDING,
    "logs of the programs": LOGS,
}
COUNTED_FAULTS = {  # keys of a `SourceReport`
    "undecodable": "undecodable picture",
    "rebased": "time jump",
    "interruptions": "interruption",
    "stale": "stale picture",
}
ABOUT = (
    *("agent", "env", "hardware", "scenario", "video", "slo", "seed", "status", "error"),
    *("weights", "detections", "git_commit", "spec_hash", "config_hash", "code_hash", "run_hash"),
)
UNTRAINED = (
    "The weights are untrained: the load is real, but what the networks find means nothing. "
    "Give some: detector.weights=PATH"
)
POOR = "The simulated twin is not this pipeline: {}"
DEGRADED = "DEGRADED: {}. Comparisons leave it out, and a sweep plays it again"


def print_summary(console: Console, summary: Mapping[str, Any], directory: Path, mlflow_uri: str) -> None:
    """The table, the paths, and how to look at it in MLflow ("" = it is not there)."""
    if "steps" in summary:
        console.print(summary_table(summary))
    if (certificate := summary.get("certificate")) is not None:
        console.print(certificate_table(certificate))
        if certificate["poor"]:
            say(console, POOR.format(certificate["poor"]), "bold yellow")
    elif (why := summary.get("no_certificate")) is not None:
        say(console, f"How far the simulator is from this run is not known: {why}")
    for what, name in WHAT.items():
        if (directory / name).exists():
            say(console, f"{what:<28} {directory / name}")
    for path in sorted(directory.glob("detections.*")):
        say(console, f"detections                   {path}")
    for path in sorted(directory.glob("output.*.mp4")):
        say(console, f"annotated video, continued   {path}")
    if mlflow_uri:
        say(console, f"all runs, in a browser       {mlflow_command(mlflow_uri)}")
    if summary["weights"] == Weights.UNTRAINED:
        say(console, UNTRAINED, "bold yellow")
    if summary["status"] == RunStatus.DEGRADED:
        say(console, DEGRADED.format(summary["error"]), "bold yellow")


def mlflow_command(uri: str) -> str:
    """What to type to see all runs: the MLflow of this installation, and paths as seen from here.

    A server has a page already: its address.
    """
    if uri.startswith(("http://", "https://")):
        return uri
    here = f"{Path.cwd()}{os.sep}"
    program = str(Path(sys.executable).parent / "mlflow").removeprefix(here)
    store = uri.replace(f"sqlite:///{here}", "sqlite:///")
    return shlex.join([program, "ui", "--backend-store-uri", store])


def summary_table(summary: Mapping[str, Any]) -> Table:
    """The summary's figures, one per row."""
    title = f"{summary['agent']} on {summary['video']}, seed {summary['seed']}: {summary['status']}"
    table = Table(title=title, show_header=False, box=None, padding=(0, 1))
    table.title_justify, table.title_style = "left", "bold"
    for row in figures_of(summary):
        table.add_row(*row)
    return table


def about(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run was, by what it is; what it does not say is left out."""
    return {name: str(summary[name]) for name in ABOUT if summary.get(name) not in (None, "")}


def figures_of(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a run with steps came to, in words: a name and a figure each."""
    yield "steps", f"{summary['steps']}"
    yield "all SLOs hold", _percent(summary["slo_fulfilment"])
    after = summary[f"slo_fulfilment_after_{SETTLED_AFTER}"]
    if after is not None:
        yield f"  after the first {SETTLED_AFTER} steps", _percent(after)
    for name, share in summary["slo_fulfilment_by_slo"].items():
        yield f"  {name}", _percent(share)
    if summary["slo_unknown"]:
        yield "not measured", f"{100 * summary['slo_unknown']:.1f} % of the steps"
    yield "longest violation", counted(summary["longest_violation"], "step")
    yield "QoE, mean", f"{summary['qoe_mean']:.3f}"
    if (f1 := summary.get("qoe_by", {}).get(Quality.F1)) is not None:  # which former releases lack
        yield "found: streaming F1, mean", f"{f1:.3f}"
    if (golden := summary.get("golden_f1")) is not None:
        yield "golden F1, against the highest grade", f"{golden:.3f}"
    yield "reward, mean", f"{summary['reward_mean']:+.3f}"
    yield "changes of the setting", f"{summary['switches_per_min']:.1f} per minute"
    latencies = " / ".join(figure(summary[f"latency_p{share}_ms"]) for share in (50, 95, 99))
    yield "latency p50 / p95 / p99", f"{latencies} ms"
    decision = " / ".join(figure(summary[f"decision_ms_p{share}"]) for share in (50, 99))
    yield "decision p50 / p99", f"{decision} ms"
    counts = [f"{count} {name}" for name, count in summary["frames"].items() if count is not None]
    yield "frames", ", ".join(counts)
    source = summary.get("source", {})
    faults = [counted(n, what) for name, what in COUNTED_FAULTS.items() if (n := source.get(name, 0))]
    if faults := [*faults, *(["truncated"] if source.get("truncated") else [])]:
        yield "source", ", ".join(faults)
    yield "weights", summary["weights"]
    yield "detections", summary.get("detections", "")  # which runs of before do not say


def certificate_table(certificate: Mapping[str, Any]) -> Table:
    """How far the simulated twin was, a row per metric, and how much slower the devices were."""
    headings = ("simulated twin", "|error|, median", "p95", "near in", "same side in")
    table = plain_table(headings)
    for metric, errors in certificate["metrics"].items():
        shares = (errors.get("within"), certificate["same_side"].get(metric))
        cells = [figure(errors[name]) for name in ("error_p50", "error_p95")]
        table.add_row(metric, *cells, *("" if share is None else f"{share:.0%}" for share in shares))
    slow = ", ".join("–" if factor is None else f"{factor:.2f}" for factor in certificate["drift"])
    table.add_row(f"service times, × the profile's: {slow}")
    return table


def _percent(share: float | None) -> str:
    """Of those steps in which it is known."""
    return "–" if share is None else f"{100 * share:.1f} % of the steps"
