"""The truth about the traffic scene's pictures without the pictures."""

import numpy as np

from pipeline.content import Swing
from pipeline.sources.base import TruthBox
from pipeline.sources.traffic.flow import FLOW, TrafficFlow
from pipeline.sources.traffic.perspective import Perspective
from pipeline.sources.traffic.placement import place, truths
from pipeline.sources.traffic.sprites import SpriteBook


class TrafficTruth:
    """What a `TrafficSource` of the same arguments says of each of its pictures; ascending indices only."""

    def __init__(
        self,
        seed: int,
        width: int,
        height: int,
        fps: float,
        density: Swing | None = None,
        pace: float = 1.0,
    ) -> None:
        self._perspective = Perspective(width, height)
        self._sprites = SpriteBook(self._perspective)
        self._flow = TrafficFlow(np.random.default_rng((seed, FLOW)), density, pace)
        self._fps, self._index = fps, 0

    def at(self, index: int) -> tuple[TruthBox, ...]:
        """Say what is in the picture of this index. Raises ValueError: it is before one asked for earlier."""
        if index < self._index:
            raise ValueError(f"index must be >= {self._index}, got {index}: traffic does not drive back")
        for _ in range(index - self._index):
            self._flow.step(1.0 / self._fps)
        self._index = index
        return truths(place(self._flow.vehicles, self._sprites, self._perspective))
