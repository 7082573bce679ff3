"""What a killed run left is completed at the next start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from experiments.runs.logged import read_run
from experiments.runs.provenance import ROOT
from experiments.runs.record import finish_killed
from experiments.runs.trace import JOURNAL, read_trace
from tests.experiments.test_run import IDENTITY

# begins a record, writes a step that is whole and half of another, says so, and waits to be killed
VICTIM = """
import sys
from pathlib import Path
from experiments.runs.record import RunRecord
from tests.experiments.test_run import IDENTITY
from tests.experiments.world import SPEC, Script, World
from experiments.runs.episode import play

record = RunRecord(Path(sys.argv[1]), IDENTITY, SPEC, {"weights": "none"})
play(Script(SPEC), World(3), 7, [record])
record.note(weights="stood in for")
with open(record.directory / "trace.jsonl", "a") as journal:
    journal.write('{"step": 3, "rew')
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with the run of a process that was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        assert finish_killed(tmp_path, Console(quiet=True)) == []  # its process lives
        process.kill()
    return tmp_path


def test_it_says_so_and_has_its_trace_and_the_figures_of_its_steps(folder):
    (directory,) = finish_killed(folder, Console(quiet=True))
    run = read_run(directory)
    assert (run.summary["status"], run.summary["steps"]) == ("KILLED", 3)
    assert "killed" in run.summary["error"]
    assert run.summary["agent"] == IDENTITY.choices["agent"]
    assert list(run.trace()["step"]) == [0, 1, 2]
    assert run.summary["weights"] == "stood in for"
    assert not (directory / JOURNAL).exists()
    assert finish_killed(folder, Console(quiet=True)) == []  # once is enough


def test_a_run_that_was_killed_before_its_first_step_has_no_figures(tmp_path):
    directory = tmp_path / "early"
    directory.mkdir()
    (directory / JOURNAL).touch()  # and nobody holds it
    (directory / "summary.json").write_text(json.dumps(IDENTITY.metadata | {"status": "RUNNING"}))
    assert finish_killed(tmp_path, Console(quiet=True)) == [directory]
    assert read_run(directory).summary["status"] == "KILLED"
    assert len(read_trace(directory)) == 0
