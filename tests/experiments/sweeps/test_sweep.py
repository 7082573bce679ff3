"""What a sweep need not play again, and that nobody else plays it meanwhile."""

import fcntl
import json
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


@pytest.fixture
def without_locks(monkeypatch) -> None:
    """Be on a file system that has none."""

    def refuse(*_: object) -> None:
        raise OSError("No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def check_refused(folder: Path, hint: str) -> None:
    with pytest.raises(ConfigError, match="this sweep is under way in another process already") as caught:
        place(folder)
    assert hint in str(caught.value)


def test_a_sweep_that_is_under_way_is_left_alone(tmp_path):
    first = place(tmp_path)
    check_refused(tmp_path, str(first.directory))


def test_where_there_are_no_locks_a_file_says_that_a_sweep_is_under_way(tmp_path, without_locks):
    first = place(tmp_path)
    check_refused(tmp_path, f"if that is gone, remove {first.directory / 'claim'}")
    first.note(RunStatus.FINISHED)
    place(tmp_path)


def test_locks_that_another_host_does_not_see_let_it_in_as_little(tmp_path, monkeypatch):
    first = place(tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    check_refused(tmp_path, f"remove {first.directory / 'claim'}")


def test_what_a_killed_process_of_this_host_left_is_taken_over(tmp_path):
    first = place(tmp_path)
    claim = (first.directory / "claim").read_text()
    del first  # as the system does it: the lock is gone, the file is not
    place(tmp_path)
    assert (tmp_path / "sweeps").is_dir() and claim
