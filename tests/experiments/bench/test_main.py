"""The command line."""

import json

import pytest

from experiments.bench import __main__ as bench
from experiments.bench import overhead
from experiments.bench.measure import BenchError


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench.signal, "signal", lambda *_: None)


def test_figures_are_written_under_the_benchs_name(tmp_path, monkeypatch):
    monkeypatch.setattr(overhead, "run", lambda options, console: {"rounds": float(options.rounds)})
    assert bench.main(["pipeline", "--rounds", "7"]) == 0
    assert json.loads((tmp_path / "results/bench/pipeline.json").read_text()) == {"rounds": 7.0}


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["pipelin"], "invalid choice"),
        (["pipeline", "--rounds", "0"], "expected a number > 0, got 0"),
        (["pipeline", "--seconds", "x"], "invalid number > 0 value"),
        (["pipeline", "--weights", "absent.pt"], "found no file absent.pt"),
    ],
)
def test_a_wrong_word_is_an_error_before_anything_starts(argv, reason, capsys):
    with pytest.raises(SystemExit) as stopped:
        bench.main(argv)
    assert stopped.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "code"), [(BenchError("bare delivered no frame"), 1), (KeyboardInterrupt(), 130)]
)
def test_a_failed_or_interrupted_bench_writes_nothing(failure, code, tmp_path, monkeypatch):
    def run(*_):
        raise failure

    monkeypatch.setattr(overhead, "run", run)
    assert bench.main(["pipeline"]) == code
    assert not list(tmp_path.iterdir())
