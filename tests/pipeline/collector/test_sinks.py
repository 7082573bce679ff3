from pathlib import Path

import pytest

from pipeline.collector.output import Sink, SinkError
from pipeline.collector.sinks import SinkGroup, open_sink
from tests.pipeline.collector.results import KNOWN, result, without_frame


class Recorder:
    """A sink that remembers what it was told, and fails to close if it must."""

    def __init__(self, needs_frames: bool = False, fails: bool = False) -> None:
        self.needs_frames, self._fails = needs_frames, fails
        self.told: list[str] = []

    def open_episode(self, episode: int, source_size: tuple[int, int], source_fps: float) -> None:
        self.told.append(f"episode {episode} {source_size} {source_fps}")

    def write(self, part, known) -> None:
        self.told.append(f"result {part.header.id}")

    def close(self) -> None:
        self.told.append("close")
        if self._fails:
            raise SinkError("disk full")


def play(sink: Sink) -> None:
    sink.open_episode(1, (64, 48), 30.0)
    sink.write(result(0), KNOWN)
    sink.close()


def test_no_path_keeps_nothing_and_needs_no_frames():
    sink = open_sink("", "")
    assert not sink.needs_frames
    play(sink)


def test_only_a_video_needs_frames(tmp_path: Path):
    video, detections = str(tmp_path / "out.mp4"), str(tmp_path / "out.jsonl")
    for sink, needs_frames in (
        (open_sink(video, ""), True),
        (open_sink("", detections), False),
        (open_sink(video, detections), True),
    ):
        assert sink.needs_frames is needs_frames
        sink.close()


def test_both_files_are_written_into_a_folder_that_is_made(tmp_path: Path):
    video, detections = tmp_path / "run" / "out.mp4", tmp_path / "run" / "data" / "out.parquet"
    play(open_sink(str(video), str(detections)))
    assert video.stat().st_size > 300
    assert detections.stat().st_size > 300


@pytest.mark.parametrize(
    ("video", "detections", "message"),
    [
        ("out.avi", "", r"a video must end in \.mp4 or \.webm, got 'out\.avi'"),
        ("", "out.csv", r"detections must end in \.parquet or \.jsonl, got 'out\.csv'"),
        ("out", "", "a video must end in"),
    ],
)
def test_another_ending_is_refused(video: str, detections: str, message: str):
    with pytest.raises(SinkError, match=message):
        open_sink(video, detections)


@pytest.mark.parametrize("name", ["out.mp4", "out.jsonl", "out.parquet"])
def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, name: str):
    (tmp_path / "file").touch()
    path = str(tmp_path / "file" / name)
    with pytest.raises(SinkError, match="cannot create the folder of"):
        open_sink(path, "") if name.endswith("mp4") else open_sink("", path)


def test_a_group_tells_every_sink_and_closes_all_though_one_fails():
    first, second = Recorder(fails=True), Recorder(needs_frames=True)
    group = SinkGroup(first, second)
    assert group.needs_frames
    with pytest.raises(SinkError, match="disk full"):
        play(group)
    assert first.told == second.told == ["episode 1 (64, 48) 30.0", "result 0", "close"]


def test_results_without_frames_suit_a_file_of_detections(tmp_path: Path):
    path = tmp_path / "out.jsonl"
    sink = open_sink("", str(path))
    sink.open_episode(1, (64, 48), 30.0)
    sink.write(without_frame(result(0)), KNOWN)
    sink.close()
    assert len(path.read_text().splitlines()) == 1
