"""Options classes as command lines, there and back."""

import math
from dataclasses import fields
from typing import get_args, get_origin, get_type_hints

import pytest

from pipeline.bounds import OptionError
from pipeline.cli import parse_options, to_argv
from pipeline.messages import LoadingMode, WorkType
from pipeline.options import CollectorOptions, ProducerOptions, QueuePolicy, SourceKind, WorkerOptions


@pytest.mark.parametrize(
    "options",
    [
        ProducerOptions(),
        ProducerOptions(
            source=SourceKind.FILE,
            path="a clip.mp4",
            loop=True,
            pacing=False,
            fps_levels=(5.0, 12.5),
            grades=("n", "x"),
            loading_mode=LoadingMode.LAZY,
            work_type=WorkType.EMULATED,
            queue_policy=QueuePolicy.WAIT,
            weights={"n": "a=b.pt"},
            slos=("load<=1@0.8",),
        ),
        WorkerOptions(cores=(0, 1), capacity=0.5, supervised=True),
        CollectorOptions(video="out.mp4"),
    ],
)
def test_a_command_line_builds_the_same_options_again(options):
    assert parse_options(type(options), "program", to_argv(options)) == options


def test_what_is_at_its_default_is_left_out():
    assert to_argv(WorkerOptions(threads=1, capacity=0.5)) == ["--capacity", "0.5"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--queue-policy", "shrug"], "expected one of wait, drop_oldest, drop_newest, got 'shrug'"),
        (["--weights", "n"], "--weights takes KEY=VALUE, got 'n'"),
        (["--seed", "x"], "invalid int value: 'x'"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
    ],
)
def test_a_wrong_option_is_one_sentence(argv, words, capsys):
    with pytest.raises(SystemExit) as exit_:
        parse_options(ProducerOptions, "program", argv)
    assert exit_.value.code == 2 and words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "argv", "sentence"),
    [
        (ProducerOptions, ["--lease-s", "inf"], "--lease-s must be in (0, 1e+06], got inf"),
        (ProducerOptions, ["--drain-s", "0"], "--drain-s must be in (0, 1e+06], got 0.0"),
        (ProducerOptions, ["--fps-levels", "30", "10"], "--fps-levels must ascend, got 30.0 10.0"),
        (ProducerOptions, ["--fps-levels", "10", "10"], "--fps-levels must ascend, got 10.0 10.0"),
        (ProducerOptions, ["--heights-px", "0", "90"], "--heights-px must be a finite number >= 1, got 0"),
        (ProducerOptions, ["--levels", "1"], "--levels cannot be taken: expected 3 level indices"),
        (ProducerOptions, ["--grades", "q"], "--grades cannot be taken: grades must be different letters"),
        (ProducerOptions, ["--slos", "load<=nan"], "--slos cannot be taken: SLO 'load<=nan': threshold"),
        (WorkerOptions, ["--capacity", "0"], "--capacity must be in (0, 1], got 0.0"),
        (WorkerOptions, ["--capacity", "1.5"], "--capacity must be in (0, 1], got 1.5"),
        (WorkerOptions, ["--prefetch", "0"], "--prefetch must be a finite number >= 1, got 0"),
        (WorkerOptions, ["--link-delay-ms", "inf"], "--link-delay-ms must be in [0, 1e+09], got inf"),
        (WorkerOptions, ["--batch", "65"], "--batch must be in [1, 64], got 65"),
        (WorkerOptions, ["--link-mbit-s", "0"], "--link-mbit-s must be a number > 0, got 0.0"),
    ],
)
def test_a_value_that_an_option_cannot_have_is_one_sentence_that_names_it(options, argv, sentence, capsys):
    with pytest.raises(SystemExit) as exit_:
        parse_options(options, "program", argv)
    (line,) = capsys.readouterr().err.splitlines()
    assert exit_.value.code == 2 and line.startswith(f"program: {sentence}")


NUMBERS = [
    (options, field.name)
    for options in (ProducerOptions, WorkerOptions, CollectorOptions)
    for field in fields(options)
    if {float, int} & {get_type_hints(options)[field.name], *get_args(get_type_hints(options)[field.name])}
]


@pytest.mark.parametrize(("options", "name"), NUMBERS)
def test_no_number_of_any_program_may_be_nan_or_below_its_least(options, name):
    is_list = get_origin(get_type_hints(options)[name]) is tuple
    for value in (math.nan, -1.0, -math.inf):
        with pytest.raises(OptionError, match=f"^{name} must be "):
            options(**{name: (value,) if is_list else value})


def test_a_bandwidth_may_be_infinite():
    assert parse_options(WorkerOptions, "program", ["--link-mbit-s", "inf"]).link_mbit_s == math.inf


def test_help_tells_every_option_with_its_default(capsys):
    with pytest.raises(SystemExit):
        parse_options(ProducerOptions, "program", ["--help"])
    out = capsys.readouterr().out
    assert "--queue-bound-s" in out and "(default: 4.0)" in out and "drop_oldest" in out
