"""The eye of the traffic scene: where a point of the road falls in the picture."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CAMERA_HEIGHT_M = 8.5  # a camera on a footbridge
CAMERA_X_M = 1.9  # to the right of the median, so that the road is seen a little from the side
CREST_Z_M = 160.0  # from here on the road falls away and hides what drives there
CREST_DROP_PER_M = 0.0030  # 1/m: how far it falls below the line of sight over the crest = this * distance^2
REFERENCE_WIDTH_PX, REFERENCE_HEIGHT_PX = 640, 360
REFERENCE_FOCAL_PX = 1050.0  # about 34 degrees across 640 px
BELOW_HORIZON_PX = 260.0  # of the reference picture
SUB_BITS = 4  # OpenCV draws between pixels in fixed point


@dataclass(frozen=True, slots=True)
class Perspective:
    """A level pinhole camera whose picture is shifted down, as a view camera's: uprights stay upright.

    World coordinates, in m: x to the right of the median, y above the road, z ahead of the camera.
    The lower edge shows the same stretch of road at every size; a higher picture has more sky.
    """

    width_px: int
    height_px: int

    @property
    def scale(self) -> float:
        """Return the size of things against the 640x360 picture."""
        wide, high = self.width_px / REFERENCE_WIDTH_PX, self.height_px / REFERENCE_HEIGHT_PX
        return min(math.sqrt(wide * high), high)

    @property
    def focal_px(self) -> float:
        return REFERENCE_FOCAL_PX * self.scale

    @property
    def horizon_px(self) -> float:
        return self.height_px - BELOW_HORIZON_PX * self.scale

    @property
    def crest_px(self) -> int:
        """First row, from the top, in which the road can be seen."""
        return math.ceil(self.horizon_px + self.focal_px * CAMERA_HEIGHT_M / CREST_Z_M)

    def project(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixel positions, shape (..., 2), of world points, shape (..., 3), z > 0."""
        per_m = self.focal_px / points_m[..., 2]
        x = self.width_px / 2 + (points_m[..., 0] - CAMERA_X_M) * per_m
        y = self.horizon_px + (CAMERA_HEIGHT_M - points_m[..., 1]) * per_m
        return np.stack((x, y), axis=-1)


def ground_m(z_m: float) -> float:
    """Return the height of the road at distance z: 0 up to the crest, then falling."""
    beyond_m = max(0.0, z_m - CREST_Z_M)
    return -beyond_m * (CAMERA_HEIGHT_M / CREST_Z_M + CREST_DROP_PER_M * beyond_m)


def fixed_point(pixels: NDArray[np.floating]) -> NDArray[np.int32]:
    """Pixel positions as OpenCV's drawing functions take them with shift=SUB_BITS."""
    return np.round(pixels * (1 << SUB_BITS)).astype(np.int32)
