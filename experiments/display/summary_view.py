"""A run that is over: its figures and where everything lies, printed or as a page."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from envs.spec import Quality
from experiments.display.lines import lines_of
from experiments.program.console import counted, figure, say
from experiments.program.files import write_whole
from experiments.program.style import rendered
from experiments.runs.provenance import GROUPS, HASHES
from experiments.runs.record import LOGS, NETWORK, PAGE, PICTURE, VIDEO, RunStatus, left_in
from experiments.runs.summary import SETTLED_AFTER, stream_time_s
from pipeline.messages import Weights

ABOUT = (*GROUPS, "seed", "status", "error", "weights", "detections", "git_commit", *HASHES)
UNTRAINED = (
    "The weights are untrained: the load is real, but what the networks find means nothing. "
    "Give some: detector.weights=PATH"
)
TEMPLATE = Path(__file__).with_name("run.html.j2")
N_BLOCKS = 60  # of a line over time
PICTURES = {"Trace": PICTURE, "What the agent believes": NETWORK}


def print_summary(console: Console, summary: Mapping[str, Any], directory: Path, in_mlflow: str) -> None:
    """The table, the paths, and what shows it in MLflow ("" = it is not there)."""
    if "steps" in summary:
        title = f"{summary['agent']} on {summary['video']}, seed {summary['seed']}: {summary['status']}"
        table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None)
        for row in figures_of(summary):
            table.add_row(*row)  # of words, what has no room goes on in the next line
        console.print(table)
    for what, path in [*left_in(directory), ("logs of the programs", directory / LOGS)]:
        say(console, f"{what:<28} {path}")
    if in_mlflow:
        say(console, f"all runs, in a browser       {in_mlflow}")
    for note in notes_on(summary):
        say(console, note, "bold yellow")


def notes_on(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reader must know of a run beside its figures."""
    if summary["status"] == RunStatus.DEGRADED:
        yield f"DEGRADED: {summary['error']}. Comparisons leave it out, and a sweep plays it again"
    elif summary["error"]:
        yield summary["error"]
    if summary["weights"] == Weights.UNTRAINED:
        yield UNTRAINED
    if poor := summary.get("certificate", {}).get("poor"):
        yield f"The simulated twin is not this pipeline: {poor}"
    if why := summary.get("no_certificate"):
        yield f"How far the simulator is from this run is not known: {why}"


def figures_of(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a run with steps came to, in words: a name and a figure each."""
    yield "steps", f"{summary['steps']}"
    yield "all SLOs hold", _percent(summary["slo_fulfilment"])
    after = summary[f"slo_fulfilment_after_{SETTLED_AFTER}"]
    if after is not None:
        yield f"  after the first {SETTLED_AFTER} steps", _percent(after)
    for name, share in summary["slo_fulfilment_by_slo"].items():
        yield f"  {name}", _percent(share)
    if summary.get("slo_unknown"):  # which b8146d5 lacks, as F1 and detections
        yield "not measured", f"{100 * summary['slo_unknown']:.1f} % of the steps"
    yield "longest violation", counted(summary["longest_violation"], "step")
    yield "QoE, mean", f"{summary['qoe_mean']:.3f}"
    if (f1 := summary.get("qoe_by", {}).get(Quality.F1)) is not None:
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
    told = summary.get("source", {}).items()
    if faults := [name if n is True else f"{n} {name}" for name, n in told if n]:
        yield "source", ", ".join(faults)
    yield "weights", summary["weights"]
    yield "detections", summary.get("detections", "")
    yield from certificate_figures(summary["certificate"]) if "certificate" in summary else ()


def certificate_figures(certificate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how far the simulated twin was, metric by metric, and how much slower the devices were."""
    for metric, errors in certificate["metrics"].items():
        middle, most = (figure(errors[name]) for name in ("error_p50", "error_p95"))
        shares = {"near": errors.get("within"), "same side": certificate["same_side"].get(metric)}
        if errors.get("chance", 1.0) < 1.0:
            shares["two twins"] = errors["chance"]
        said = "".join(f", {what} in {share:.0%}" for what, share in shares.items() if share is not None)
        yield f"twin, {metric}", f"|error| {middle}, p95 {most}{said}"
    slow = ", ".join("–" if factor is None else f"{factor:.2f}" for factor in certificate["drift"])
    yield "service times, × the profile's", slow


def _percent(share: float | None) -> str:
    """Of those steps in which it is known."""
    return "–" if share is None else f"{100 * share:.1f} % of the steps"


# --- as a page ---


def write_page(
    directory: Path, title: str, summary: Mapping[str, Any], trace: pd.DataFrame, grades: Sequence[str]
) -> None:
    """Write `run.html` from what a run has left by now; it needs no other file but the video. Raises OSError.

    `trace` has one row per control interval, at least one; `grades` are the detector's, by their indexes.
    """
    pictures = {name: directory / file for name, file in PICTURES.items() if (directory / file).exists()}
    files = [path.name for _, path in left_in(directory) if path.name != PAGE]
    page = rendered(
        TEMPLATE,
        title=title,
        facts={name: str(summary[name]) for name in ABOUT if summary.get(name) not in (None, "")},
        notes=list(notes_on(summary)),
        video=VIDEO if VIDEO in files else "",
        figures=figures_of(summary),
        end_s=round(float(stream_time_s(trace)[-1])),
        lines=list(lines_of(trace, grades)),
        n_blocks=N_BLOCKS,
        pictures={name: b64encode(path.read_bytes()).decode() for name, path in pictures.items()},
        files=[*files, f"{LOGS}/"],
    )
    write_whole(directory / PAGE, page)
