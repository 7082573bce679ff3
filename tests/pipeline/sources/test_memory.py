import numpy as np
import pytest

from pipeline.sources.base import SourceError
from pipeline.sources.memory import MemorySource
from tests.pipeline.sources.clips import gray, number_of


def test_pictures_repeat_for_ever_and_time_goes_on():
    source = MemorySource([gray(k, 64, 48) for k in range(3)], fps=25)
    assert (source.width, source.height, source.fps, source.is_live) == (64, 48, 25.0, False)
    seen = [(source.peek(), frame := source.read(), number_of(frame.image)) for _ in range(7)]
    assert [number for *_, number in seen] == [0, 1, 2, 0, 1, 2, 0]
    assert [frame.index for _, frame, _ in seen] == list(range(7))
    assert [pts_ns for pts_ns, *_ in seen] == [k * 40_000_000 for k in range(7)]


def test_no_copy_is_made_and_nobody_can_write():
    image = gray(0, 64, 48)
    source = MemorySource([image], fps=30)
    frame = source.read()
    assert np.shares_memory(frame.image, image)
    assert not frame.image.flags.writeable
    assert image.flags.writeable


def test_ntsc_times_do_not_drift():
    source = MemorySource([gray(0, 64, 48)], fps=30000 / 1001)
    for _ in range(30_000):
        source.skip()
    assert source.peek() == 1001 * 1_000_000_000


def test_restart_and_close():
    source = MemorySource([gray(k, 64, 48) for k in range(3)], fps=30)
    source.skip()
    source.restart(seed=1)
    assert source.peek() == 0
    assert source.read().index == 0
    source.close()
    source.close()
    assert source.peek() is None
    with pytest.raises(SourceError, match="closed"):
        source.read()


@pytest.mark.parametrize("images", [[], [gray(0, 64, 48), gray(0, 32, 48)]])
def test_pictures_must_be_there_and_of_one_size(images):
    with pytest.raises(ValueError, match="expected at least one picture, all of one shape"):
        MemorySource(images, fps=30)
