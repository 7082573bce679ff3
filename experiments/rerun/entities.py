"""Where things are in a recording, and on which time lines."""

from collections.abc import Sequence

import numpy as np
import rerun as rr
from numpy.typing import NDArray

APPLICATION = "elasticbench"
TIME, STEP = "stream_time", "step"  # of the stream, in s; of the control intervals, from 0

PICTURES, BOXES = "video", "video/boxes"
RATIOS, THRESHOLD, STATES = "slos/ratios", "slos/ratios/threshold", "slos/states"
LEVELS, SETTINGS = "knobs/levels", "knobs/settings"
WORTH, RATES, LATENCY, WORKERS = "worth", "stream/rates", "stream/latency", "stream/workers"
AGENT, PREDICTED = "agent/figures", "agent/p_fulfilled"
EVENTS, MARKS, FACTS = "events", "slos/ratios/events", "facts"


def indexes(time_s: Sequence[float] | NDArray[np.float64], steps: Sequence[int] | NDArray[np.int64]) -> list:
    """Both time lines' values for as many rows."""
    return [rr.TimeColumn(TIME, duration=np.asarray(time_s)), rr.TimeColumn(STEP, sequence=np.asarray(steps))]
