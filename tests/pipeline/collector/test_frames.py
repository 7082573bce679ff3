import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.collector.events import Emit
from pipeline.collector.output import SinkError
from pipeline.collector.sinks import open_record
from tests.pipeline.collector.results import STARTED_NS, result

STAMPS = ("captured_ns", "sent_ns", "received_ns", "started_ns", "done_ns", "arrived_ns", "emitted_ns")


def emit(k: int) -> Emit:
    part = result(k, captured_ns=STARTED_NS, stamps_ns=(1, 20, 300, 4000), service_ns=3700, worker="w")
    return Emit(part, arrived_ns=STARTED_NS + 50_000, emitted_ns=STARTED_NS + 600_000)


def written(path: Path, n: int) -> list[dict]:
    record = open_record(str(path))
    assert record is not None
    for k in range(n):
        record.write(emit(k))
    record.close()
    record.close()
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
def test_a_row_has_the_time_at_which_the_frame_was_at_each_place(tmp_path: Path, name: str):
    first, second = written(tmp_path / name, 2)
    since_capture = [first[stamp] - STARTED_NS for stamp in STAMPS]
    assert since_capture == [0, 1, 20, 300, 4000, 50_000, 600_000]
    assert (first["worker"], first["service_ns"], first["width"], first["height"]) == ("w", 3700, 64, 48)
    assert [first["id"], second["id"]] == [0, 1]


def test_nothing_is_recorded_unless_asked_for():
    assert open_record("") is None


def test_another_ending_is_refused(tmp_path: Path):
    with pytest.raises(SinkError, match=r"a file of frames must end in \.parquet or \.jsonl"):
        open_record(str(tmp_path / "a.csv"))
