"""Pictures of the annotated video, at most ten a second, as every viewer can show them, and their boxes."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import pandas as pd
import rerun as rr
from av.error import FFmpegError
from numpy.typing import NDArray

from experiments.display.rerun.layout import BOXES, PICTURES, STEP, TIME
from experiments.runs.detections import detections_in
from experiments.runs.record import VIDEO
from pipeline.class_names import COCO, DOTA
from pipeline.collector.detections import AXIS_ALIGNED, ROTATED
from pipeline.collector.drawing import box_corners, class_color

PICTURES_HZ = 10.0
LONGEST_SIDE_PX = 640
JPEG_QUALITY = 80
EARLY_S = 1e-3  # times of pictures are rounded
LINE = rr.Radius.ui_points(1.0)


class Picture(NamedTuple):
    """A picture of the video: its time since the first one, its size, and the picture as JPEG."""

    time_s: float
    width: int
    height: int
    jpeg: bytes


def pictures_of(path: Path) -> Iterator[Picture]:
    """Decode at most PICTURES_HZ of a video, in small; of a broken file those before the break.

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


def write_pictures(recording: rr.RecordingStream, directory: Path, ends_s: NDArray[np.float64]) -> None:
    """Write the video's pictures, with the boxes of the detections, at the times of the stream.

    The video's clock starts with its first picture, the trace's with the first decision: they are apart by
    what the first frame takes, a fraction of a second.

    Args:
        recording: takes them.
        directory: of the run.
        ends_s: of its control intervals, ascending.
    """
    found = detections_in(directory)
    boxes = None if found is None else Boxes(recording, found)
    for picture in pictures_of(directory / VIDEO):
        step = min(int(np.searchsorted(ends_s, picture.time_s)), len(ends_s) - 1)
        recording.set_time(TIME, duration=picture.time_s)
        recording.set_time(STEP, sequence=step)
        recording.log(PICTURES, rr.EncodedImage(contents=picture.jpeg, media_type="image/jpeg"))
        if boxes is not None:
            boxes.write(picture.time_s + EARLY_S, (picture.width, picture.height))


# --- boxes ---


class Boxes:
    """Writes the boxes of each frame, by its time, in the pixels of the pictures that they are shown on.

    Args:
        recording: takes them.
        rows: see `detections_in`, at least one.
    """

    def __init__(self, recording: rr.RecordingStream, rows: pd.DataFrame) -> None:
        self._recording = recording
        self._frames = [frame for _, frame in rows.groupby("captured_s")]
        self._times_s = np.array([frame["captured_s"].iloc[0] for frame in self._frames])
        self._are_rotated = bool(rows["cx"].notna().any())
        names = DOTA if self._are_rotated else COCO
        classes = [(number, name, class_color(number)[::-1]) for number, name in enumerate(names)]
        recording.log(BOXES, rr.AnnotationContext(classes), static=True)

    def write(self, time_s: float, size_px: tuple[int, int]) -> None:
        """Write those of the latest frame that was captured by `time_s`, at the recording's time.

        Args:
            time_s: since the first frame.
            size_px: width and height of the picture that they are for.
        """
        frame = self._frames[max(int(np.searchsorted(self._times_s, time_s, side="right")) - 1, 0)]
        scale = np.array(size_px) / frame[["width", "height"]].iloc[0].to_numpy(dtype=float)
        places = [*(ROTATED if self._are_rotated else AXIS_ALIGNED), "confidence", "class_id"]
        found = np.asarray(frame.loc[frame["class_id"].notna(), places], dtype=np.float32)
        corners = box_corners(found) * scale.astype(np.float32)
        look = {
            "class_ids": found[:, -1].astype(int),
            "radii": LINE,
            "show_labels": False,
        }  # the video has them
        if self._are_rotated:
            boxes = rr.LineStrips2D(np.concatenate([corners, corners[:, :1]], axis=1), **look)
        else:
            boxes = rr.Boxes2D(mins=corners[:, 0], sizes=corners[:, 2] - corners[:, 0], **look)
        self._recording.log(BOXES, boxes)
