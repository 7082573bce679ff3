"""When a source's frames are due, and which of them a rate takes: `pipeline.pacing` compiled."""

import numpy as np

from envs.simulator.compiling import compiled
from pipeline.pacing import NS_PER_S, TOLERANCE_NS


@compiled
def pts_ns(source_fps, index):
    """When a frame of the source is due, from its start."""
    return np.int64(np.rint(index * NS_PER_S / source_fps))


@compiled
def slot(rate, when_ns):
    """As `pipeline.pacing.slot`; times and rates were checked to fit."""
    return (when_ns + TOLERANCE_NS) * rate.numerator // (rate.denominator * NS_PER_S)
