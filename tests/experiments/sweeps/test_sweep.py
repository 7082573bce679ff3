"""What a sweep need not play again, and that nobody else plays it meanwhile."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.program.errors import ConfigError
from experiments.runs.logged import finished_in
from experiments.runs.record import RunStatus
from experiments.sweeps.sweep import Sweep


@pytest.mark.parametrize("status", RunStatus)
def test_only_what_is_finished_is_not_played_again(status: RunStatus, tmp_path: Path):
    directory = tmp_path / "20261126-011423-rule"
    directory.mkdir()
    (directory / "summary.json").write_text(json.dumps({"status": status, "run_hash": "abc"}))
    expected = {"abc": directory.name} if status is RunStatus.FINISHED else {}
    assert finished_in(tmp_path) == expected


def place(folder: Path) -> Sweep:
    """Begin a sweep."""
    return Sweep(folder, [], ["agent=rule"], OmegaConf.create())


def test_a_sweep_that_is_under_way_is_left_alone_whatever_locks_its_file_system_has(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)  # as if another host had them
    first = place(tmp_path)
    with pytest.raises(ConfigError, match="this sweep is under way in another process already") as caught:
        place(tmp_path)
    assert f"if that is gone, remove {first.directory / 'claim'}" in str(caught.value)
    first.note(RunStatus.FINISHED)
    place(tmp_path)


def test_what_a_killed_process_of_this_host_left_is_taken_over(tmp_path):
    first = place(tmp_path)
    first.note(RunStatus.FINISHED)
    claim = first.directory / "claim"
    dies = "import filelock, os, sys; a = filelock.SoftFileLock(sys.argv[1]); a.acquire(); os._exit(1)"
    subprocess.run([sys.executable, "-c", dies, claim], check=False)
    assert claim.is_file()
    place(tmp_path)
