from pathlib import Path

import pytest

from experiments.calibration.store import Cell, DeviceReading, Memory, Store

CELL = Cell("n", 160, 90, 12.5, 0.6, 0.4, 0.3, (DeviceReading((10.0, 11.5), 0.7, 0.2),))


def test_an_interrupted_calibration_is_taken_up_again(tmp_path: Path):
    store = Store(tmp_path / "a.json", "key")
    store.add_cell("n/160x90", CELL)
    store.add(memory=Memory(100.0, 8000.0, 2000.0))
    other = Store(tmp_path / "a.json", "key")
    assert other.take_up()
    assert other.measured == store.measured
    assert other.measured.cells == {"n/160x90": CELL}


@pytest.mark.parametrize("content", [None, b"", b'{"key": "key", "cells": 3}', b'{"key": "another"}'])
def test_a_file_that_is_of_no_use_is_left_alone(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    store = Store(tmp_path / "a.json", "key")
    assert not store.take_up()
    assert store.measured.cells == {}


def test_once_forgotten_it_begins_anew(tmp_path: Path):
    store = Store(tmp_path / "a.json", "key")
    store.add_cell("n/160x90", CELL)
    store.forget()
    store.forget()
    assert not Store(tmp_path / "a.json", "key").take_up()
