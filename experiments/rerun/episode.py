"""A whole run as a recording."""

from pathlib import Path

import pandas as pd
import rerun as rr

from experiments.config.world_schemas import ReplaySchema
from experiments.display.plots import stream_time_s
from experiments.rerun.boxes import Boxes, detections_in
from experiments.rerun.entities import APPLICATION, FACTS
from experiments.rerun.facts import facts_of
from experiments.rerun.happenings import Happening, done_by, seen_in, write_happenings
from experiments.rerun.layout import layout
from experiments.rerun.pictures import VIDEO, write_pictures
from experiments.rerun.series import (
    P_FULFILLED,
    Series,
    explained,
    write_agent,
    write_knobs,
    write_slos,
    write_stream,
    write_worth,
)
from experiments.runs.logged import LoggedRun
from experiments.worlds.builders import scenario_of


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
