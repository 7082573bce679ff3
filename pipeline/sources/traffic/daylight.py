"""The light on the traffic scene: from day over a low sun to dusk and back; and fog, which takes contrast."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

DAY_PERIOD_S = 150.0  # from noon to noon
NOON_SPREAD = 0.12  # a scene begins this far from noon at most, as a share of the period
HAZE_BGR = (212.0, 205.0, 196.0)  # the far distance by day
DAYLIGHT_KEYS = (0.0, 0.45, 1.0)  # dusk, low sun, day
TINT_KEYS_BGR = ((0.52, 0.76, 1.0), (0.44, 0.82, 1.0), (0.42, 0.90, 1.0))
LAMPS_ON_AT, LAMPS_FULL_AT = 0.5, 0.25  # daylight
LIGHT_STEPS = 48  # too small to be seen
# By how much fog that takes these shares of the contrast lowers the logit of F1. MEASURED: YOLO11n (INT8) at
# 180, 270 and 360 px, density 0.5, seeds 200 to 203, 40 pictures each; of 1.63, 1.32 to 2.27 in single ones.
FOG_LOGITS = (0.0, 0.09, 0.21, 0.32, 0.65, 1.0, 1.63, 2.95)
FOG_SHARES = (0.0, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85)


@dataclass(frozen=True, slots=True)
class Light:
    """The light of a moment.

    Attributes:
        tint: (blue, green, red) factors on daylight colours, in (0, 1].
        lamps_share: how far lamps and windows are lit, in [0, 1].
    """

    tint: tuple[float, float, float]
    lamps_share: float


def daylight(now_s: float, noon_s: float) -> float:
    """Say how much of full daylight there is, in [0, 1]."""
    wave = math.cos(2 * math.pi * (now_s - noon_s) / DAY_PERIOD_S)
    return min(1.0, max(0.0, 0.5 + 0.65 * wave))


def light_at(share: float) -> Light:
    """Return the light at this share of full daylight, in LIGHT_STEPS steps."""
    stepped = round(share * LIGHT_STEPS) / LIGHT_STEPS
    blue, green, red = (float(np.interp(stepped, DAYLIGHT_KEYS, keys)) for keys in TINT_KEYS_BGR)
    lamps_share = (LAMPS_ON_AT - stepped) / (LAMPS_ON_AT - LAMPS_FULL_AT)
    return Light((blue, green, red), min(1.0, max(0.0, lamps_share)))


def veiled(image: NDArray[np.uint8], fog: float, light: Light) -> NDArray[np.uint8]:
    """Copy a picture (BGR) behind fog of the haze's colour, which lowers the logit of F1 by so much, >= 0."""
    share = np.interp(fog, FOG_LOGITS, FOG_SHARES)
    haze = np.array(HAZE_BGR) * light.tint
    seen = np.arange(256.0)[:, None] * (1.0 - share) + share * haze
    return np.asarray(cv2.LUT(image, np.rint(seen).astype(np.uint8)[None]), np.uint8)
