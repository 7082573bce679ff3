"""An episode's recording, read back by Rerun's own reader, says what the run's files say, and when."""

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from experiments.display import rerun as recording
from experiments.display.rerun import write_recording
from experiments.program.errors import ConfigError
from tests.experiments.display.rerun.left import run, trace, video

chunk = pytest.importorskip("rerun.chunk", reason="the extra rerun is not installed")


class Read:
    """A recording, read back."""

    def __init__(self, path: Path) -> None:
        self._reader = chunk.RrdReader(path)
        self.entities = {c.entity_path for c in self._reader.stream()}
        self.n_blueprints = len(self._reader.blueprints())

    def rows(self, entity: str, component: str) -> list[tuple[float, int, Any]]:
        """Stream time in s, step, and value of each row."""
        found = []
        for part in self._reader.stream():
            if part.entity_path != entity or part.is_static:
                continue
            columns = part.to_record_batch().to_pydict()
            for time, step, value in zip(
                columns["stream_time"], columns["step"], columns.get(component, []), strict=False
            ):
                found.append((pd.Timedelta(time).total_seconds(), step, value))
        return sorted(found, key=lambda row: row[:2])

    def scalars(self, entity: str) -> list[tuple[float, int, float]]:
        return [(time, step, value) for time, step, (value,) in self.rows(entity, "Scalars:scalars")]

    def states(self, entity: str) -> list[tuple[float, str]]:
        return [(time, state) for time, _, (state,) in self.rows(entity, "StateChange:state")]

    def texts(self, entity: str) -> list[tuple[float, int, str]]:
        return [(time, step, text) for time, step, (text,) in self.rows(entity, "TextLog:text")]

    def static(self, entity: str, component: str) -> Any:
        for part in self._reader.stream():
            if part.entity_path == entity and part.is_static:
                columns = part.to_record_batch().to_pydict()
                if component in columns:
                    return columns[component][0]
        raise AssertionError(f"{entity} has no {component}")


def read(directory: Path) -> Read:
    return Read(write_recording(directory))


# --- the trace ---


def test_ratios_are_where_their_interval_ends_and_unknown_ones_are_gaps(tmp_path):
    found = read(run(tmp_path / "r", trace()))
    ratios = found.scalars("/slos/ratios/load")
    assert ratios[:3] == [(0.5, 0, 0.8), (1.0, 1, 1.5), (1.5, 2, 0.95)]
    assert math.isnan(ratios[3][2])
    assert {value for *_, value in found.scalars("/slos/ratios/threshold")} == {1.0}


def test_rates_are_per_stream_and_what_was_not_measured_is_a_gap(tmp_path):
    found = read(run(tmp_path / "r", trace()))
    assert [value for *_, value in found.scalars("/stream/rates/offered_fps")] == [30.0, 30.0, 20.0, 20.0]
    *delivered, unknown = [value for *_, value in found.scalars("/stream/rates/delivered_fps")]
    assert delivered == [30.0, 25.0, 20.0]
    assert math.isnan(unknown)


def test_levels_and_what_they_stand_for_are_where_their_interval_begins(tmp_path):
    found = read(run(tmp_path / "r", trace()))
    assert found.scalars("/knobs/levels/fps") == [(0.0, 0, 5), (0.5, 1, 5), (1.0, 2, 3), (1.5, 3, 3)]
    assert found.states("/knobs/settings/fps") == [(0.0, "30 /s"), (1.0, "20 /s")]
    assert found.states("/knobs/settings/grade") == [(0.0, "m"), (1.5, "n")]


def test_states_change_only_where_they_do(tmp_path):
    rows = trace(**{"slos.load": [0, 2, 2, 0]})
    states = read(run(tmp_path / "r", rows)).states("/slos/states/load")
    assert states == [(0.0, "OK"), (0.5, "CRITICAL"), (1.5, "not measured")]


def test_the_agents_figures_and_its_predictions_are_apart(tmp_path):
    found = read(run(tmp_path / "r", trace()))
    assert [value for *_, value in found.scalars("/agent/figures/surprise")] == [0.0, 2.5, 0.5, 0.25]
    assert [value for *_, value in found.scalars("/agent/p_fulfilled/load")] == [0.9, 0.8, 0.7, 0.6]


def test_what_a_knob_of_another_world_stands_for_is_its_own_figure_or_its_level(tmp_path):
    rows = trace(
        **{"action.cores": [1, 1, 0, 0], "settings.cores": [4, 4, 2, 2], "action.model": [0, 0, 1, 1]}
    )
    found = read(run(tmp_path / "r", rows))
    assert found.states("/knobs/settings/cores") == [(0.0, "4"), (1.0, "2")]
    assert found.states("/knobs/settings/model") == [(0.0, "level 0"), (1.0, "level 1")]


# --- what happened ---


def test_events_say_what_the_scenario_did_and_what_was_seen_of_it(tmp_path):
    lost = {"kind": "LOSE_WORKER", "worker": 0, "at_s": 0.5}
    found = read(run(tmp_path / "r", trace(), lost, {"kind": "STREAMS", "value": 2, "at_s": 1.5}))
    assert found.texts("/events/scenario") == [(0.5, 1, "worker 0 is lost"), (1.5, 3, "2 streams")]
    assert found.texts("/events/seen") == [
        (1.0, 1, "1 live worker, after 2"),
        (2.0, 3, "2 live workers, after 1"),
    ]
    assert [(time, value) for time, _, value in found.scalars("/slos/ratios/events")] == [(0.5, 1), (1.5, 1)]


def test_events_after_the_end_of_a_run_that_was_cut_short_are_left_out(tmp_path):
    late = {"kind": "STREAMS", "value": 2, "at_s": 1.5}
    assert "/events/scenario" not in read(run(tmp_path / "r", trace().head(2), late)).entities


# --- pictures ---


def test_pictures_are_at_most_ten_a_second_and_at_their_times(tmp_path):
    directory = run(tmp_path / "r", trace())
    video(directory, seconds=1.0, hz=30)
    rows = read(directory).rows("/video", "EncodedImage:blob")
    times_s = [time for time, *_ in rows]
    assert times_s == pytest.approx([i / 10 for i in range(10)], abs=1e-3)
    assert [step for _, step, _ in rows] == [0] * 6 + [1] * 4  # an interval ends with 0.5 s
    image = cv2.imdecode(np.array(rows[3][2][0], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (96, 128, 3)
    assert image.mean() == pytest.approx(5 * 9, abs=3)  # the picture of 0.3 s is the tenth


def test_a_run_without_pictures_has_everything_else(tmp_path):
    found = read(run(tmp_path / "r", trace()))
    assert not {path for path in found.entities if path.startswith("/video")}
    assert found.n_blueprints == 1
    (facts,) = found.static("/facts", "TextDocument:text")
    assert "| agent | aif |" in facts
    assert "| QoE, mean | 0.475 |" in facts


# --- what cannot be shown ---


def test_a_run_without_a_step_is_one_sentence(tmp_path):
    directory = run(tmp_path / "r", trace().head(0))
    with pytest.raises(ConfigError, match="has no step to show"):
        write_recording(directory)


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(recording.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'elasticbench\[rerun\]'"):
        write_recording(run(tmp_path / "r", trace()))
