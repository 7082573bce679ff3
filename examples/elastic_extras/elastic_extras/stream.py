"""A panorama: a camera that turns over one wide picture, which the seed draws."""

import numpy as np

from pipeline.sources.base import SourceError, SourceFrame

NS_PER_S = 1_000_000_000
TURNS = 4  # widths of a picture in the whole panorama
PATCH_PX = 20  # side of a patch of one colour


class Panorama:
    """As `pipeline.sources.base.Source` says; there is no truth about what is in the pictures.

    Args:
        width, height: size of the pictures in px.
        fps: pictures per second.
        speed_px_s: how fast the camera turns.
        length_s: when the stream ends; None = never.

    Raises:
        ValueError: an argument is not > 0.
    """

    is_live = False

    def __init__(
        self,
        width: int = 640,
        height: int = 360,
        fps: float = 30.0,
        speed_px_s: float = 60.0,
        length_s: float | None = None,
    ):
        if min(width, height, fps, speed_px_s, length_s or 1.0) <= 0:
            raise ValueError(
                "width, height, fps, speed_px_s and length_s must be > 0, got "
                f"{width}, {height}, {fps}, {speed_px_s} and {length_s}"
            )
        self.width, self.height, self.fps = width, height, float(fps)
        self._speed_px_s = speed_px_s
        self._n_pictures = None if length_s is None else max(1, round(length_s * fps))
        self.restart(0)

    def restart(self, seed: int) -> None:
        """Begin again with the panorama of this seed."""
        patches = -(-self.height // PATCH_PX), -(-TURNS * self.width // PATCH_PX), 3
        colours = np.random.default_rng(seed).integers(256, size=patches, dtype=np.uint8)
        wide = colours.repeat(PATCH_PX, axis=0).repeat(PATCH_PX, axis=1)
        self._panorama = wide[: self.height, : TURNS * self.width]
        self._index, self._is_closed = 0, False

    def peek(self) -> int | None:
        """When the next picture is due, in ns; None at the end."""
        if self._is_closed or self._index == self._n_pictures:
            return None
        return round(self._index * NS_PER_S / self.fps)

    def read(self) -> SourceFrame:
        """The next picture, in a fresh buffer.

        Raises:
            SourceError: the stream has ended.
        """
        due_ns = self.peek()
        if due_ns is None:
            raise SourceError("the panorama has ended")
        left_px = round(self._index * self._speed_px_s / self.fps)
        columns = np.arange(left_px, left_px + self.width) % self._panorama.shape[1]
        image = np.ascontiguousarray(self._panorama[:, columns])
        self._index += 1
        return SourceFrame(self._index - 1, due_ns, image)

    def skip(self) -> None:
        """Pass over the next picture; nothing is drawn."""
        self._index += 1

    def close(self) -> None:
        """Give nothing more."""
        self._is_closed = True
