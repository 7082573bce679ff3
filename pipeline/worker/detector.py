"""One YOLO model through Ultralytics, at the frame's own resolution; plain arrays leave it.

Importing this module loads neither torch nor ultralytics: making a Detector does.
"""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.settings import STRIDE_PX, inference_size_px

logger = logging.getLogger(__name__)

CONFIDENCE = 0.25  # Ultralytics' own default for prediction
CHANNELS = (1, 3, 4)  # grey, BGR, BGRA: Ultralytics converts them to what the model takes


class ModelError(Exception):
    """A model cannot do what is asked of it; the text names it and what to do."""


class FrameError(Exception):
    """An array is no picture that a detector can see; the text says what it takes."""


class Detector:
    """A loaded model; use it from one thread.

    Args:
        source: anything Ultralytics loads: .pt, an export (ONNX, OpenVINO, TensorRT, ...), or a .yaml.
        task: "detect" or "obb".
        threads: of one inference, where the backend lets itself be told (OpenVINO obeys affinity only).
        device: Ultralytics' name of it; None lets Ultralytics choose.

    Raises:
        ModelError: a model for another task.
        Exception: whatever Ultralytics or the backend raises for a file that it cannot load.
    """

    def __init__(self, source: str, task: str, threads: int = 1, device: str | None = None) -> None:
        import torch
        from ultralytics.models.yolo import YOLO

        self._source = source
        self._is_obb = task == "obb"
        self._warm: set[tuple[int, int]] = set()
        model = YOLO(source, task=task)
        nothing = np.zeros((STRIDE_PX, STRIDE_PX, 3), np.uint8)
        model.predict(nothing, imgsz=nothing.shape[:2], conf=CONFIDENCE, device=device, verbose=False)
        torch.set_num_threads(threads)  # on a CPU, setting the model up has reset them to cores - 1
        assert model.predictor is not None, "predict() makes it"
        self._predictor = model.predictor
        backend: Any = self._predictor.model
        found = backend.task if backend.format != "pt" else model.task
        if found != task:
            raise ModelError(f"{source}: expected a model for {task!r}, got one for {found!r}")
        self._fixed_size_px = _fixed_size_px(backend)
        self._compiled: dict[tuple[int, int], Any] | None = {} if _compiles_by_shape(backend) else None

    def warm(self, width: int, height: int) -> None:
        """See one blank frame of this size in px, unless it has: the first of a shape is far slower.

        Raises ModelError: the model was exported for another size.
        """
        if (width, height) in self._warm:
            return
        seen = self.inference_size_px(width, height)
        if seen != (height, width):
            logger.info(
                "%s sees frames of %dx%d at %dx%d px: multiples of its stride",
                self._source,
                width,
                height,
                *seen[::-1],
            )
        self.detect(np.zeros((height, width, 3), np.uint8))
        self._warm.add((width, height))

    def detect(self, frame: NDArray) -> NDArray[np.float32]:
        """Objects in a frame, uint8, BGR (height, width, 3), grey (h, w) or (h, w, 1), or BGRA (h, w, 4).

        Returns:
            (n, 6): x1, y1, x2, y2, confidence, class; for "obb" (n, 7): centre x, y, width, height,
            rotation in rad, confidence, class; pixels of the frame, n <= 300 (Ultralytics' bound).

        Raises:
            FrameError: not such a frame.
            ModelError: the model was exported for another size.
        """
        check_frame(frame)
        predictor, size = self._predictor, self.inference_size_px(frame.shape[1], frame.shape[0])
        predictor.args.imgsz = size
        if self._compiled is not None and size in self._compiled:
            predictor.model.backend.ov_compiled_model = self._compiled[size]
        (result,) = predictor(frame)  # what model.predict() does, without building its settings anew
        if self._compiled is not None:
            self._compiled[size] = predictor.model.backend.ov_compiled_model
        found = result.obb if self._is_obb else result.boxes
        boxes = np.array(found.data.cpu().numpy(), np.float32, order="C")
        predictor.results = predictor.batch = predictor.dataset = None  # they hold the frame's memory
        return boxes

    def inference_size_px(self, width: int, height: int) -> tuple[int, int]:
        """(height, width) of the network's input for frames of this size.

        Raises ModelError: the model was exported for another size.
        """
        size = inference_size_px(width, height, max(STRIDE_PX, self._predictor.model.stride))
        if self._fixed_size_px is not None and size != self._fixed_size_px:
            raise ModelError(
                f"{self._source} was exported for an input of {_text(self._fixed_size_px)} only and"
                f" cannot follow a stream of {width}x{height}: export it with dynamic=True"
                f" (yolo export model=... format={self._predictor.model.format} dynamic=True)"
            )
        return size


def check_frame(frame: NDArray) -> None:
    """Raise FrameError unless a detector can see it."""
    is_picture = frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] in CHANNELS)
    if frame.dtype != np.uint8 or not is_picture or not frame.size:
        raise FrameError(
            f"expected a frame uint8 (height, width) or (height, width, 1, 3 or 4),"
            f" got {frame.dtype} {tuple(frame.shape)}"
        )


def _compiles_by_shape(backend: Any) -> bool:
    """Return whether a change of the input's shape has the network compiled anew, for up to a second.

    So it is with INT8 models of OpenVINO on hosts with Intel AMX, where dynamic shapes crash. Ultralytics
    keeps the network of the last shape only; a stream's sizes come and go.
    """
    return getattr(getattr(backend, "backend", None), "read_model", None) is not None


def _fixed_size_px(backend: Any) -> tuple[int, int] | None:
    """(height, width) of the only input the model takes, (0, 0) if it does not say; None if it takes any."""
    if backend.format == "pt":
        return None
    if not backend.dynamic and backend.metadata.get("dynamic"):
        # what is compiled by shape Ultralytics spares that by letterboxing all to one. We follow the stream
        backend.backend.dynamic = True
    if backend.dynamic:
        return None
    height, width = getattr(backend, "imgsz", (0, 0))
    return int(height), int(width)


def _text(size_px: tuple[int, int]) -> str:
    height, width = size_px
    return f"{width}x{height} px (width x height)" if height else "a size that it does not tell"
