"""A run shown in the terminal, and several in one picture."""

import pytest

from experiments.program.errors import ConfigError
from experiments.show import courses_of, main
from tests.experiments.display.rerun.left import run, trace


def test_a_run_is_shown_with_its_trace_its_events_and_its_figures(tmp_path, capsys):
    run(tmp_path / "a", trace(), {"kind": "LOSE_WORKER", "worker": 0, "at_s": 0.5})
    main([str(tmp_path / "a")])
    said = capsys.readouterr().out
    for words in ("worker 0 is lost", "load ÷ threshold", "QoE, mean", "aif on traffic, seed 0: FINISHED"):
        assert words in said


def test_one_that_ended_before_its_first_step_says_how(tmp_path, capsys):
    directory = run(tmp_path / "a", trace().head(0))
    (directory / "trace.parquet").unlink()
    main([str(directory)])
    assert str(directory / "summary.json") in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_runs_are_drawn_against_each_other(tmp_path, capsys, suffix):
    for name in "ab":
        run(tmp_path / name, trace(**{"slos.lag": 0, "ratios.lag": 0.5, "known.lag": name == "a"}))
    picture = tmp_path / f"both{suffix}"
    main([str(tmp_path / "a"), str(tmp_path / "b"), "--picture", str(picture)])
    assert picture.stat().st_size > 10_000
    assert str(picture) in capsys.readouterr().out
    courses, title = courses_of([str(tmp_path)])
    assert ([course.label for course in courses], title) == (["aif", "aif"], "local/steady")


def test_what_cannot_be_drawn_is_one_sentence(tmp_path):
    run(tmp_path / "a", trace())
    with pytest.raises(ConfigError, match=r"must end in \.png, \.svg, \.pdf, got all\.jpeg"):
        main([str(tmp_path / "a"), "--picture", "all.jpeg"])
    with pytest.raises(ConfigError, match="there is no folder"):
        main([str(tmp_path / "b")])
