"""A file is whole or not there, and a full disk is called by its name."""

import errno
import os
from pathlib import Path

import pytest

from experiments.program.files import check_writable, full_disk, is_full, overwrite, whole, write_whole


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.yaml"
    write_whole(path, "old")
    with pytest.raises(ZeroDivisionError), whole(path) as partial:
        partial.write_text("ne")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.yaml"]


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    write_whole(tmp_path / "a", b"x")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_text_that_takes_the_place_of_a_longer_one_asks_for_no_room(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("0123456789\n")
    write, asked = os.write, []
    monkeypatch.setattr(os, "write", lambda fd, text: asked.append(len(text)) or write(fd, text))
    overwrite(path, "new\n")
    assert asked == [11]
    assert path.read_text() == "new\n" + 7 * " "


def test_a_system_that_takes_a_few_bytes_at_a_time_gets_them_all(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, text: write(fd, text[:3]))
    write_whole(tmp_path / "a", "0123456789")
    assert (tmp_path / "a").read_text() == "0123456789"


def test_a_full_disk_is_named_with_what_cannot_be_written():
    error = OSError(errno.ENOSPC, "No space left on device")
    assert is_full(error)
    assert not is_full(OSError(errno.EACCES, "no"))
    assert full_disk(error, Path("/nowhere/run")) == (
        "the disk is full (/): nothing more can be written to /nowhere/run; free some room, and start again"
    )


def test_of_an_error_without_a_name_the_file_is_known(tmp_path, monkeypatch):
    def refuse(descriptor: int, content: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(OSError, match="No space left") as caught:
        write_whole(tmp_path / "a", "x")
    assert caught.value.filename == str(tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_a_folder_behind_a_link_to_nothing_is_no_place_to_write_to(tmp_path):
    (tmp_path / "results").symlink_to(tmp_path / "unmounted")
    with pytest.raises(NotADirectoryError, match="No folder can be made there"):
        check_writable(tmp_path / "results" / "main")
