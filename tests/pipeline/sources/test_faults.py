"""Files with something wrong: what is played of them, what is said, and what is reported."""

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.sources.base import NOTHING_WRONG, SourceError
from pipeline.sources.file import FileSource
from tests.pipeline.sources.clips import gray, number_of, write_clip

N = 60
TIMES_MS = [50 * k for k in range(N)]  # 20 fps, 3 s
PERIOD_MS = 50
WRAP_MS = 2**33 // 90  # the 33 bits of a transport stream's 90 kHz
TS_PACKET = 188  # bytes of one of its packets


def clip(path: Path, times_ms: list[int], codec: str = "libx264", first: int = 0) -> Path:
    images = [gray(first + k, 64, 48) for k in range(len(times_ms))]
    return write_clip(path, times_ms, images, codec)


def rich_clip(path: Path, codec: str = "libx264") -> Path:
    """One of which most bytes are pictures, no two alike."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in TIMES_MS]
    return write_clip(path, TIMES_MS, images, codec, "yuvj420p" if codec == "mjpeg" else "yuv420p")


def played(source: FileSource) -> tuple[list[int], list[int]]:
    """Numbers of the pictures modulo 12, and their times in ms."""
    numbers, times_ms = [], []
    while (pts_ns := source.peek()) is not None:
        numbers.append(number_of(source.read().image))
        times_ms.append(round(pts_ns / 1e6))
    return numbers, times_ms


def cut(path: Path, share: float = 0.6) -> Path:
    data = path.read_bytes()
    short = path.with_stem(f"{path.stem}_cut")
    kept = int(len(data) * share)
    kept -= (
        kept % TS_PACKET == 0
    )  # between two packets of a transport stream nothing tells that more was to come
    short.write_bytes(data[:kept])
    return short


def index_first(path: Path) -> Path:
    """An .mp4 that says at its beginning what it has, as those made for the web do."""
    whole = path.with_stem(f"{path.stem}_index_first")
    with (
        av.open(str(path)) as container,
        av.open(str(whole), "w", options={"movflags": "faststart"}) as copy,
    ):
        stream = copy.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return whole


# --- time that jumps ---


def test_a_second_recording_behind_the_first_follows_it(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    first, second = clip(tmp_path / "a.ts", TIMES_MS), clip(tmp_path / "b.ts", TIMES_MS, first=N)
    both = tmp_path / "both.ts"
    both.write_bytes(2 * (first.read_bytes() + second.read_bytes()))
    source = FileSource(str(both))
    numbers, times_ms = played(source)
    assert numbers == [k % 12 for k in range(2 * N)] * 2
    assert times_ms == [PERIOD_MS * k for k in range(4 * N)]
    assert source.report.rebased == 3
    assert source.report.undecodable == 0
    assert caplog.text.count("jumps in time, by -3.0 s; it goes on without a break") == 1
    source.close()


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_an_hour_without_pictures_is_no_silence(tmp_path: Path, ending: str):
    path = clip(tmp_path / f"gap.{ending}", [0, 50, 100, 150, 3_600_200, 3_600_250, 3_600_300])
    source = FileSource(str(path))
    assert played(source)[1] == [PERIOD_MS * k for k in range(7)]
    assert source.report.rebased == 1
    assert not source.report.truncated
    source.close()


def test_a_counter_that_wraps_is_no_jump(tmp_path: Path):
    source = FileSource(str(clip(tmp_path / "wrap.ts", [WRAP_MS - 1500 + time_ms for time_ms in TIMES_MS])))
    numbers, times_ms = played(source)
    assert numbers == [k % 12 for k in range(N)]
    assert times_ms == pytest.approx(TIMES_MS, abs=1)
    source.close()


# --- several streams ---


@pytest.mark.parametrize("cover_first", [True, False])
def test_of_several_streams_the_one_with_most_pictures_is_played(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cover_first: bool
):
    caplog.set_level(logging.INFO)
    path = tmp_path / "covered.mkv"
    sizes = {"cover": (32, 32), "film": (64, 48)}
    order = sorted(sizes, reverse=not cover_first)
    with av.open(str(path), "w") as container:
        streams: dict[str, VideoStream] = {}
        for name in order:
            streams[name] = stream = container.add_stream("mjpeg", rate=20)
            stream.width, stream.height = sizes[name]
            stream.pix_fmt = "yuvj420p"
        for name, n in (("cover", 1), ("film", 12)):
            for k in range(n):
                frame = VideoFrame.from_ndarray(gray(k, *sizes[name]), format="bgr24")
                frame.pts, frame.time_base = k, Fraction(1, 20)
                container.mux(streams[name].encode(frame))
            container.mux(streams[name].encode(None))
    source = FileSource(str(path))
    assert (source.width, source.height) == sizes["film"]
    assert played(source)[0] == list(range(12))
    index = order.index("film")
    assert (
        f"has 2 video streams; stream {index} is played, 64x48, for it has the most pictures" in caplog.text
    )
    source.close()


# --- damage and truncation ---


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mp4", "libx264"), ("mkv", "libx264"), ("ts", "libx264"), ("flv", "libx264"), ("avi", "mjpeg")],
)
def test_a_file_that_was_cut_off_is_played_and_called_truncated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str, codec: str
):
    path = rich_clip(tmp_path / f"clip.{ending}", codec)
    whole = index_first(path) if ending == "mp4" else path
    for file, is_cut in ((whole, False), (cut(whole), True)):
        source = FileSource(str(file))
        numbers, _ = played(source)
        assert (len(numbers) < N) == is_cut and numbers
        assert source.report.truncated == is_cut
        assert ("is truncated: it ends" in caplog.text) == is_cut
        source.close()


def test_a_file_of_which_nothing_can_be_read_is_an_error(tmp_path: Path):
    path = cut(clip(tmp_path / "index_last.mp4", TIMES_MS))
    with pytest.raises(SourceError, match=r"index_last_cut\.mp4' has no video stream"):
        FileSource(str(path))


def test_pictures_that_cannot_be_decoded_are_counted_in_every_pass(tmp_path: Path):
    path = clip(tmp_path / "hurt.mp4", TIMES_MS)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.pos is not None]
    data = bytearray(path.read_bytes())
    for position, size in places[20:25]:
        data[position : position + size] = bytes(size)
    path.write_bytes(data)
    source = FileSource(str(path), loop=True)
    for _ in range(N - 5):
        source.skip()
    assert source.peek() == PERIOD_MS * N * 1_000_000
    assert source.report.undecodable == 5
    for _ in range(N - 5):
        source.skip()
    source.peek()
    assert source.report.undecodable == 10
    assert not source.report.truncated
    source.restart(seed=0)
    assert source.report == NOTHING_WRONG
    source.close()


def test_lost_packets_of_a_transport_stream_are_damage(tmp_path: Path):
    data = clip(tmp_path / "whole.ts", TIMES_MS).read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    lost = tmp_path / "lost.ts"
    lost.write_bytes(b"".join(packet for k, packet in enumerate(packets) if k != len(packets) // 2))
    source = FileSource(str(lost))
    played(source)
    assert source.report.undecodable >= 1
    source.close()


def test_pictures_that_are_not_meant_to_be_shown_are_no_damage(tmp_path: Path):
    path = rich_clip(tmp_path / "hidden.webm", "libvpx")
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    data = path.read_bytes()
    hidden = bytes(packets[N // 2])
    assert data.count(hidden) == 1 and hidden[0] & 0x10
    path.write_bytes(data.replace(hidden, bytes([hidden[0] & ~0x10]) + hidden[1:]))
    source = FileSource(str(path))
    assert len(played(source)[0]) == N - 1
    assert source.report == NOTHING_WRONG
    source.close()


def test_real_clips_are_whole_though_one_hides_28_pictures(data: Path):
    for name, n in (("clips/road_race.mp4", 301), ("clips/portrait_540x960_25fps.mp4", 252)):
        source = FileSource(str(data / name))
        n_played = 0
        while source.peek() is not None:
            source.skip()
            n_played += 1
        assert (n_played, source.report) == (n, NOTHING_WRONG)
        source.close()


# --- rates ---


def test_raw_video_is_played_at_the_rate_written_in_it(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    path = tmp_path / "raw.h264"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(12):
            frame = VideoFrame.from_ndarray(gray(k, 64, 48), format="bgr24")
            frame.pts, frame.time_base = k, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = FileSource(str(path))
    assert source.fps == 30.0
    assert played(source)[1] == [round(k * 1000 / 30) for k in range(12)]
    assert "has no timestamps: it is played at the 30 frames/s written in it" in caplog.text
    source.close()


def test_a_rate_that_is_written_nowhere_is_assumed_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    source = FileSource(str(clip(tmp_path / "raw.h264", TIMES_MS)))  # written: the clock's 1000/s
    assert source.fps == 25.0
    assert "names no rate: 25 frames/s are assumed" in caplog.text
    source.close()


def test_pictures_that_come_faster_than_is_written_make_the_rate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    source = FileSource(str(clip(tmp_path / "fast.webm", [20 * k + k % 3 for k in range(N)], "libvpx")))
    assert source.fps == 50.0
    assert "30 frames/s are written in it, but its pictures come at 50, which is taken" in caplog.text
    source.close()
