"""Slots of shared memory; both sides in one process."""

from collections import namedtuple

import numpy as np
import pytest

from pipeline.worker import ring as ring_module
from pipeline.worker.jobs import Attach
from pipeline.worker.ring import RingError, SlotReader, SlotRing

FRAME = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.fixture
def ring():
    """Two slots."""
    ring = SlotRing(2)
    yield ring
    ring.close()


@pytest.fixture
def reader(ring):
    """The other side; closed first."""
    reader = SlotReader()
    yield reader
    reader.close()


def named(attached: list[Attach]) -> list[str]:
    """Those of their names that this machine's shared memory still has."""
    return [attach.name for attach in attached if (ring_module.FILE_SYSTEM / attach.name).exists()]


def test_a_frame_arrives_as_it_was_and_leaves_as_it_was(ring, reader):
    slot, attach = ring.fill(FRAME.tobytes())
    reader.attach(attach)
    assert np.array_equal(reader.array(slot, "uint8", (2, 4, 3)), FRAME)
    assert bytes(ring.frame(slot, 24)) == FRAME.tobytes()


def test_slots_that_are_filled_are_different_and_a_freed_one_is_used_again(ring, reader):
    for attach in ring.provide(24):
        reader.attach(attach)
    first, _ = ring.fill(bytes(24))
    second, _ = ring.fill(b"\1" * 24)
    assert {first, second} == {0, 1}
    assert reader.array(first, "uint8", (24,)).max() == 0
    ring.free(second)
    assert ring.fill(b"\2" * 24) == (second, None)
    assert reader.array(first, "uint8", (24,)).max() == 0


def test_provided_slots_take_any_frame_up_to_their_size(ring, reader):
    attached = ring.provide(24)
    assert [attach.slot for attach in attached] == [0, 1]
    assert ring.provide(24) == ring.provide(10) == []
    _, attach = ring.fill(bytes(24))
    assert attach is None


def test_a_larger_frame_gets_a_larger_slot(ring, reader):
    for attach in ring.provide(4):
        reader.attach(attach)
    slot, attach = ring.fill(FRAME.tobytes())
    assert attach is not None and attach.slot == slot
    reader.attach(attach)
    assert np.array_equal(reader.array(slot, "uint8", (2, 4, 3)), FRAME)


def test_a_slot_that_grew_before_it_was_attached_can_still_be_attached(ring, reader):
    early = ring.provide(4)
    late = ring.provide(24)
    for attach in early + late:  # orders are read in order, however late
        reader.attach(attach)
    slot, _ = ring.fill(FRAME.tobytes())
    assert np.array_equal(reader.array(slot, "uint8", (2, 4, 3)), FRAME)


def test_an_empty_frame_has_a_slot_too(ring, reader):
    slot, attach = ring.fill(b"")
    reader.attach(attach)
    assert reader.array(slot, "uint8", (0, 3)).size == 0


def test_once_attached_nothing_has_a_name_that_could_leak(ring, reader):
    attached = ring.provide(24)
    assert len(named(attached)) == 2
    for attach in attached:
        reader.attach(attach)
    assert named(attached) == []


def test_what_was_never_attached_is_released_on_close():
    ring = SlotRing(2)
    attached = ring.provide(24)
    assert len(named(attached)) == 2
    ring.close()
    ring.close()
    assert named(attached) == []


def test_too_little_shared_memory_is_an_error_and_no_bus_error(ring, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(ring_module.shutil, "disk_usage", lambda _: usage(10, 0, 10))
    with pytest.raises(RingError, match=r"needs 6\.2 MB .* --shm-size"):
        ring.provide(1920 * 1080 * 3)
