import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.options import ProducerOptions, SourceKind
from pipeline.sources.base import SourceError
from pipeline.sources.opening import open_source
from tests.pipeline.sources.clips import gray, write_clip

SMALL = ProducerOptions(width=128, height=72, source_fps=10.0, seed=3)


def test_traffic_has_the_options_size_rate_and_length():
    source = open_source(replace(SMALL, length_s=0.5))
    assert (source.width, source.height, source.fps) == (128, 72, 10.0)
    n = 0
    while source.peek() is not None:
        assert source.read().image.shape == (72, 128, 3)
        n += 1
    assert n == 5


def test_traffic_without_a_length_is_endless():
    source = open_source(SMALL)
    for _ in range(100):
        source.skip()
    assert source.peek() == 10_000_000_000


def test_memory_is_a_second_of_the_traffic_scene_over_and_over():
    memory, scene = open_source(replace(SMALL, source=SourceKind.MEMORY)), open_source(SMALL)
    frames = [memory.read() for _ in range(20)]
    for k in range(10):
        image = scene.read().image
        assert np.array_equal(frames[k].image, image)
        assert np.array_equal(frames[k + 10].image, image)


@pytest.mark.parametrize("loop", [False, True])
def test_a_file_is_read_once_or_looped(tmp_path: Path, loop: bool):
    clip = write_clip(tmp_path / "clip.mp4", [0, 100], [gray(k, 64, 48) for k in range(2)])
    source = open_source(ProducerOptions(source=SourceKind.FILE, path=str(clip), loop=loop))
    source.skip()
    source.skip()
    assert (source.peek() is not None) is loop
    source.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ProducerOptions(source=SourceKind.FILE), "expected a video file"),
        (ProducerOptions(source=SourceKind.CAMERA), "expected a camera's index"),
        (ProducerOptions(source=SourceKind.RTSP, path="here"), "expected an address"),
    ],
)
def test_what_cannot_be_opened_is_one_kind_of_error(options: ProducerOptions, message: str):
    with pytest.raises(SourceError, match=message):
        open_source(options)


def test_a_file_needs_no_opencv_and_so_no_libgl(tmp_path: Path):
    clip = write_clip(tmp_path / "clip.mp4", [0, 100], [gray(k, 64, 48) for k in range(2)])
    program = (
        "import sys; sys.modules['cv2'] = None\n"
        "from pipeline.options import ProducerOptions, SourceKind\n"
        "from pipeline.sources.opening import open_source\n"
        "import pipeline.sources.live, pipeline.sources.memory, pipeline.sources.network\n"
        f"open_source(ProducerOptions(source=SourceKind.FILE, path={str(clip)!r})).read()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=Path(__file__).parents[3])
