"""What is really in a source's pictures: where to learn it, and how well what was emitted agrees with it."""

from enum import StrEnum
from typing import Annotated

import msgspec

from pipeline.content import PACES, Swing
from pipeline.findings import Followed, Matches
from pipeline.messages.framing import Clock, Count, Drawing, Positive


class DetectionKind(StrEnum):
    """What the detections of a run are; said wherever they, or figures of them, are shown."""

    REAL = "real"  # of networks with trained weights
    EMULATED = "emulated"  # drawn from the truth by what is known of such networks
    NONE = "none"


class Drawn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What detections are drawn by that stand in for a network's.

    Attributes:
        f1: of fresh detections, in [0, 1], by height of the frame in px, per index of a grade.
        scene_sd, second_sd, second_correlation: how it varies, see `pipeline.scoring.moments.Content`.
        offset: of its logit over the source's time; None = 0.
    """

    f1: tuple[dict[int, float], ...]
    scene_sd: float = 0.0
    second_sd: float = 0.0
    second_correlation: float = 0.0
    offset: Swing | None = None

    def __post_init__(self) -> None:
        values = [value for by_height in self.f1 for value in by_height.values()]
        if not all(self.f1) or not values or not all(0 <= value <= 1 for value in values):
            raise ValueError(f"f1 must be in [0, 1], of one height of each grade at least, got {self.f1}")
        if min(self.scene_sd, self.second_sd) < 0 or not 0 <= self.second_correlation < 1:
            raise ValueError(
                "scene_sd and second_sd must be >= 0 and second_correlation in [0, 1), got "
                f"{self.scene_sd}, {self.second_sd} and {self.second_correlation}"
            )


Pace = Annotated[float, msgspec.Meta(ge=PACES[0], le=PACES[1])]


class Truth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where to learn what is really in the pictures of a source.

    Attributes:
        classes: COCO's names, matched together.
        path: of a file in MOT format, at the collector; "" = of the traffic scene.
        n_pictures: the traffic scene's; of a file, after how many it begins again; 0 = never ends, or again.
        seed: of the traffic scene, and of what is drawn.
        began_ns: when the first picture was due.
        density: of the traffic over its time; None = as it comes.
        pace: how many times as fast as traffic drives it does.
        drawn: detections are drawn by this in place of what workers found; None = they are the workers'.
        is_followed: whether objects are followed from picture to picture, since an SLO asks for it.
    """

    classes: tuple[str, ...]
    path: str = ""
    n_pictures: Count = 0
    seed: Drawing = 0
    began_ns: Clock = 0
    density: Swing | None = None
    pace: Pace = 1.0
    drawn: Drawn | None = None
    is_followed: bool = False


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """What the source's frames of an episode really showed, against what was emitted by their time.

    Counts are of this collector, since the episode began: whoever misses one has all in the next.

    Attributes:
        scored: source frames, of all streams, > 0.
        cost_ns: computing time that scoring took.
        matches: by class.
        followed: where objects are.
    """

    episode: Count
    scored: Positive
    cost_ns: Count
    matches: dict[str, Matches]
    followed: Followed = Followed()
