"""The command line."""

import json

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.pipeline import benchmark as pipeline
from benchmarks.turns import BenchmarkError


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmarks.signal, "signal", lambda *_: None)


@pytest.mark.parametrize("argv", [[], ["--help"]])
def test_it_says_in_one_screen_what_there_is(argv, capsys):
    try:
        assert benchmarks.main(argv) == 0
    except SystemExit as ended:
        assert ended.code == 0
    said = capsys.readouterr().out
    assert all(f"\n    {name}  " in said for name in ("pipeline", "simulator", "agents", "soak"))
    assert len(said.splitlines()) <= 24


def test_figures_and_the_machine_are_written_under_the_benchmarks_name(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "run", lambda options, console: {"rounds": float(options.rounds)})
    assert benchmarks.main(["pipeline", "--rounds", "7"]) == 0
    figures = json.loads((tmp_path / "results/bench/pipeline.json").read_text())
    assert figures.keys() == {"cores", "load_average", "rounds"}
    assert figures["rounds"] == 7.0


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["pipelin"], "invalid choice"),
        (["pipeline", "--rounds", "0"], "expected a number > 0, got 0"),
        (["pipeline", "--seconds", "x"], "invalid number > 0 value"),
        (["simulator", "--copies", "0"], "expected a number > 0, got 0"),
        (["agents", "--agents", "oracle"], "invalid choice"),
    ],
)
def test_a_wrong_word_is_an_error_before_anything_starts(argv, reason, capsys):
    with pytest.raises(SystemExit) as stopped:
        benchmarks.main(argv)
    assert stopped.value.code == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "code"), [(BenchmarkError("bare delivered no frame"), 1), (KeyboardInterrupt(), 130)]
)
def test_a_failed_or_interrupted_benchmark_writes_nothing(failure, code, tmp_path, monkeypatch):
    def run(*_):
        raise failure

    monkeypatch.setattr(pipeline, "run", run)
    assert benchmarks.main(["pipeline"]) == code
    assert not list(tmp_path.iterdir())
