"""Logged runs: listed, filtered, deleted."""

import json
from pathlib import Path

import pytest

from experiments.browse import main
from experiments.program.errors import ConfigError
from experiments.runs.record import SUMMARY


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
    assert [line.split()[-1] for line in lines] == [str(folder / name) for name in "abc"]
    assert "aif" in lines[0] and "0.88" in lines[0] and "FAILED" in lines[2]
    assert count == "3 runs"


def test_conditions_hold_together_and_a_value_may_be_one_of_several(folder, capsys):
    both = listed(capsys, folder, "--where", "agent=rule", "status=FINISHED")
    assert both[1].split()[-1] == str(folder / "b") and both[-1] == "1 run"
    assert listed(capsys, folder, "--where", "agent=rule,aif")[-1] == "3 runs"
    assert listed(capsys, folder, "--where", "seed=1")[-1] == "1 run"


def test_only_what_is_meant_is_deleted(folder, capsys):
    main(["delete", str(folder), "--where", "status=FAILED", "--yes"])
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert "deleted 1 run" in capsys.readouterr().out


def test_nothing_is_deleted_where_nobody_can_be_asked(folder):
    with pytest.raises(ConfigError, match="3 runs would be deleted: say --yes"):
        main(["delete", str(folder)])
    assert len(list(folder.iterdir())) == 3


def test_a_run_that_goes_on_is_not_deleted(folder):
    logged(folder, "d", status="RUNNING")
    with pytest.raises(ConfigError, match="d goes on"):
        main(["delete", str(folder), "--yes"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--where", "agent"], "expected FACT=VALUE, got 'agent'"),
        (["--where", "colour=red"], "no run has a fact 'colour'"),
    ],
)
def test_a_condition_that_is_none_is_one_sentence(folder, words, said):
    with pytest.raises(ConfigError, match=said):
        main(["list", str(folder), *words])


def test_a_folder_without_runs_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="has no run"):
        main(["list", str(tmp_path)])
