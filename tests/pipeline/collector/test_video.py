import signal
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.collector.output import Known, SinkError
from pipeline.collector.video import VideoSink, caption, count_pictures
from pipeline.messages import DetectionKind
from tests.pipeline.collector.results import KNOWN, result, without_frame

ROOT = Path(__file__).parents[3]
GREY = np.full((48, 64, 3), 128, np.uint8)


def times_s(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def duration_s(path: Path) -> float:
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration * 1e-6


def boxes_of(path: Path) -> list[str]:
    """Names of an .mp4's outermost boxes."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        names.append(name.decode())
        at += length
    return names


def record(path: Path, parts, source_size=(64, 48)) -> Path:
    sink = VideoSink(path)
    sink.open_episode(1, source_size, 30.0)
    for part in parts:
        sink.write(part, KNOWN)
    sink.close()
    sink.close()
    return path


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
@pytest.mark.parametrize("step", [1, 3, 6])
def test_the_video_lasts_as_long_as_the_stream_whatever_the_fps(tmp_path: Path, ending: str, step: int):
    path = record(tmp_path / f"out{ending}", (result(k) for k in range(0, 60, step)))
    assert count_pictures(path) == 60 // step
    assert duration_s(path) == pytest.approx(2.0, abs=0.003)
    assert times_s(path) == pytest.approx([k / 30 for k in range(0, 60, step)], abs=0.001)


def test_a_change_of_fps_and_a_gap_keep_real_time(tmp_path: Path):
    taken = [*range(0, 30), *range(30, 60, 6), *range(90, 120, 3)]
    path = record(tmp_path / "out.mp4", (result(k) for k in taken))
    assert times_s(path) == pytest.approx([k / 30 for k in taken], abs=0.001)
    assert duration_s(path) == pytest.approx(4.0, abs=0.001)


def test_the_size_is_the_sources_whatever_the_resolution(tmp_path: Path):
    sizes = [(640, 360), (320, 180), (160, 90)]
    path = record(tmp_path / "out.mp4", (result(k, size=s) for k, s in enumerate(sizes)), (640, 360))
    with av.open(str(path)) as container:
        frames = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert frames == [(640, 360)] * 3


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_odd_sizes_lose_a_line_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
):
    path = record(tmp_path / f"out{ending}", [result(0, size=(161, 91))], (161, 91))
    with av.open(str(path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (160, 90)
    assert "has pictures of 160x90, to which the source's 161x91 is scaled" in caplog.text


def test_the_mp4_is_one_that_browsers_play(tmp_path: Path):
    path = record(tmp_path / "out.mp4", (result(k) for k in range(40)))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.frames == 40
    assert boxes_of(path)[-1] == "moov"
    assert "moof" not in boxes_of(path)


def test_boxes_and_caption_are_in_the_picture(tmp_path: Path):
    part = result(0, size=(320, 180), boxes=[(80, 60, 240, 150, 0.9, 2)])
    path = record(tmp_path / "out.mp4", [part], (320, 180))
    with av.open(str(path)) as container:
        image = next(container.decode(video=0)).to_ndarray(format="bgr24").astype(int)
    changed = np.abs(image - 128).sum(axis=2) > 60
    assert changed[70:140, 78:83].any(axis=1).all()
    assert changed[165:, :60].any()
    assert not changed[70:140, 100:220].any()


def test_what_is_really_there_is_outlined_thinly(tmp_path: Path):
    sink, there = VideoSink(tmp_path / "out.mp4"), np.array([(160.0, 80.0, 480.0, 240.0)])
    sink.open_episode(1, (640, 320), 30.0)
    sink.write(result(0, size=(320, 160)), KNOWN._replace(present=there))
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        image = next(container.decode(video=0)).to_ndarray(format="bgr24").astype(int)
    is_white = image.min(axis=2) > 180
    assert is_white[80, 170:470].all() and is_white[90:230, 160].all()
    assert not is_white[83:237, 163:477].any(), "one pixel, and nothing within"


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (KNOWN._replace(grade="n"), "n 320x180"),
        (KNOWN._replace(kind=DetectionKind.EMULATED, grade="s"), "s 320x180, emulated detections"),
        (KNOWN._replace(kind=DetectionKind.NONE), "grade 1 320x180, no detections"),
        (KNOWN._replace(grade="m", f1=0.708), "m 320x180, F1 0.71"),
    ],
)
def test_the_caption_says_what_is_known(known: Known, words: str):
    assert caption(result(0, size=(320, 180), grade=1).header, None, known) == words


def test_the_caption_counts_the_frames_of_the_last_second(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    said: list[str] = []
    monkeypatch.setattr("pipeline.collector.video.annotated", lambda *drawn: said.append(drawn[3]) or GREY)
    record(tmp_path / "out.mp4", (result(k) for k in [*range(0, 60, 2), *range(60, 121, 6)]))
    assert said[0] == "grade 0 64x48" and said[29] == "grade 0 64x48, 15/s"
    assert said[-1] == "grade 0 64x48, 5/s"


def test_only_stream_0_is_drawn(tmp_path: Path):
    path = record(tmp_path / "out.mp4", (result(k, stream=k % 2) for k in range(10)))
    assert count_pictures(path) == 5


def test_each_episode_has_its_own_file_and_time(tmp_path: Path):
    path = tmp_path / "out.mp4"
    sink = VideoSink(path)
    for episode, n in ((4, 6), (5, 0), (6, 9)):
        sink.open_episode(episode, (64, 48), 30.0)
        for k in range(n):
            sink.write(result(100 * episode + k), KNOWN)
    sink.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out-2.mp4", "out.mp4"]
    assert [count_pictures(path), count_pictures(tmp_path / "out-2.mp4")] == [6, 9]
    assert times_s(tmp_path / "out-2.mp4")[0] == 0
    with av.open(str(tmp_path / "out-2.mp4")) as container:
        assert container.metadata["title"] == "episode 6"


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_times_that_do_not_advance_are_moved_apart(tmp_path: Path, ending: str):
    parts = [result(k, captured_ns=5) for k in range(4)]
    path = record(tmp_path / f"out{ending}", parts)
    assert times_s(path) == pytest.approx([0, 0.001, 0.002, 0.003])


def test_ntsc_rates_are_written(tmp_path: Path):
    sink = VideoSink(tmp_path / "out.mp4")
    sink.open_episode(1, (64, 48), 30000 / 1001)
    sink.write(result(0), KNOWN)
    sink.close()
    assert Fraction(duration_s(tmp_path / "out.mp4")) == pytest.approx(1001 / 30000, abs=1e-4)


def test_results_that_never_bring_a_picture_are_not_silent(tmp_path: Path):
    sink = VideoSink(tmp_path / "out.mp4")
    sink.open_episode(1, (64, 48), 30.0)
    sink.write(without_frame(result(0)), KNOWN)
    with pytest.raises(SinkError, match="1 results came, none with its picture"):
        sink.close()


def test_some_without_a_picture_are_counted_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = record(tmp_path / "out.mp4", [without_frame(result(0)), result(1), result(2)])
    assert count_pictures(path) == 2
    assert "1 results came without their picture" in caplog.text


def test_pictures_that_are_not_in_the_file_are_not_silent(tmp_path: Path):
    path = tmp_path / "out.webm"
    sink = VideoSink(path)
    sink.open_episode(1, (64, 48), 30.0)
    for k in range(60):
        sink.write(result(k), KNOWN)
    path.unlink()
    with pytest.raises(SinkError, match=r"expected 60 pictures in the video .*, found 0"):
        sink.close()


def test_a_full_disk_is_not_silent(tmp_path: Path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    path = tmp_path / "out.webm"
    path.symlink_to("/dev/full")
    with pytest.raises(SinkError, match=r"the video .*out\.webm"):
        record(path, (result(k) for k in range(300)))


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path):
    path = tmp_path / "out.mp4"
    path.mkdir()
    with pytest.raises(SinkError, match=r"cannot write the video .*out\.mp4"):
        record(path, [result(0)])


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_the_video_of_a_killed_run_can_be_read(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.pipeline.collector.results import KNOWN\n"
        "from pipeline.collector.video import VideoSink\n"
        "from tests.pipeline.collector.results import result\n"
        "sink = VideoSink(Path(sys.argv[1]))\n"
        "sink.open_episode(1, (64, 48), 30.0)\n"
        "for k in range(150): sink.write(result(k), KNOWN)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert 119 <= count_pictures(path) <= 150
    assert len(times_s(path)) == count_pictures(path)
