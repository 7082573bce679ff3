"""Knobs by their values, as the command line has them, against a client that only remembers."""

import pytest
from msgspec.structs import replace

from pipeline.control import ControlClient
from pipeline.messages import Done, State, Status
from pipeline.steering import set_knobs, setting

STATUS = Status(
    state=State.RUNNING,
    episode=1,
    epoch=3,
    levels=(1, 0, 1),
    streams=2,
    source_size=(640, 360),
    source_fps=29.97,
    is_live=True,
    fps_levels=(5.0, 29.97),
    sizes=((320, 180), (640, 360)),
    grades=("n", "s"),
    workers=(),
    collector=True,
)


class Remembering(ControlClient):
    """Takes what it is told, and speaks with nobody."""

    def __init__(self) -> None:
        super().__init__("tcp://127.0.0.1:9")
        self.told: list[object] = []

    def status(self) -> Status:
        return STATUS

    def set_levels(self, levels) -> Done:
        self.told.append(tuple(levels))
        return Done(1, 4)

    def set_streams(self, streams: int) -> Done:
        self.told.append(streams)
        return Done(1, 4)


def test_what_is_not_named_stays():
    client = Remembering()
    set_knobs(client, ["height=360", "streams=3"])
    assert client.told == [(1, 1, 1), 3]


def test_what_is_so_already_is_not_set():
    client = Remembering()
    set_knobs(client, ["fps=29.97"])
    assert client.told == []


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("fps", "expected NAME=VALUE, got fps"),
        ("fps=30", "fps must be one of 5, 29.97, got 30"),
        ("colour=red", "what can be set is fps, height, grade, streams, got colour"),
        ("streams=-1", "streams must be a whole number, got -1"),
    ],
)
def test_what_cannot_be_set_is_one_sentence_and_nothing_is(pair, sentence):
    client = Remembering()
    with pytest.raises(ValueError, match=sentence):
        set_knobs(client, ["grade=n", pair])
    assert client.told == []


def test_a_setting_reads_as_it_is_set():
    assert setting(replace(STATUS, levels=(0, 1, 0))) == "fps=5 height=360 grade=n streams=2"
