"""A whole run as a recording: its trace, its events, its annotated video, and a page of text about it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import rerun as rr
from av.error import FFmpegError

from experiments.display.events import TimedEvent, events_of
from experiments.display.lines import UNKNOWN, Group, lines_of
from experiments.display.rerun import layout as at
from experiments.display.summary_view import about, figures_of
from experiments.runs.logged import LoggedRun
from experiments.runs.record import VIDEO
from experiments.runs.summary import Values, column, names_in, stream_time_s
from pipeline.slos import SloState

PICTURES_HZ = 10.0
LONGEST_SIDE_PX = 640
JPEG_QUALITY = 80
EARLY_S = 1e-3  # times of pictures are rounded
MARK_COLOUR = (240, 228, 66)  # no line has it
P_FULFILLED = "p_fulfilled_"  # so begin the names of what an agent predicts of an SLO
STATE_COLOURS = {
    SloState.OK.name: 0x0072B2FF,
    SloState.WARNING.name: 0xE69F00FF,
    SloState.CRITICAL.name: 0xD55E00FF,
    UNKNOWN: 0x999999FF,
}
MEASURED = {  # in frames/s per stream, and in ms
    at.RATES: ("delivered_fps",),
    at.LATENCY: ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms"),
}


def write_episode(run: LoggedRun, trace: pd.DataFrame, path: Path) -> None:
    """Write a run to a file of Rerun's.

    Args:
        run: gives its configuration and its video.
        trace: its own, with at least one step.
        path: of the file.
    """
    name, video = run.directory.resolve().name, run.directory / VIDEO
    with rr.RecordingStream(at.APPLICATION) as recording:
        recording.save(path)
        recording.send_recording_name(name)
        facts = rr.TextDocument(facts_of(run.summary, name), media_type=rr.MediaType.MARKDOWN)
        recording.log(at.FACTS, facts, static=True)
        episode = Episode(recording, trace)
        episode.write_lines(run.config.detector.grades)
        episode.write_events(events_of(run.config, trace))
        episode.write_pictures(video)
        explained = names_in(trace, "explain.")
        figures = [name for name in explained if not name.startswith(P_FULFILLED)]
        recording.send_blueprint(at.layout(video.exists(), len(figures) < len(explained), figures))


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


class Episode:
    """Writes what happened at its time: what was decided as an interval begins, what came of it as it ends.

    Args:
        recording: takes it.
        trace: one row per control interval.
    """

    def __init__(self, recording: rr.RecordingStream, trace: pd.DataFrame) -> None:
        self._recording, self._trace = recording, trace
        self._ends_s = stream_time_s(trace)
        self._starts_s = np.append(0.0, self._ends_s[:-1])
        self._steps = np.arange(len(trace))

    def write_lines(self, grades: Sequence[str]) -> None:
        """Write the trace's figures; what is in one of a few states as a lane too."""
        for line in lines_of(self._trace, grades):
            match line.group:
                case Group.KNOB:
                    self._stairs(f"{at.LEVELS}/{line.name}", line.values)
                    self._lane(f"{at.SETTINGS}/{line.name}", line.words)
                case Group.SLO:
                    self._line(f"{at.RATIOS}/{line.name}", line.values)
                    self._lane(f"{at.STATES}/{line.name}", line.words, STATE_COLOURS)
                case Group.AGENT:
                    slo = line.name.removeprefix(P_FULFILLED)
                    path = f"{at.AGENT}/{slo}" if slo == line.name else f"{at.PREDICTED}/{slo}"
                    self._stairs(path, line.values)
                case Group.WORTH | Group.LOAD:
                    place = at.WORTH if line.group is Group.WORTH else at.LOAD
                    self._line(f"{place}/{line.name.replace(' ', '_')}", line.values)
        self._line(at.THRESHOLD, np.ones(len(self._trace)))
        if "metrics.offered_fps" in self._trace:  # of all streams, unlike those that are delivered
            offered = column(self._trace, "metrics.offered_fps") / column(self._trace, "streams")
            self._line(f"{at.RATES}/offered_fps", offered)
        for place, names in MEASURED.items():
            for name in names:
                if f"metrics.{name}" in self._trace:
                    self._line(f"{place}/{name}", column(self._trace, f"metrics.{name}"))

    def write_events(self, events: Sequence[TimedEvent]) -> None:
        """Write lines of text, and marks on the SLOs' threshold for what the scenario did.

        Args:
            events: in any order; those after the trace's end are left out.
        """
        for is_planned, path in ((True, f"{at.EVENTS}/scenario"), (False, f"{at.EVENTS}/seen")):
            there = (one for one in events if one.is_planned == is_planned and one.step < len(self._steps))
            if not (found := sorted(there)):
                continue
            steps = np.array([one.step for one in found])
            when = at.indexes((self._starts_s if is_planned else self._ends_s)[steps], steps)
            self._recording.send_columns(path, when, rr.TextLog.columns(text=[one.text for one in found]))
            if is_planned:
                look = rr.SeriesPoints(
                    names="scenario", colors=MARK_COLOUR, markers="diamond", marker_sizes=6.0
                )
                self._recording.log(at.MARKS, look, static=True)
                self._recording.send_columns(at.MARKS, when, rr.Scalars.columns(scalars=np.ones(len(found))))

    def write_pictures(self, video: Path) -> None:
        """Write pictures of the annotated video, if there is one, at the times of the stream.

        The video's clock starts with its first picture, the trace's with the first decision: they are apart
        by what the first frame takes, a fraction of a second.
        """
        for time_s, jpeg in pictures_of(video):
            step = min(int(np.searchsorted(self._ends_s, time_s)), len(self._steps) - 1)
            self._recording.set_time(at.TIME, duration=time_s)
            self._recording.set_time(at.STEP, sequence=step)
            self._recording.log(at.PICTURES, rr.EncodedImage(contents=jpeg, media_type="image/jpeg"))

    def _line(self, path: str, values: Values) -> None:
        """Draw what was found; where it is not finite, there is a gap."""
        self._draw(path, self._ends_s, np.where(np.isfinite(values), values, np.nan))

    def _stairs(self, path: str, values: Values) -> None:
        """Draw what was in force from the beginning of each interval."""
        self._draw(path, self._starts_s, values, interpolation_mode=rr.components.InterpolationMode.StepAfter)

    def _draw(self, path: str, time_s: Values, values: Values, **style) -> None:
        look = rr.SeriesLines(names=path.rpartition("/")[2], widths=[2.0], **style)
        self._recording.log(path, look, static=True)
        when = at.indexes(time_s, self._steps)
        self._recording.send_columns(path, when, rr.Scalars.columns(scalars=values))

    def _lane(self, path: str, states: Sequence[str], colours: Mapping[str, int] | None = None) -> None:
        """Draw what was in one of a few states during each interval; Rerun has colours of its own."""
        if colours is not None:
            rgba = np.array([*colours.values()], dtype=np.uint32)
            look = rr.StateConfiguration(values=list(colours), colors=rgba)
            self._recording.log(path, look, static=True)
        changes = [i for i, state in enumerate(states) if i == 0 or state != states[i - 1]]
        when = at.indexes(self._starts_s[changes], self._steps[changes])
        self._recording.send_columns(path, when, rr.StateChange.columns(state=[states[i] for i in changes]))


def pictures_of(video: Path) -> Iterator[tuple[float, bytes]]:
    """Decode at most PICTURES_HZ of a video, in small, with their times; of a broken file until the break.

    As JPEG, for that is shown wherever a viewer runs; with the video itself the recording would be a tenth of
    the size, but the viewer needs FFmpeg's program, or a browser that can decode it.
    """
    due_s = 0.0
    try:
        with av.open(str(video)) as container:
            for frame in container.decode(video=0):
                time_s = float(frame.time or 0.0)
                if time_s < due_s - EARLY_S:
                    continue
                due_s = max(due_s + 1 / PICTURES_HZ, time_s)
                scale = min(1.0, LONGEST_SIDE_PX / max(frame.width, frame.height))
                width, height = round(frame.width * scale), round(frame.height * scale)
                image = frame.to_ndarray(format="bgr24", width=width, height=height)
                _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
                yield time_s, jpeg.tobytes()
    except (FFmpegError, IndexError):
        return
