"""Live pictures from a camera of this machine, through OpenCV."""

from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.sources.base import SourceError
from pipeline.sources.decoding import HIGHEST_RATE
from pipeline.sources.live import LiveSource, Picture


class VideoCapture(Protocol):
    """What is used of cv2.VideoCapture."""

    def isOpened(self) -> bool: ...  # noqa: N802
    def read(self) -> tuple[bool, NDArray[np.uint8] | None]: ...
    def get(self, prop: int, /) -> float: ...
    def release(self) -> None: ...


def open_capture(device: str) -> VideoCapture:
    """OpenCV's capture of a camera's index ("0") or device path ("/dev/video0"); it may not be open."""
    return cast(VideoCapture, cv2.VideoCapture(int(device) if device.isdecimal() else device))


class CameraFeed:
    """One opening of a camera: a `Feed`. That a device opens proves nothing, so a picture is read.

    Args:
        device: index ("0") or path ("/dev/video0").
        name: what messages call it.
        opener: makes the capture of a device.

    Raises:
        SourceError: the device cannot be opened, or gives no picture.
    """

    n_undecodable = 0  # nobody would tell

    def __init__(self, device: str, name: str, opener: Callable[[str], VideoCapture] = open_capture) -> None:
        self._name = name
        self._capture = opener(device)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceError(f"{name} cannot be opened; give an index such as 0 or a device that exists")
        is_read, image = self._capture.read()
        if not is_read or image is None:
            self._capture.release()
            raise SourceError(f"{name} opens but gives no picture; is another program using it?")
        self.height, self.width = image.shape[:2]
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = rate if 0 < rate <= HIGHEST_RATE else None
        self._first: NDArray[np.uint8] | None = image

    def read(self) -> Picture:
        """Return the next picture. Raises SourceError: the camera gives none any more."""
        is_read, image = (True, self._first) if self._first is not None else self._capture.read()
        self._first = None
        if not is_read or image is None:
            raise SourceError(f"{self._name} has stopped giving pictures")
        return partial(bgr, image)

    def close(self) -> None:
        """Give the device back."""
        self._capture.release()


def bgr(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Any 8-bit picture as BGR, fitted to a size in px: uint8 (height, width, 3), C-contiguous."""
    if image.ndim == 2 or image.shape[2] == 1:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    elif image.shape[2] == 4:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2BGR), np.uint8)
    if image.shape[:2] != (height, width):
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(image)


def camera_source(device: str) -> LiveSource:
    """Return the camera of an index or a device path as a live source, opened again when it stops.

    Raises SourceError: no device named, or it gives no picture.
    """
    if not device:
        raise SourceError("expected a camera's index such as 0 or device such as /dev/video0, got nothing")
    name = f"camera {device}"
    return LiveSource(name, partial(CameraFeed, device, name))
