import dataclasses
from pathlib import Path

import msgspec
import pytest

from pipeline.content import Swing
from pipeline.messages import Drawn, Truth, WorkType
from pipeline.options import ProducerOptions, SourceKind
from pipeline.scoring.truth import is_known, objects_of, open_truth, read_mot, truth_of
from pipeline.sources.base import TruthBox
from pipeline.sources.traffic import TrafficSource
from pipeline.sources.traffic.truth import TrafficTruth

CARS = ("car", "truck", "bus")
SIZE, FPS = (320, 180), 10.0


def test_mot_rows_are_objects_by_index_from_zero(tmp_path: Path):
    path = tmp_path / "gt.txt"
    rows = "1,9,100,50,30,70,1,-1,-1,-1", "1,3,10,20,5,25,0,-1,-1,-1", "4,9,1,2,3,11.9,1,-1,-1,-1"
    path.write_text("\n".join(rows))
    truth = read_mot(path, "person")
    assert sorted(truth) == [0, 3]
    assert truth[0].boxes.tolist() == [[100, 50, 130, 120], [10, 20, 15, 45]]
    assert truth[0].labels == ["person", "person"]
    assert truth[0].ignored.tolist() == [False, True], "as the file says"
    assert truth[3].ignored.tolist() == [True], "too low"


@pytest.mark.parametrize("text", ["1,2,3\n", "frame,id,left,top,width,height,counts\n"])
def test_a_file_that_is_no_truth_is_refused_by_name(tmp_path: Path, text: str):
    path = tmp_path / "gt.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"gt\.txt: expected MOT rows"):
        read_mot(path, "person")


def test_what_is_low_or_hidden_counts_neither_way_and_other_classes_are_not_there():
    def box(label: str, height: float, visible_share: float) -> TruthBox:
        corners = (0.0, 0.0, 20.0, height)
        return TruthBox(label, corners, corners, visible_share, 1)

    boxes = box("car", 12.0, 0.3), box("bus", 11.9, 1.0), box("truck", 50.0, 0.29), box("person", 50.0, 1.0)
    objects = objects_of(boxes, CARS)
    assert objects.labels == ["car", "bus", "truck"]
    assert objects.ignored.tolist() == [False, True, True]


def test_the_traffic_scene_is_known_without_its_pictures():
    source, truth = TrafficSource(3, *SIZE, FPS), TrafficTruth(3, *SIZE, FPS)
    for index in range(12):
        if index % 4 == 1:
            assert truth.at(index) == source.read().truth
        else:
            source.skip()
    with pytest.raises(ValueError, match="does not drive back"):
        truth.at(3)


def test_traffic_drives_at_the_pace_it_is_told_and_the_truth_with_it():
    calm = Swing(0.3, 0.3, 0.0)
    source, truth = (
        TrafficSource(3, *SIZE, 20.0, None, calm, pace=2.0),
        TrafficTruth(3, *SIZE, 20.0, calm, 2.0),
    )
    usual = TrafficTruth(3, *SIZE, 10.0, calm)
    for index in range(12):
        seen = source.read().truth
        assert seen == truth.at(index)
        assert seen == usual.at(index), "twice as fast in half the time"


def test_a_scene_that_ends_and_a_file_that_is_looped(tmp_path: Path):
    look = open_truth(Truth(classes=CARS, n_pictures=2), SIZE, FPS)
    assert look(1) is not None and look(2) is None
    path = tmp_path / "gt.txt"
    path.write_text("2,1,0,0,20,20,1\n")
    look = open_truth(Truth(classes=("person",), path=str(path), n_pictures=3), SIZE, FPS)
    assert [look(index) is not None for index in range(6)] == [False, True, False, False, True, False]


def test_traffic_is_as_dense_as_it_is_told_and_the_truth_with_it():
    swing = Swing(0.0, 1.0, 60.0)
    source, truth = TrafficSource(3, *SIZE, FPS, None, swing), TrafficTruth(3, *SIZE, FPS, swing)
    n = []
    for index in range(400):
        if index in (1, 399):
            seen = source.read().truth
            assert truth.at(index) == seen
            n.append(len(seen or ()))
        else:
            source.skip()
    assert n[1] > 2 * n[0], "half a minute later"


def test_detections_are_drawn_where_a_file_says_by_what(tmp_path: Path):
    drawn, path = Drawn(f1=({90: 0.2}, {90: 0.4}), second_sd=0.5), tmp_path / "drawn.json"
    path.write_bytes(msgspec.json.encode(drawn))
    emulated = ProducerOptions(work_type=WorkType.EMULATED, grades=("n", "s"), density=(0.1, 0.9, 60.0))
    known = truth_of(dataclasses.replace(emulated, drawn=str(path)))
    assert known is not None and known.drawn == drawn and known.density == Swing(0.1, 0.9, 60.0)
    assert is_known(emulated) and truth_of(emulated) is None
    for words, text in (
        ("expected f1 of 2 grades", '{"f1": [{"90": 0.2}]}'),
        ("0, 1", '{"f1": [{"90": 2}]}'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=words):
            truth_of(dataclasses.replace(emulated, drawn=str(path)))


def test_nothing_is_scored_where_workers_bring_no_boxes_or_frames_have_no_time():
    assert truth_of(ProducerOptions(classes=CARS, length_s=2.0)) == Truth(classes=CARS, n_pictures=60)
    assert truth_of(ProducerOptions(pacing=False)) is None
    assert truth_of(ProducerOptions(work_type=WorkType.EMULATED)) is None
    assert truth_of(ProducerOptions(source=SourceKind.FILE, path="clip.mp4")) is None
    with pytest.raises(ValueError, match="truth cannot be read"):
        truth_of(ProducerOptions(source=SourceKind.FILE, path="clip.mp4", truth="none.txt"))
