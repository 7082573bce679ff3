"""How programs end: what they say, and to whom, when nobody listens any more."""

import errno
import io
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.program.entry import Outlet, check_read, complaining, options_last, outlets
from experiments.program.errors import ConfigError
from experiments.runs.provenance import ROOT
from experiments.runs.trace import JOURNAL, read_trace
from tests.experiments.programs import call


@pytest.fixture
def pipe():
    """A stream whose reader is gone, and its descriptor."""
    reads, writes = os.pipe()
    os.close(reads)
    stream = os.fdopen(writes, "w")
    yield stream
    stream.close()


def test_a_reader_that_left_is_spoken_of_once_and_ends_nothing(pipe, capsys, caplog):
    outlet = Outlet(pipe, "standard output")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            outlet.write("a line\n")
            outlet.flush()
    said = "standard output is gone (Broken pipe); the program goes on without it"
    assert capsys.readouterr().err == f"{said}\n"
    assert caplog.messages == [said]


def test_what_else_one_asks_of_an_outlet_its_stream_answers():
    stream = io.StringIO()
    outlet = Outlet(stream, "standard output")
    assert outlet.write("a line") == 6
    assert outlet.isatty() is False  # type: ignore[operator]
    assert stream.getvalue() == "a line"


def test_a_full_disk_ends_a_program_with_a_sentence_and_other_errors_with_a_traceback(capsys):
    with pytest.raises(SystemExit) as caught, complaining("experiments.x"):
        raise OSError(errno.ENOSPC, "No space left on device", "/nowhere/table.csv")
    assert caught.value.code == 1
    assert capsys.readouterr().err == (
        "experiments.x: the disk is full (/): nothing more can be written to /nowhere/table.csv; free some "
        "room, and start again\n"
    )
    with pytest.raises(FileNotFoundError), complaining("experiments.x"):
        raise FileNotFoundError(errno.ENOENT, "No such file", "/nowhere")


def test_letters_that_a_terminal_does_not_have_end_nothing(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))  # as LC_ALL=C has it
    with outlets():
        print("1–2 ✓")
    assert written.getvalue() == b"1?2 ?\n"


def test_options_may_stand_between_what_is_set():
    words = ["agent=rule", "--config-dir", "mine", "+agent.gain=2", "-m", "~qoe", "env=simulator"]
    last = ["agent=rule", "+agent.gain=2", "~qoe", "env=simulator", "--config-dir", "mine", "-m"]
    assert options_last(words) == last


def test_a_file_that_would_not_be_read_is_refused(tmp_path):
    for folder, text in (("ours", "a: 1"), ("theirs", "a: 2")):
        (tmp_path / folder / "agent").mkdir(parents=True)
        (tmp_path / folder / "agent" / "rule.yaml").write_text(text)
    words, ours, theirs = ["--config-dir", str(tmp_path / "theirs")], tmp_path / "ours", tmp_path / "theirs"
    path = theirs / "agent" / "rule.yaml"
    with pytest.raises(ConfigError) as caught:
        check_read(words, ours)
    assert str(caught.value) == f"{path} is not read, for agent/rule is one of ours; give it another name"
    path.write_text("a: 1")  # a copy misleads nobody
    check_read(words, ours)
    path.rename(path.with_stem("mine"))
    check_read(words, ours)


def test_results_that_cannot_be_written_are_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    words = ("agent=static", "env=simulator", "hardware=rpi5", "env.steps=2", "output.mlflow=false")
    done = call("experiments.run", *words, f"results={tmp_path / 'file'}")
    said = (
        f"{tmp_path / 'file' / 'main'} cannot be used (Not a directory); results=FOLDER says where results go"
    )
    assert (done.code, done.err) == (2, f"experiments.run: {said}\n")


# --- the program itself ---


def started(results: Path, steps: int) -> subprocess.Popen[bytes]:
    """A simulated run as users start it, its output in pipes."""
    words = ["agent=static", "env=simulator", "hardware=rpi5", f"env.steps={steps}", "output.mlflow=false"]
    words += ["output.picture=false", "live=false", f"results={results}"]
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def the_run(results: Path) -> tuple[Path, dict]:
    """Its directory, and its summary."""
    (directory,) = (results / "main").iterdir()
    assert not (directory / JOURNAL).exists()
    return directory, json.loads((directory / "summary.json").read_text())


def wait_for_a_step(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    while not process.stdout.readline().startswith(b"step "):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""


def test_a_run_whose_output_nobody_reads_goes_on_and_says_so(tmp_path):
    with started(tmp_path, steps=2000) as process:
        wait_for_a_step(process)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read().decode()
    directory, summary = the_run(tmp_path)
    assert process.returncode == 0
    assert said == "standard output is gone (Broken pipe); the program goes on without it\n"
    assert said.strip() in (directory / "logs" / "run.log").read_text()
    assert (summary["status"], summary["error"], summary["steps"]) == ("FINISHED", "", 2000)


def test_a_run_whose_terminal_is_closed_says_so(tmp_path):
    with started(tmp_path, steps=1_000_000) as process:
        wait_for_a_step(process)
        process.send_signal(signal.SIGHUP)
        _, said = process.communicate()
    directory, summary = the_run(tmp_path)
    assert process.returncode == 128 + signal.SIGHUP
    assert said == b"experiments.run: interrupted by SIGHUP\n"
    assert (summary["status"], summary["error"]) == ("KILLED", "interrupted by SIGHUP")
    assert len(read_trace(directory)) == summary["steps"] > 0


def test_ctrl_c_while_a_program_is_imported_ends_it_without_a_traceback():
    words = [sys.executable, "-X", "importtime", "-m", "experiments.run"]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stderr is not None
        while not program.stderr.readline().endswith("| experiments\n"):  # what comes next takes seconds
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        said = program.stderr.read()
    assert program.returncode == -signal.SIGINT
    assert "Traceback" not in said
