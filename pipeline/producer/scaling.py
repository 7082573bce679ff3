"""Pictures at the size that the resolution knob asks for."""

import cv2
import numpy as np
from numpy.typing import NDArray


def scaled(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return a picture of shape (h, w, channels) at (height, width, channels); itself if it has that size."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
