"""Settings that no fit has seen, and the reference that tells how fast the machine is just now."""

from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np

from envs.hardware import Hardware
from experiments.calibration.profile import mean_service_ms
from pipeline.settings import Ladders

REFERENCE_BUSY = 0.6  # of the workers, at the reference setting

Levels = tuple[int, int, int]  # of fps, size, grade


def intermediate(fps: Sequence[float]) -> list[float]:
    """Rates half-way between those of a ladder, and its ends."""
    between = [(low + high) / 2 for low, high in pairwise(fps)]
    return sorted({fps[0], *between, fps[-1]})


def draw_settings(ladders: Ladders, n: int, seed: int) -> list[Levels]:
    """n different settings in random order, or all there are; each as likely as any other."""
    every = [(fps, size, grade) for fps, size, grade in product(*map(range, ladders.n_levels))]
    chosen = np.random.default_rng(seed).permutation(len(every))[:n]
    return [every[i] for i in chosen]


def reference_levels(ladders: Ladders, profile: Hardware) -> Levels:
    """The middle grade and size, at the rate that keeps the workers nearest to REFERENCE_BUSY."""
    size, grade = (len(ladders.sizes) - 1) // 2, (len(ladders.grades) - 1) // 2
    service_s = 1e-3 * mean_service_ms(profile, ladders.grades[grade], *ladders.sizes[size])
    busy = [rate * service_s / profile.n_workers for rate in ladders.fps]
    return int(np.argmin(np.abs(np.asarray(busy) - REFERENCE_BUSY))), size, grade
