"""What the machine itself allows: bounds that no arrangement of processes can pass."""

import os
import statistics
import time

import numpy as np

from benchmarks.pipeline.peers import Pictures

REPEATS = 300
LOOPBACK_COPIES = 2  # a frame goes into the kernel and out of it again


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def copy_s(pictures: Pictures) -> float:
    """Median time of copying one frame in memory, on one core, none of them in its cache."""
    images = pictures.images()
    targets = [np.zeros_like(image) for image in images]  # written once, so that their pages exist
    times_s = []
    for i in range(REPEATS):
        began_s = time.perf_counter()
        np.copyto(targets[i % pictures.n], images[(7 * i) % pictures.n])
        times_s.append(time.perf_counter() - began_s)
    return statistics.median(times_s)


def transport_frames_per_s(one_copy_s: float, copies: int = LOOPBACK_COPIES) -> float:
    """Most frames/s that all cores can move if they did nothing but copy each frame `copies` times."""
    return n_cores() / (copies * one_copy_s)
