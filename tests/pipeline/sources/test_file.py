import hashlib
import itertools
import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from pipeline.sources.base import SourceError, SourceFrame
from pipeline.sources.file import FileSource
from tests.pipeline.sources.clips import gray, number_of, write_clip

ROAD_RACE = Path(__file__).parents[4] / "shared" / "data" / "clips" / "road_race.mp4"
needs_road_race = pytest.mark.skipif(not ROAD_RACE.exists(), reason=f"no {ROAD_RACE.name} in ../shared/data")


def frames_of(source: FileSource, at_most: int = 1000) -> list[SourceFrame]:
    frames = []
    while len(frames) < at_most and source.peek() is not None:
        frames.append(source.read())
    source.close()
    return frames


def digest(image: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    images = [gray(k, 64, 48) for k in range(6)]
    return write_clip(tmp_path / "clip.mp4", [0, 100, 200, 300, 400, 500], images)


def test_pictures_come_in_order_with_the_files_size_rate_and_times(clip: Path):
    source = FileSource(str(clip))
    assert (source.width, source.height, source.fps, source.is_live) == (64, 48, 10.0, False)
    frames = frames_of(source)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert [frame.pts_ns for frame in frames] == [k * 100_000_000 for k in range(6)]
    assert all(f.image.shape == (48, 64, 3) and f.image.flags.c_contiguous for f in frames)
    assert source.peek() is None


def test_a_variable_rate_stays_one_and_times_begin_at_zero(tmp_path: Path):
    times_ms = [700, 733, 900, 1700, 1710]
    path = write_clip(tmp_path / "vfr.mkv", times_ms, [gray(k, 64, 48) for k in range(5)], "ffv1", "bgr0")
    frames = frames_of(FileSource(str(path)))
    assert [frame.pts_ns // 1_000_000 for frame in frames] == [0, 33, 200, 1000, 1010]


@needs_road_race
def test_a_frame_count_that_lies_is_not_believed():
    with av.open(str(ROAD_RACE)) as container:
        assert container.streams.video[0].frames == 329
    source = FileSource(str(ROAD_RACE))
    n = 0
    while source.peek() is not None:
        source.skip()
        n += 1
    assert n == 301


def test_three_loops_give_the_same_pictures_and_go_on_counting(clip: Path):
    frames = frames_of(FileSource(str(clip), loop=True), at_most=18)
    digests = [digest(frame.image) for frame in frames]
    assert digests[:6] == digests[6:12] == digests[12:]
    assert [frame.index for frame in frames] == list(range(18))
    assert [frame.pts_ns for frame in frames] == [k * 100_000_000 for k in range(18)]


def test_skipped_pictures_count_and_are_not_converted(clip: Path, monkeypatch: pytest.MonkeyPatch):
    source = FileSource(str(clip))
    convert, n_converted = source._converter.bgr, itertools.count()

    def counted(*args):
        next(n_converted)
        return convert(*args)

    monkeypatch.setattr(source._converter, "bgr", counted)
    taken = []
    while source.peek() is not None:
        if source.peek() == 300_000_000:
            taken.append(source.read())
        else:
            source.skip()
    source.close()
    assert [(frame.index, number_of(frame.image)) for frame in taken] == [(3, 3)]
    assert next(n_converted) == 1


def test_restart_begins_again_in_the_middle_and_at_the_end(clip: Path):
    source = FileSource(str(clip))
    for n_before in (2, 6):
        for _ in range(n_before):
            assert source.peek() is not None
            source.read()
        source.restart(seed=1)
        assert source.peek() == 0
        assert (frame := source.read()).index == 0
        assert number_of(frame.image) == 0
        source.restart(seed=2)
    source.close()


def test_buffers_are_fresh(clip: Path):
    frames = frames_of(FileSource(str(clip)))
    assert not any(np.shares_memory(a.image, b.image) for a, b in itertools.combinations(frames, 2))


@pytest.mark.parametrize(("width", "height"), [(161, 91), (35, 47)])
def test_odd_sizes_are_read_as_they_are(tmp_path: Path, width: int, height: int):
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    path = write_clip(tmp_path / "odd.mkv", [0], [image], "ffv1", "bgr0")
    (frame,) = frames_of(FileSource(str(path)))
    assert frame.image.flags.c_contiguous
    assert np.array_equal(frame.image, image)


@pytest.mark.parametrize("pix_fmt", ["gray", "gray16le", "bgra", "yuva420p", "yuv444p10le"])
def test_grey_alpha_and_deep_pictures_become_bgr(tmp_path: Path, pix_fmt: str):
    path = write_clip(tmp_path / "any.mkv", [0], [gray(5, 64, 48)], "ffv1", pix_fmt)
    (frame,) = frames_of(FileSource(str(path)))
    assert frame.image.shape == (48, 64, 3)
    assert frame.image.dtype == np.uint8
    assert number_of(frame.image) == 5


@pytest.mark.parametrize(("anticlockwise", "corner"), [(90, (-1, 0)), (180, (-1, -1)), (270, (0, -1))])
def test_pictures_are_turned_upright(tmp_path: Path, anticlockwise: int, corner: tuple[int, int]):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:16, :16] = 255
    path = write_clip(tmp_path / "turned.mp4", [0, 100], [image] * 2, rotation=anticlockwise)
    source = FileSource(str(path))
    turned = frames_of(source)[0].image
    assert (source.height, source.width) == turned.shape[:2]
    assert turned.shape[:2] == ((48, 64) if anticlockwise == 180 else (64, 48))
    assert turned[corner].mean() > 200
    assert turned.mean() < 40


def test_a_size_that_changes_is_scaled_to_the_first_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    small = write_clip(tmp_path / "a.ts", [0, 100], [gray(1, 64, 48)] * 2)
    large = write_clip(tmp_path / "b.ts", [200, 300], [gray(2, 128, 96)] * 2)
    path = tmp_path / "both.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    frames = frames_of(FileSource(str(path)))
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert [number_of(frame.image) for frame in frames] == [1, 1, 2, 2]
    assert caplog.text.count("a picture is 128x96; all are scaled to the first one's 64x48") == 1


def test_a_file_without_timestamps_is_read_at_its_rate(tmp_path: Path):
    path = write_clip(tmp_path / "raw.h264", range(0, 400, 40), [gray(k, 64, 48) for k in range(10)])
    source = FileSource(str(path))
    frames = frames_of(source)
    assert [frame.pts_ns for frame in frames] == [round(k * 1e9 / source.fps) for k in range(10)]


def test_damage_in_the_middle_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    images = [gray(k, 64, 48) for k in range(10)]
    path = write_clip(tmp_path / "hurt.mkv", range(0, 1000, 100), images, "mjpeg", "yuvj420p")
    data = path.read_bytes()
    begin, end = [match.span() for match in re.finditer(b"\xff\xd8.*?\xff\xd9", data, re.DOTALL)][4]
    path.write_bytes(data[:begin] + bytes(end - begin) + data[end:])
    frames = frames_of(FileSource(str(path)))
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert frames[4].pts_ns == 500_000_000
    assert "hurt.mkv' is damaged" in caplog.text


def test_a_truncated_file_gives_what_it_has(tmp_path: Path):
    images = [gray(k, 64, 48) for k in range(12)]
    whole = write_clip(tmp_path / "whole.mkv", range(0, 1200, 100), images, "mjpeg", "yuvj420p")
    half = tmp_path / "half.mkv"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    numbers = [number_of(frame.image) for frame in frames_of(FileSource(str(half)))]
    assert 0 < len(numbers) < 12
    assert numbers == list(range(len(numbers)))


def test_a_file_that_opens_but_yields_no_picture_is_refused_by_name(tmp_path: Path):
    path = write_clip(tmp_path / "empty.mkv", [0], [gray(0, 64, 48)])
    data = path.read_bytes()
    with av.open(str(path)) as container:
        position = next(packet.pos for packet in container.demux(video=0) if packet.size)
    assert position is not None
    path.write_bytes(data[:position])
    with pytest.raises(SourceError, match=r"empty\.mkv' can be opened, but no picture in it can be decoded"):
        FileSource(str(path))


def test_what_is_no_video_is_refused_by_name(tmp_path: Path):
    with pytest.raises(SourceError, match=r"expected a video file, but there is none at .*missing\.mp4"):
        FileSource(str(tmp_path / "missing.mp4"))
    with pytest.raises(SourceError, match="expected a video file"):
        FileSource(str(tmp_path))
    text = tmp_path / "text.mp4"
    text.write_text("not a video " * 100)
    with pytest.raises(SourceError, match=r"text\.mp4' cannot be opened as video: Invalid data"):
        FileSource(str(text))


def test_sound_alone_is_refused(tmp_path: Path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate, sound.time_base, sound.pts = 8000, Fraction(1, 8000), 0
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="no video stream"):
        FileSource(str(path))


def test_reading_past_the_end_is_an_error(clip: Path):
    source = FileSource(str(clip))
    while source.peek() is not None:
        source.skip()
    with pytest.raises(SourceError, match="is over after 6 pictures"):
        source.read()
    source.close()
    source.close()
    assert source.peek() is None


def test_a_still_picture_is_a_video_of_one(tmp_path: Path):
    path = tmp_path / "still.png"
    VideoFrame.from_ndarray(gray(3, 64, 48), format="bgr24").save(path)
    frames = frames_of(FileSource(str(path), loop=True), at_most=3)
    assert [number_of(frame.image) for frame in frames] == [3, 3, 3]
    assert [frame.pts_ns for frame in frames] == [0, 40_000_000, 80_000_000]
