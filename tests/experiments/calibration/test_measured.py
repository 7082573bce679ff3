from pathlib import Path

import pytest

from experiments.calibration.measured import DeviceReading, GridPoint, Measured, load, save

POINT = GridPoint("n", 160, 90, 12.5, 0.6, 0.4, 0.3, (DeviceReading((10.0, 11.5), 0.7, 0.2),))
MEMORY = {"memory_mb": 8000.0, "used_mb": 2000.0}


def test_an_interrupted_calibration_is_taken_up_again(tmp_path: Path):
    measured = Measured("key", {"n/160x90": POINT}, memory=MEMORY)
    save(measured, tmp_path / "there" / "a.json")
    assert load(tmp_path / "there" / "a.json", "key") == measured
    assert measured.n_parts == 1


@pytest.mark.parametrize("content", [None, b"", b'{"key": "key", "cells": 3}', b'{"key": "another"}'])
def test_a_file_that_is_of_no_use_is_left_alone(tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    assert load(tmp_path / "a.json", "key") == Measured("key")
