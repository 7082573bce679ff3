"""The traffic source as a source, and what a detector makes of its pictures."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pipeline.content import Swing
from pipeline.sources.base import Source, SourceError, SourceFrame, TruthBox
from pipeline.sources.traffic import TrafficSource

WEIGHTS = Path(__file__).parents[5] / "shared" / "data" / "yolo11n_from_int8.pt"
FOUR_WHEELED = ("car", "bus", "truck")
Box = tuple[float, float, float, float]


def sampled(source: TrafficSource, n_frames: int, every: int) -> Iterator[SourceFrame]:
    for _ in range(n_frames):
        yield source.read()
        for _ in range(every - 1):
            source.skip()


def seen(frame: SourceFrame) -> tuple[TruthBox, ...]:
    assert frame.truth is not None
    return frame.truth


def height_px(box: TruthBox) -> float:
    return box.full[3] - box.full[1]


def assert_same(a: SourceFrame, b: SourceFrame) -> None:
    assert (a.index, a.pts_ns, a.truth) == (b.index, b.pts_ns, b.truth)
    assert np.array_equal(a.image, b.image)


@pytest.fixture(scope="module")
def three_minutes() -> list[SourceFrame]:
    """90 pictures, 2 s apart."""
    return list(sampled(TrafficSource(seed=1, fps=10.0), 90, every=20))


def test_pictures_are_due_at_the_rate_and_end_with_the_length():
    source: Source = TrafficSource(seed=0, length_s=0.1)
    due_ns = []
    while (pts_ns := source.peek()) is not None:
        frame = source.read()
        assert (frame.index, frame.pts_ns) == (len(due_ns), pts_ns)
        due_ns.append(pts_ns)
    assert due_ns == [0, 33_333_333, 66_666_667]
    assert not source.is_live


def test_a_picture_is_a_fresh_contiguous_bgr_buffer():
    source = TrafficSource(seed=0)
    first = source.read()
    before = first.image.copy()
    second = source.read()
    assert first.image.shape == (360, 640, 3)
    assert first.image.dtype == np.uint8
    assert first.image.flags.c_contiguous
    assert not np.shares_memory(first.image, second.image)
    assert np.array_equal(first.image, before)


def test_reading_and_skipping_past_the_end_are_refused():
    source = TrafficSource(seed=0, length_s=1 / 30)
    source.read()
    with pytest.raises(SourceError, match="over after 1"):
        source.read()
    with pytest.raises(SourceError, match="over after 1"):
        source.skip()


def test_a_closed_source_has_ended_and_closing_twice_is_harmless():
    source = TrafficSource(seed=0)
    source.close()
    source.close()
    assert source.peek() is None
    with pytest.raises(SourceError):
        source.read()


def test_the_same_seed_gives_the_same_pictures_and_truth():
    for a, b in zip(sampled(TrafficSource(7), 5, 9), sampled(TrafficSource(7), 5, 9), strict=True):
        assert_same(a, b)


def test_another_seed_gives_another_scene():
    a, b = TrafficSource(1).read(), TrafficSource(2).read()
    assert a.truth != b.truth
    assert not np.array_equal(a.image, b.image)


def test_skipping_changes_nothing_about_the_pictures_that_follow():
    reading, skipping = TrafficSource(3), TrafficSource(3)
    for _ in range(60):
        reading.read()
        skipping.skip()
    assert_same(reading.read(), skipping.read())


@pytest.mark.parametrize("seed", [4, 5])
def test_restarting_is_beginning_afresh(seed: int):
    source = TrafficSource(4)
    for _ in range(20):
        source.read()
    source.restart(seed)
    assert source.peek() == 0
    for a, b in zip(sampled(source, 3, 5), sampled(TrafficSource(seed), 3, 5), strict=True):
        assert_same(a, b)


def test_a_closed_source_can_be_begun_again():
    source = TrafficSource(4)
    source.close()
    source.restart(4)
    assert_same(source.read(), TrafficSource(4).read())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be >= 0, got -1"),
        ({"seed": 0, "width": 32}, "width must be from 64 to 4096 px, got 32"),
        ({"seed": 0, "height": 5000}, "height must be from 64 to 4096 px, got 5000"),
        ({"seed": 0, "fps": 0.0}, "fps must be above 0"),
        ({"seed": 0, "fps": float("nan")}, "fps must be above 0"),
        ({"seed": 0, "length_s": 0.0}, "length_s must be a finite number above 0"),
        ({"seed": 0, "length_s": float("inf")}, "length_s must be a finite number above 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        TrafficSource(**arguments)


def test_what_is_visible_lies_in_the_picture_and_in_the_whole(three_minutes: list[SourceFrame]):
    for box in (box for frame in three_minutes for box in seen(frame)):
        x1, y1, x2, y2 = box.visible
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 360
        assert box.full[0] <= x1 and box.full[1] <= y1 and x2 <= box.full[2] and y2 <= box.full[3]
        assert 0 < box.visible_share <= 1


def test_a_track_is_seen_once_in_a_picture_and_keeps_its_class(three_minutes: list[SourceFrame]):
    labels: dict[int, str] = {}
    for frame in three_minutes:
        tracks = [box.track for box in seen(frame)]
        assert len(tracks) == len(set(tracks))
        for box in seen(frame):
            assert labels.setdefault(box.track, box.label) == box.label


def test_vehicles_move_steadily_and_appear_only_at_an_edge():
    before: dict[int, TruthBox] = {}
    for frame in sampled(TrafficSource(1), 300, every=1):
        now = {box.track: box for box in seen(frame)}
        for track, box in now.items():
            if track in before:
                move_px = np.abs(np.subtract(box.full, before[track].full))
                assert move_px.max() < 3 + 0.15 * height_px(box)
            elif before:
                assert box.visible_share < 0.9
        before = now


def test_there_are_several_classes(three_minutes: list[SourceFrame]):
    assert {box.label for frame in three_minutes for box in seen(frame)} == set(FOUR_WHEELED)


def test_there_are_far_and_near_vehicles(three_minutes: list[SourceFrame]):
    whole = [box for frame in three_minutes for box in seen(frame) if box.visible_share == 1.0]
    heights_px = np.array([height_px(box) for box in whole])
    assert heights_px.min() < 12
    assert heights_px.max() > 70
    assert ((heights_px < 32).mean() > 0.2) and ((heights_px >= 32).mean() > 0.2)


def test_vehicles_hide_each_other(three_minutes: list[SourceFrame]):
    inside = [
        box
        for frame in three_minutes
        for box in seen(frame)
        if box.full[0] > 1 and box.full[1] > 1 and box.full[2] < 639 and 170 < box.full[3] < 359
    ]
    shares = np.array([box.visible_share for box in inside])
    assert (shares < 0.5).any()
    assert (shares < 0.95).mean() > 0.05


def test_density_and_light_change_over_time(three_minutes: list[SourceFrame]):
    counts = [len(seen(frame)) for frame in three_minutes]
    brightness = [frame.image.mean() for frame in three_minutes]
    assert max(counts) >= 2 * min(counts)
    assert max(brightness) > 1.8 * min(brightness)


def test_fog_takes_contrast_and_changes_nothing_that_is_there():
    foggy = list(sampled(TrafficSource(2, fog=Swing(0.0, 1.5, 2.0)), 2, every=30))
    clear = list(sampled(TrafficSource(2), 2, every=30))
    assert np.array_equal(foggy[0].image, clear[0].image), "none at first"
    blue, as_it_is = foggy[1].image[..., 0].std(), clear[1].image[..., 0].std()
    assert blue == pytest.approx(0.21 * as_it_is, rel=0.05)
    assert [seen(frame) for frame in foggy] == [seen(frame) for frame in clear]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (320, 180)])
def test_another_size_shows_the_same_scene_scaled(width: int, height: int):
    scale = width / 640
    large, small = TrafficSource(2, width, height), TrafficSource(2)
    a, b = large.read(), small.read()
    assert a.image.shape == (height, width, 3)
    scaled = {box.track: np.multiply(box.full, scale) for box in seen(b)}
    common = [box for box in seen(a) if box.track in scaled]
    assert len(common) >= 5
    for box in common:
        assert np.abs(np.subtract(box.full, scaled[box.track])).max() < 1.5 * max(1.0, scale)


@pytest.mark.parametrize(("width", "height"), [(360, 640), (600, 600), (1000, 200), (64, 64)])
def test_other_aspects_show_the_road_too(width: int, height: int):
    frames = list(sampled(TrafficSource(2, width, height, fps=1.0), 20, every=3))
    assert all(frame.image.shape == (height, width, 3) for frame in frames)
    assert sum(len(seen(frame)) for frame in frames) > 40


def test_a_coco_detector_finds_the_cars(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """YOLO11n at 640x384, confidence .25, IoU .5: cars 32 px high or more, at least half visible."""
    if not WEIGHTS.exists():
        pytest.skip(f"no {WEIGHTS.name} in ../shared/data")
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    ultralytics = pytest.importorskip("ultralytics")
    model = ultralytics.YOLO(WEIGHTS)
    n_cars = n_found = n_detections = n_true = 0
    for frame in sampled(TrafficSource(seed=0), 40, every=112):
        result = model.predict(frame.image, imgsz=(384, 640), conf=0.25, device="cpu", verbose=False)[0]
        kinds = [model.names[int(kind)] for kind in result.boxes.cls]
        found = [
            box for box, kind in zip(result.boxes.xyxy.tolist(), kinds, strict=True) if kind in FOUR_WHEELED
        ]
        cars = [
            box
            for box in seen(frame)
            if box.label == "car" and height_px(box) >= 32 and box.visible_share >= 0.5
        ]
        n_cars += len(cars)
        n_found += sum(any(iou(car.visible, box) >= 0.5 for box in found) for car in cars)
        n_detections += len(found)
        n_true += sum(any(iou(truth.visible, box) >= 0.5 for truth in seen(frame)) for box in found)
    assert n_cars >= 60
    assert n_found / n_cars >= 0.75
    assert n_true / n_detections >= 0.75


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return shared / (sum(areas) - shared)
