from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.sources.base import SourceError
from pipeline.sources.camera import CameraFeed, VideoCapture, camera_source, open_capture
from pipeline.sources.live import LiveSource
from tests.pipeline.sources.clips import gray, number_of, write_clip


class FakeCapture:
    """A capture that gives these pictures and then none."""

    def __init__(self, images: list[NDArray[np.uint8]], fps: float = 30.0, is_open: bool = True) -> None:
        self._images, self._fps, self._is_open = list(images), fps, is_open
        self.is_released = False

    def isOpened(self) -> bool:  # noqa: N802
        return self._is_open

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        return (True, self._images.pop(0)) if self._images else (False, None)

    def get(self, prop: int, /) -> float:
        assert prop == cv2.CAP_PROP_FPS
        return self._fps

    def release(self) -> None:
        self.is_released = True


def test_a_device_that_opens_but_gives_no_picture_is_refused_and_given_back():
    capture = FakeCapture([])
    with pytest.raises(SourceError, match="camera 0 opens but gives no picture"):
        CameraFeed("0", "camera 0", lambda device: capture)
    assert capture.is_released


def test_a_device_that_does_not_open_is_refused_and_given_back():
    capture = FakeCapture([gray(0, 64, 48)], is_open=False)
    with pytest.raises(SourceError, match="camera 7 cannot be opened"):
        CameraFeed("7", "camera 7", lambda device: capture)
    assert capture.is_released


@pytest.mark.parametrize(("claimed", "believed"), [(25.0, 25.0), (0.0, None), (-1.0, None), (90000.0, None)])
def test_a_rate_that_cannot_be_is_not_believed(claimed: float, believed: float | None):
    assert CameraFeed("0", "camera", lambda device: FakeCapture([gray(0, 64, 48)], claimed)).fps == believed


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1), (48, 64, 4), (48, 64, 3), (24, 32, 3)])
def test_whatever_the_camera_gives_becomes_bgr_of_the_sources_size(shape: tuple[int, ...]):
    feed = CameraFeed("0", "camera", lambda device: FakeCapture([np.full(shape, 80, np.uint8)]))
    image = feed.read()(64, 48)
    assert image.shape == (48, 64, 3)
    assert image.flags.c_contiguous
    assert number_of(image) == 3


def test_the_picture_that_proved_the_device_is_not_lost():
    feed = CameraFeed("0", "camera", lambda device: FakeCapture([gray(k, 64, 48) for k in range(2)]))
    assert [number_of(feed.read()(64, 48)) for _ in range(2)] == [0, 1]
    with pytest.raises(SourceError, match="has stopped giving pictures"):
        feed.read()


def test_a_camera_that_stops_is_opened_again(tmp_path: Path):
    clip = write_clip(tmp_path / "camera.mp4", [0, 100, 200], [gray(k, 64, 48) for k in range(3)])
    absent = FakeCapture([], is_open=False)
    captures: Iterator[VideoCapture] = iter(
        [open_capture(str(clip)), absent, open_capture(str(clip)), open_capture(str(clip))]
    )
    connect = partial(CameraFeed, "0", "camera", lambda device: next(captures))
    source = LiveSource("camera", connect, backoff_s=(0.0, 0.0))
    while source.n_retries < 3:
        assert source.peek() is not None
        assert source.read().image.shape == (48, 64, 3)
    source.close()


def test_a_device_that_does_not_exist_is_an_error():
    with pytest.raises(SourceError, match="camera /dev/nowhere cannot be opened"):
        camera_source("/dev/nowhere")
    with pytest.raises(SourceError, match="expected a camera's index"):
        camera_source("")
