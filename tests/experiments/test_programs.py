"""Every program starts by itself, and says what it says where a test calls it."""

import os
import subprocess
import sys

import pytest

from experiments.runs.provenance import ROOT
from tests.experiments.programs import Done, call


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("train", ("training=tiny",)),
        ("study", ("study=slow",)),
        ("compare", ("where=agent in ('rule', 'aif')",)),
        ("forecast", ("clones=0",)),
        ("repeat", ("/nowhere",)),
        ("browse", ("list", "/nowhere")),
    ],
)
def test_a_program_that_is_started_ends_as_one_that_is_called(program, words):
    """All but `run` and `calibrate`, which other tests start."""
    program = f"experiments.{program}"
    started = subprocess.run(
        [sys.executable, "-m", program, *words],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert started.returncode == 2
    assert started.stderr.startswith(f"{program}: ") and started.stderr.count("\n") == 1
    assert call(program, *words) == Done(started.returncode, started.stdout, started.stderr)
