"""Logged runs: listed, filtered, shown, drawn, taken to MLflow."""

import json
import shutil
from pathlib import Path

import pytest

from experiments.browse import courses_of, main
from experiments.program.errors import ConfigError
from experiments.runs.record import SUMMARY, RunStatus
from tests.experiments.display.left import run, trace
from tests.experiments.programs import call
from tests.experiments.recorded import record
from tests.experiments.tracking.stored import GoingOn, Stored, rewrite

STEPS = 60


def logged(folder: Path, name: str, **facts: object) -> Path:
    """A run's directory, as far as it is looked at."""
    head = {"agent": "rule", "hardware": "rpi5", "scenario": "steady", "slo": "default", "env": "simulator"}
    directory = folder / name
    directory.mkdir(parents=True)
    summary = {**head, "seed": 0, "status": "FINISHED", "error": "", "qoe_mean": 0.5, **facts}
    (directory / SUMMARY).write_text(json.dumps(summary))
    return directory


@pytest.fixture
def folder(tmp_path) -> Path:
    logged(tmp_path, "a", agent="aif", qoe_mean=0.875)
    logged(tmp_path, "b", seed=1)
    logged(tmp_path, "c", status="FAILED", error="a bug")
    return tmp_path


def listed(capsys, *words: object) -> list[str]:
    main(["list", *map(str, words)])
    return capsys.readouterr().out.splitlines()


def test_every_run_is_a_line_with_what_it_is_and_what_it_came_to(folder, capsys):
    heading, *lines, count = listed(capsys, folder)
    assert "agent" in heading and "QoE" in heading
    assert [line.split()[0] for line in lines] == [str(folder / name) for name in "abc"]
    assert "aif" in lines[0] and "0.88" in lines[0] and "FAILED" in lines[2]
    assert count == "3 runs"


def test_conditions_hold_together_and_a_value_may_be_one_of_several(folder, capsys):
    both = listed(capsys, folder, "--where", "agent=rule", "status=FINISHED")
    assert both[1].split()[0] == str(folder / "b") and both[-1] == "1 run"
    assert listed(capsys, folder, "--where", "agent=rule,aif")[-1] == "3 runs"
    assert listed(capsys, folder, "--where", "seed=1")[-1] == "1 run"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("agent", "expected FACT=VALUE, got 'agent'"),
        ("agnt=aif", r"FACT=VALUE: no run has a fact 'agnt'; did you mean agent\?"),
        ("colour=red", "no run has a fact 'colour'; see any summary.json"),
    ],
)
def test_a_condition_that_is_none_is_one_sentence(folder, words, said):
    with pytest.raises(ConfigError, match=said):
        main(["list", str(folder), "--where", words])


def test_a_folder_without_runs_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="has no run"):
        main(["list", str(tmp_path)])


def test_a_run_is_shown_with_its_trace_its_events_and_its_figures(tmp_path, capsys):
    run(tmp_path / "a", trace(), {"kind": "LOSE_WORKER", "worker": 0, "at_s": 0.5})
    main(["show", str(tmp_path / "a")])
    said = capsys.readouterr().out
    for words in ("worker 0 is lost", "load ÷ threshold", "QoE, mean", "aif on traffic, seed 0: FINISHED"):
        assert words in said


def test_one_that_ended_before_its_first_step_says_how(tmp_path, capsys):
    directory = run(tmp_path / "a", trace().head(0))
    (directory / "trace.parquet").unlink()
    main(["show", str(directory)])
    assert str(directory / "summary.json") in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_runs_are_drawn_against_each_other(tmp_path, capsys, suffix):
    for name in "ab":
        run(tmp_path / name, trace(**{"slos.lag": 0, "ratios.lag": 0.5, "known.lag": name == "a"}))
    picture = tmp_path / f"both{suffix}"
    main(["show", str(tmp_path / "a"), str(tmp_path / "b"), "--picture", str(picture)])
    assert picture.stat().st_size > 10_000
    assert str(picture) in capsys.readouterr().out
    courses, title = courses_of([tmp_path])
    assert ([course.look["label"] for course in courses], title) == (["aif", "_"], "local/steady")


def test_what_cannot_be_drawn_is_one_sentence(tmp_path):
    run(tmp_path / "a", trace())
    with pytest.raises(ConfigError, match=r"must end in \.png, \.svg, \.pdf, got all\.jpeg"):
        main(["show", str(tmp_path / "a"), "--picture", "all.jpeg"])
    with pytest.raises(ConfigError, match="there is no folder"):
        main(["show", str(tmp_path / "b")])


# --- to MLflow ---


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    return record(tmp_path_factory.mktemp("recorded"), "agent=rule", f"env.steps={STEPS}")


@pytest.fixture
def exported(tmp_path, recorded, monkeypatch) -> Path:
    """Two runs of the name `main`, and one that goes on."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("a", "b", "running"):
        shutil.copytree(recorded, tmp_path / "main" / name)
    rewrite(tmp_path / "main" / "running", status=RunStatus.RUNNING)
    return tmp_path / "main"


def test_runs_are_brought_to_mlflow_once_and_thinned(exported):
    stored = Stored(exported.parent)
    done = call("experiments.browse", "export", "mlflow", str(exported))
    assert (done.code, done.out) == (0, "2 runs imported, 1 run still going on\n")
    done = call("experiments.browse", "export", "mlflow", str(exported), str(exported / "a"))
    assert (done.code, done.out) == (0, "3 runs there already, 1 run still going on\n")
    assert stored.statuses() == {"a": "FINISHED", "b": "FINISHED"}
    assert 0 < len(stored.steps(exported / "a")) < STEPS

    other = f"sqlite:///{exported.parent / 'other.db'}"
    assert call("experiments.browse", "export", "mlflow", "--store", other, str(exported / "a")).code == 0
    assert (exported.parent / "other.db").is_file()

    (exported / "b" / "trace.parquet").unlink()
    done = call("experiments.browse", "export", "mlflow", "--store", other, str(exported))
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "b is unreadable: FileNotFoundError" in done.err


def test_what_goes_on_is_followed_to_its_end(exported, recorded):
    killed = GoingOn(recorded, exported / "killed")
    killed.write(0, 5)
    killed.die()
    done = call("experiments.browse", "export", "mlflow", "--follow", str(exported / "killed"))
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 run there already")
    assert Stored(exported.parent).statuses() == {"killed": "KILLED"}


def test_a_folder_without_a_run_is_one_sentence(tmp_path):
    done = call("experiments.browse", "export", "mlflow", str(tmp_path))
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith(f"experiments.browse: {tmp_path} has no run: expected folders with a")
