"""A whole run as a recording, with a page of text about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import rerun as rr

from experiments.display.events import events_of
from experiments.display.rerun.layout import APPLICATION, FACTS, layout
from experiments.display.rerun.pictures import write_pictures
from experiments.display.rerun.series import (
    P_FULFILLED,
    Series,
    write_agent,
    write_events,
    write_knobs,
    write_slos,
    write_stream,
    write_worth,
)
from experiments.display.summary_view import about, figures_of
from experiments.runs.logged import LoggedRun
from experiments.runs.record import VIDEO
from experiments.runs.summary import stream_time_s


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
        write_events(recording, events_of(run.config, trace), ends_s)
        write_pictures(recording, run.directory, ends_s)
        figures = [name for name in explained if not name.startswith(P_FULFILLED)]
        has_predictions = len(figures) < len(explained)
        recording.send_blueprint(layout((run.directory / VIDEO).exists(), has_predictions, figures))


def facts_of(summary: Mapping[str, Any], name: str) -> str:
    """Say in Markdown what a run was and what it came to.

    Args:
        summary: as `summary.json` has it.
        name: of the run.
    """
    pages = [f"# {name}"]
    for heading, rows in (("what", about(summary)), ("what came of it", dict(figures_of(summary)))):
        lines = [f"| {key} | {value} |" for key, value in rows.items()]
        pages.append("\n".join([f"| {heading} | |", "|---|---|", *lines]))
    return "\n\n".join(pages)
