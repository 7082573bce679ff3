"""One real pipeline at a time on a host."""

import tempfile
import threading
from pathlib import Path

import pytest

from experiments.worlds import host
from experiments.worlds.host import alone


@pytest.fixture(autouse=True)
def own_host(tmp_path, monkeypatch):
    """A lock of its own, for other tests run pipelines."""
    monkeypatch.setattr(host, "LOCK", tmp_path / "lock")


def test_the_second_waits_says_for_whom_and_then_has_its_turn(tmp_path, monkeypatch):
    said, inside = [], threading.Event()
    waits = threading.Event()

    def second() -> None:
        def say(text: str) -> None:
            said.append(text)
            waits.set()

        with alone(Path("second"), say):
            inside.set()

    with alone(Path("results/first"), said.append):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "own"))  # as two jobs of a cluster have it
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        assert not inside.is_set()
    assert inside.wait(10)
    thread.join()
    (text,) = said
    assert "another run of the real pipeline is under way" in text
    assert str(Path("results/first").resolve()) in text


def test_one_after_the_other_nobody_waits():
    said: list[str] = []
    for name in ("first", "second"):
        with alone(Path(name), said.append):
            pass
    assert said == []


def test_a_run_that_fails_leaves_the_host():
    said: list[str] = []
    with pytest.raises(ZeroDivisionError), alone(Path("first"), said.append):
        raise ZeroDivisionError
    with alone(Path("second"), said.append):
        assert said == []


def test_every_user_of_the_host_may_take_its_turn(tmp_path):
    with alone(Path("first"), print):
        (lock,) = tmp_path.iterdir()
        assert lock.stat().st_mode & 0o777 == 0o666
