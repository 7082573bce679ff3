import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.collector.detections import DetectionSink
from pipeline.collector.output import SinkError
from pipeline.collector.tables import ROWS_PER_GROUP
from tests.pipeline.collector.results import KNOWN, result

CAR = (1.0, 2.0, 30.0, 40.0, 0.75, 2.0)
BUS = (5.0, 6.0, 50.0, 60.0, 0.5, 5.0)
TURNED = (32.0, 24.0, 20.0, 10.0, 0.5, 0.25, 1.0)


def parquet_rows(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def json_rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path: Path, *episodes) -> Path:
    sink = DetectionSink(path)
    for number, parts in enumerate(episodes, start=1):
        sink.open_episode(number, (128, 96), 30.0)
        for part in parts:
            sink.write(part, KNOWN)
    sink.close()
    sink.close()
    return path


def test_a_table_has_a_row_per_detection_and_one_for_a_frame_without(tmp_path: Path):
    parts = [result(3, boxes=[CAR, BUS], grade=1, epoch=4, worker="w", incarnation=9), result(6, stream=1)]
    first, second, empty = parquet_rows(write(tmp_path / "a.parquet", parts))
    place = {"x1": 1.0, "y1": 2.0, "x2": 30.0, "y2": 40.0}
    assert {key: first[key] for key in place} == place
    assert (first["class_id"], first["confidence"], first["rotation_rad"]) == (2, 0.75, None)
    assert (second["class_id"], second["confidence"]) == (5, 0.5)
    assert [row["id"] for row in (first, second, empty)] == [3, 3, 6]
    frame = (
        "incarnation",
        "episode",
        "stream",
        "source_index",
        "epoch",
        "grade",
        "width",
        "height",
        "worker",
    )
    assert [first[key] for key in frame] == [9, 1, 0, 3, 4, 1, 64, 48, "w"]
    assert first["kind"] == "real"
    assert (empty["stream"], empty["class_id"], empty["confidence"], empty["x1"]) == (1, None, None, None)
    assert (empty["captured_s"], empty["emitted_s"]) == pytest.approx((0.1, 0.15), abs=1e-6)


def test_json_lines_have_a_line_per_frame(tmp_path: Path):
    first, empty = json_rows(write(tmp_path / "a.jsonl", [result(3, boxes=[CAR, BUS]), result(6)]))
    assert (first["id"], first["source_index"], first["width"], first["height"]) == (3, 3, 64, 48)
    assert first["detections"] == [
        {"class_id": 2, "confidence": 0.75, "x1": 1.0, "y1": 2.0, "x2": 30.0, "y2": 40.0},
        {"class_id": 5, "confidence": 0.5, "x1": 5.0, "y1": 6.0, "x2": 50.0, "y2": 60.0},
    ]
    assert empty["detections"] == []
    assert empty["captured_s"] == pytest.approx(0.1, abs=1e-6)


def test_a_turned_box_has_its_rotation(tmp_path: Path):
    (row,) = parquet_rows(write(tmp_path / "a.parquet", [result(0, boxes=[TURNED])]))
    assert [row[key] for key in ("cx", "cy", "box_width", "box_height", "rotation_rad")] == list(TURNED[:5])
    assert (row["x1"], row["confidence"], row["class_id"]) == (None, 0.25, 1)
    (line,) = json_rows(write(tmp_path / "a.jsonl", [result(0, boxes=[TURNED])]))
    assert line["detections"][0]["rotation_rad"] == 0.5


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
def test_every_episode_is_in_the_file_and_its_times_begin_at_zero(tmp_path: Path, name: str):
    episodes = [[result(k, episode=e) for k in (2, 5)] for e in (1, 2)]
    path = write(tmp_path / name, *episodes)
    rows = parquet_rows(path) if name.endswith("parquet") else json_rows(path)
    assert [row["episode"] for row in rows] == [1, 1, 2, 2]
    assert [row["captured_s"] for row in rows] == pytest.approx([0, 0.1, 0, 0.1], abs=1e-6)


def test_long_runs_are_written_in_groups(tmp_path: Path):
    n = 2 * ROWS_PER_GROUP + 10
    path = write(tmp_path / "a.parquet", (result(k) for k in range(n)))
    metadata = pq.read_metadata(path)
    assert (metadata.num_rows, metadata.num_row_groups) == (n, 3)
    assert pq.read_table(path, columns=["id"])["id"].to_pylist() == list(range(n))


def test_json_lines_can_be_read_while_they_are_written(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    sink = DetectionSink(path)
    sink.open_episode(1, (64, 48), 30.0)
    for k in range(3):
        sink.write(result(k), KNOWN)
        assert len(json_rows(path)) == k + 1
    sink.close()


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
def test_nothing_written_is_an_empty_file(tmp_path: Path, name: str):
    path = write(tmp_path / name, [])
    assert (parquet_rows(path) if name.endswith("parquet") else json_rows(path)) == []


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
def test_numbers_that_are_none_do_not_stop_it(tmp_path: Path, name: str):
    broken = np.array([(np.nan, 0, 1, 1, 0.5, 2), (0, 0, 1, 1, 0.5, np.nan)], np.float32)
    path = write(tmp_path / name, [result(0, boxes=broken)])
    assert len(parquet_rows(path) if name.endswith("parquet") else json_rows(path)) == 1


def test_a_full_disk_is_not_silent(tmp_path: Path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    path = tmp_path / "a.jsonl"
    path.symlink_to(full)
    sink = DetectionSink(path)
    sink.open_episode(1, (64, 48), 30.0)
    with pytest.raises(SinkError, match="cannot write the detections"):
        sink.write(result(0), KNOWN)
