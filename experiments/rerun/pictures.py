"""Pictures of the annotated video, at most ten a second, as every viewer can show them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import rerun as rr
from av.error import FFmpegError
from numpy.typing import NDArray

from experiments.rerun.boxes import Boxes
from experiments.rerun.entities import PICTURES, STEP, TIME

VIDEO = "output.mp4"
PICTURES_HZ = 10.0
LONGEST_SIDE_PX = 640
JPEG_QUALITY = 80
EARLY_S = 1e-3  # times of pictures are rounded


class Picture(NamedTuple):
    """A picture of the video: its time since the first one, its size, and the picture as JPEG."""

    time_s: float
    width: int
    height: int
    jpeg: bytes


def pictures_of(path: Path) -> Iterator[Picture]:
    """At most PICTURES_HZ of a video, LONGEST_SIDE_PX at most; of a broken file those before the break.

    As JPEG, for that is shown wherever a viewer runs; with the video itself the recording would be a tenth of
    the size, but the viewer needs FFmpeg's program, or a browser that can decode it.
    """
    due_s = 0.0
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                time_s = float(frame.time or 0.0)
                if time_s < due_s - EARLY_S:
                    continue
                due_s = max(due_s + 1 / PICTURES_HZ, time_s)
                scale = min(1.0, LONGEST_SIDE_PX / max(frame.width, frame.height))
                width, height = round(frame.width * scale), round(frame.height * scale)
                image = frame.to_ndarray(format="bgr24", width=width, height=height)
                _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
                yield Picture(time_s, width, height, jpeg.tobytes())
    except (FFmpegError, IndexError):
        return


def write_pictures(
    recording: rr.RecordingStream, directory: Path, boxes: Boxes | None, ends_s: NDArray[np.float64]
) -> None:
    """The video's pictures, with their boxes, at the times of the stream.

    The video's clock starts with its first picture, the trace's with the first decision: they are apart by
    what the first frame takes, a fraction of a second.

    Args:
        recording: takes them.
        directory: of the run.
        boxes: of its detections, if it wrote them.
        ends_s: of its control intervals, ascending.
    """
    if boxes is not None:
        boxes.begin(recording)
    for picture in pictures_of(directory / VIDEO):
        step = min(int(np.searchsorted(ends_s, picture.time_s)), len(ends_s) - 1)
        recording.set_time(TIME, duration=picture.time_s)
        recording.set_time(STEP, sequence=step)
        recording.log(PICTURES, rr.EncodedImage(contents=picture.jpeg, media_type="image/jpeg"))
        if boxes is not None:
            boxes.write(recording, picture.time_s + EARLY_S, (picture.width, picture.height))
