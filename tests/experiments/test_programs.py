"""Every program ends with a sentence, and one that is started by itself as one that a test calls."""

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
        ("forecast", ("clones=0",)),
        ("repeat", ("/nowhere",)),
        ("browse", ("list", "/nowhere")),
        ("browse", ("world", "-7")),
    ],
)
def test_what_cannot_begin_ends_with_2_and_a_sentence(program, words):
    done = call(f"experiments.{program}", *words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"experiments.{program}: ")


def test_a_program_that_is_started_ends_as_one_that_is_called():
    words = ("where=agent in ('rule', 'aif')",)
    started = subprocess.run(
        [sys.executable, "-m", "experiments.compare", *words],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert started.returncode == 2
    assert call("experiments.compare", *words) == Done(2, started.stdout, started.stderr)
