"""Options classes as command lines, there and back."""

import pytest

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


def test_help_tells_every_option_with_its_default(capsys):
    with pytest.raises(SystemExit):
        parse_options(ProducerOptions, "program", ["--help"])
    out = capsys.readouterr().out
    assert "--queue-bound-s" in out and "(default: 4.0)" in out and "drop_oldest" in out
