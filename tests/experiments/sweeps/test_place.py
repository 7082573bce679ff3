"""What a sweep need not play again."""

import json
from pathlib import Path

import pytest

from experiments.runs.record import RunStatus
from experiments.sweeps.place import finished_in


@pytest.mark.parametrize("status", RunStatus)
def test_only_what_is_finished_is_not_played_again(status: RunStatus, tmp_path: Path):
    directory = tmp_path / "20261126-011423-rule"
    directory.mkdir()
    (directory / "summary.json").write_text(json.dumps({"status": status, "run_hash": "abc"}))
    expected = {"abc": directory.name} if status is RunStatus.FINISHED else {}
    assert finished_in(tmp_path) == expected
