"""A study that is interrupted says how far it is."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from experiments.sweeps import pool


def test_an_interrupted_study_says_how_far_it_is_and_how_it_goes_on(tmp_path: Path, monkeypatch):
    cell = SimpleNamespace(is_real=False)
    runs = [SimpleNamespace(hash=name, title=name, cell=cell) for name in "abc"]
    config = SimpleNamespace(results=str(tmp_path), live=False, processes=1)

    def interrupted(jobs, n_processes, on_done) -> None:
        on_done(runs[0], "a's directory", "")
        raise KeyboardInterrupt

    monkeypatch.setattr(pool, "jobs_of", list)
    monkeypatch.setattr(pool, "play_all", interrupted)
    console = Console(file=io.StringIO())
    with pytest.raises(KeyboardInterrupt):
        pool.play_missing(runs, "mine", config, console)  # type: ignore[arg-type]
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 of 3 runs are finished; the same command plays the others\n" in said
