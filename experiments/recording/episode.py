"""A whole run as a recording."""

from pathlib import Path

import pandas as pd
import rerun as rr

from experiments.logged import LoggedRun
from experiments.parts import scenario_of
from experiments.plots import stream_time_s
from experiments.recording.boxes import Boxes, detections_in
from experiments.recording.entities import APPLICATION, FACTS
from experiments.recording.facts import facts_of
from experiments.recording.happenings import Happening, done_by, seen_in, write_happenings
from experiments.recording.layout import layout
from experiments.recording.pictures import VIDEO, write_pictures
from experiments.recording.series import (
    P_FULFILLED,
    Series,
    explained,
    write_agent,
    write_knobs,
    write_slos,
    write_stream,
    write_worth,
)
from experiments.world_config import ReplaySchema


def write_episode(run: LoggedRun, trace: pd.DataFrame, path: Path) -> None:
    """Write a run to a file of Rerun's.

    Args:
        run: gives its configuration, its video and its detections.
        trace: its own, with at least one step.
        path: of the file.
    """
    name = run.directory.resolve().name
    ends_s = stream_time_s(trace)
    found = detections_in(run.directory)
    boxes = None if found is None else Boxes(found)
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
        write_agent(series, trace)
        write_happenings(recording, [*_done(run), *seen_in(trace)], ends_s)
        write_pictures(recording, run.directory, boxes, ends_s)
        figures = [name for name in explained(trace) if not name.startswith(P_FULFILLED)]
        has_predictions = len(figures) < len(explained(trace))
        recording.send_blueprint(layout((run.directory / VIDEO).exists(), has_predictions, figures))


def _done(run: LoggedRun) -> list[Happening]:
    """What the run's scenario did; a replayed world has none."""
    env = run.config.env
    if isinstance(env, ReplaySchema):
        return []
    return done_by(scenario_of(run.config.scenario), env.steps, env.control_interval_s, run.seed)
