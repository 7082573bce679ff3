"""What can happen to the collector's core, and what it can order its shell to do."""

import msgspec

from pipeline.messages import LinkDown, LinkUp, ResultPart, Tally, Truth


class ResultsCame(msgspec.Struct, frozen=True):
    """A worker sent results."""

    parts: list[ResultPart]


class ProducerSpoke(msgspec.Struct, frozen=True):
    """The producer said something."""

    message: LinkDown


class Malformed(msgspec.Struct, frozen=True):
    """A peer sent something invalid."""

    reason: str


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


class Scored(msgspec.Struct, frozen=True):
    """What was emitted has been held against the truth, up to some source frame."""

    tally: Tally


Event = ResultsCame | ProducerSpoke | Malformed | Tick | Scored


class Emit(msgspec.Struct, frozen=True):
    """The next frame of its stream, for the sink; when it arrived and is emitted, on the producer's clock."""

    part: ResultPart
    arrived_ns: int
    emitted_ns: int


class BeginEpisode(msgspec.Struct, frozen=True):
    """Whatever is emitted from now on belongs to this episode."""

    episode: int
    source_size: tuple[int, int]
    source_fps: float
    grades: tuple[str, ...]


class BeginScoring(msgspec.Struct, frozen=True):
    """Hold what is emitted from now on against this truth; frames due before `from_ns` are not ours."""

    episode: int
    truth: Truth
    source_size: tuple[int, int]
    source_fps: float
    from_ns: int


class ScoreUntil(msgspec.Struct, frozen=True):
    """Score the source frames due by now, on the producer's clock, in each of so many streams."""

    now_ns: int
    n_streams: int


class Tell(msgspec.Struct, frozen=True):
    """Tell the producer."""

    message: LinkUp


class Finish(msgspec.Struct, frozen=True):
    """Everything is done: close the sink and end the process."""


class Fail(msgspec.Struct, frozen=True):
    """End with an error; `reason` is for people."""

    reason: str


Command = Emit | BeginEpisode | BeginScoring | ScoreUntil | Tell | Finish | Fail
