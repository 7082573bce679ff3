"""A whole run as a recording, with a page of text about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import rerun as rr

from experiments.display.rerun.events import TimedEvent, planned_events, seen_events, write_events
from experiments.display.rerun.layout import APPLICATION, FACTS, layout
from experiments.display.rerun.pictures import VIDEO, write_pictures
from experiments.display.rerun.series import (
    P_FULFILLED,
    Series,
    write_agent,
    write_knobs,
    write_slos,
    write_stream,
    write_worth,
)
from experiments.program.formatting import counted, figure
from experiments.runs.logged import LoggedRun
from experiments.runs.summary import SETTLED_AFTER, stream_time_s
from experiments.worlds.builders import scenario_of

WHAT = (
    "agent",
    "env",
    "hardware",
    "scenario",
    "video",
    "slo",
    "seed",
    "status",
    "error",
    "weights",
    "detections",
)
HASHES = ("git_commit", "spec_hash", "config_hash", "code_hash", "run_hash")


def write_episode(run: LoggedRun, trace: pd.DataFrame, path: Path) -> None:
    """Write a run to a file of Rerun's.

    Args:
        run: gives its configuration, its video and its detections.
        trace: its own, with at least one step.
        path: of the file.
    """
    name = run.directory.resolve().name
    ends_s = stream_time_s(trace)
    with rr.RecordingStream(APPLICATION) as recording:
        recording.save(path)
        recording.send_recording_name(name)
        facts = rr.TextDocument(facts_of(run.summary, name), media_type=rr.MediaType.MARKDOWN)
        recording.log(FACTS, facts, static=True)
        series = Series(recording, ends_s)
        write_slos(series, trace)
        write_knobs(series, trace, run.config.detector.grades)
        write_worth(series, trace)
        write_stream(series, trace)
        explained = write_agent(series, trace)
        write_events(recording, [*_planned(run), *seen_events(trace)], ends_s)
        write_pictures(recording, run.directory, ends_s)
        figures = [name for name in explained if not name.startswith(P_FULFILLED)]
        has_predictions = len(figures) < len(explained)
        recording.send_blueprint(layout((run.directory / VIDEO).exists(), has_predictions, figures))


def _planned(run: LoggedRun) -> list[TimedEvent]:
    """Return what the run's scenario did; a replayed world has none."""
    if run.summary["env"] == "replay":
        return []
    env = run.config.env
    return planned_events(scenario_of(run.config.scenario), env.steps, env.control_interval_s, run.seed)


def facts_of(summary: Mapping[str, Any], name: str) -> str:
    """Say in Markdown what a run was and what it came to.

    Args:
        summary: as `summary.json` has it.
        name: of the run.
    """
    figures = {
        "steps": summary.get("steps"),
        "all SLOs hold": _percent(summary.get("slo_fulfilment")),
        f"after {SETTLED_AFTER} steps": _percent(summary.get(f"slo_fulfilment_after_{SETTLED_AFTER}")),
        **{
            f"{slo} holds": _percent(share) for slo, share in summary.get("slo_fulfilment_by_slo", {}).items()
        },
        "not measured": _percent(summary.get("slo_unknown")),
        "QoE, mean": figure(summary.get("qoe_mean")),
        "reward, mean": figure(summary.get("reward_mean")),
        "longest violation": counted(summary.get("longest_violation", 0), "step"),
        "changes of the setting": f"{figure(summary.get('switches_per_min'))} per minute",
        "latency p50 / p95 / p99": _percentiles(summary, "latency_p{}_ms", (50, 95, 99)),
        "decision p50 / p99": _percentiles(summary, "decision_ms_p{}", (50, 99)),
    }
    about = {key: summary[key] for key in WHAT if summary.get(key) not in (None, "")}
    hashes = {key: summary[key] for key in HASHES if summary.get(key)}
    pages = [f"# {name}"]
    for heading, rows in (("what", about), ("what came of it", figures), ("which", hashes)):
        lines = [f"| {key} | {value} |" for key, value in rows.items()]
        pages.append("\n".join([f"| {heading} | |", "|---|---|", *lines]))
    return "\n\n".join(pages)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _percentiles(summary: Mapping[str, Any], name: str, percentiles: tuple[int, ...]) -> str:
    return " / ".join(figure(summary.get(name.format(p))) for p in percentiles) + " ms"
