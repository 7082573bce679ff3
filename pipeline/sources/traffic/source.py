"""The traffic source: a road with moving vehicles, drawn picture by picture, and the truth about them."""

import math

import numpy as np

from pipeline.content import Swing
from pipeline.options import HIGHEST_FPS, LARGEST_PX, SMALLEST_PX
from pipeline.sources.base import SourceError, SourceFrame
from pipeline.sources.traffic.daylight import DAY_PERIOD_S, NOON_SPREAD, daylight, light_at, veiled
from pipeline.sources.traffic.flow import FLOW, TrafficFlow
from pipeline.sources.traffic.perspective import Perspective
from pipeline.sources.traffic.placement import place, truths
from pipeline.sources.traffic.scenery import Scenery
from pipeline.sources.traffic.sprites import SpriteBook

SCENERY, NOON = FLOW + 1, FLOW + 2  # what else a seed's random numbers are for
NS_PER_S = 1_000_000_000


class TrafficSource:
    """A procedural traffic scene: a `Source` that knows what is in its pictures.

    Two lanes each way seen from a footbridge, with cars, pick-ups, buses and trucks; how dense the
    traffic is and how light the day is change in minutes. The same seed gives the same pictures and
    the same truth, whichever of them are skipped. The truth names every vehicle of which a pixel can be seen.

    Args:
        seed: chooses traffic, surroundings and time of day, >= 0.
        width, height: size of the pictures in px, from 64 to 4096.
        fps: pictures per second of the scene's time, in (0, 1000].
        length_s: when the scene ends, > 0; None for never.
        density: of the traffic over the scene's time, in [0, 1]; None = it varies by itself.
        fog: by how much it lowers the logit of F1 over the scene's time, see `daylight.veiled`; None = none.
        pace: how many times as fast as traffic drives it does, > 0.

    Raises:
        ValueError: an argument is out of its range.
    """

    is_live = False

    def __init__(
        self,
        seed: int,
        width: int = 640,
        height: int = 360,
        fps: float = 30.0,
        length_s: float | None = None,
        density: Swing | None = None,
        fog: Swing | None = None,
        pace: float = 1.0,
    ):
        for name, size_px in (("width", width), ("height", height)):
            if not SMALLEST_PX <= size_px <= LARGEST_PX:
                raise ValueError(f"{name} must be from {SMALLEST_PX} to {LARGEST_PX} px, got {size_px}")
        if not 0 < fps <= HIGHEST_FPS:
            raise ValueError(f"fps must be above 0 and at most {HIGHEST_FPS:g}, got {fps}")
        if length_s is not None and not 0 < length_s < math.inf:
            raise ValueError(f"length_s must be a finite number above 0, or None for endless, got {length_s}")
        self.width, self.height, self.fps = width, height, float(fps)
        self._n_frames = None if length_s is None else max(1, round(length_s * fps))
        self._density, self._fog, self._pace = density, fog, pace
        self._perspective = Perspective(width, height)
        self._sprites = SpriteBook(self._perspective)
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Begin again at index 0 and time 0 with the scene of this seed."""
        if seed < 0:
            raise ValueError(f"seed must be >= 0, got {seed}")
        flow, scenery, noon = (np.random.default_rng((seed, purpose)) for purpose in (FLOW, SCENERY, NOON))
        self._flow = TrafficFlow(flow, self._density, self._pace)
        self._scenery = Scenery(self._perspective, scenery)
        self._noon_s = float(noon.uniform(-NOON_SPREAD, NOON_SPREAD)) * DAY_PERIOD_S
        self._index = 0
        self._is_closed = False

    def peek(self) -> int | None:
        """Presentation time (ns) of the next picture, or None at the end and once closed."""
        if self._is_closed or (self._n_frames is not None and self._index >= self._n_frames):
            return None
        return round(self._index * NS_PER_S / self.fps)

    def read(self) -> SourceFrame:
        """The next picture, in a fresh buffer. Raises SourceError: the scene has ended or is closed."""
        pts_ns = self._due()
        light = light_at(daylight(self._index / self.fps, self._noon_s))
        image = np.array(self._scenery.lit(light), np.uint8)  # a copy
        placements = place(self._flow.vehicles, self._sprites, self._perspective)
        for placement in placements:
            placement.draw(image, self._sprites, light)
        if self._fog is not None:
            image = veiled(image, self._fog.at(self._index / self.fps), light)
        frame = SourceFrame(self._index, pts_ns, image, truths(placements))
        self._advance()
        return frame

    def skip(self) -> None:
        """Let the next picture pass: the traffic moves on, nothing is drawn.

        Raises SourceError: the scene has ended or is closed.
        """
        self._due()
        self._advance()

    def close(self) -> None:
        """Forget the drawings; the scene can be begun again with `restart`."""
        self._is_closed = True
        self._sprites = SpriteBook(self._perspective)

    def _due(self) -> int:
        pts_ns = self.peek()
        if pts_ns is None:
            raise SourceError(
                f"expected a picture of the traffic scene, but it is over after {self._index}; "
                "peek() says when one is due, restart(seed) begins again"
            )
        return pts_ns

    def _advance(self) -> None:
        self._index += 1
        self._flow.step(1.0 / self.fps)
