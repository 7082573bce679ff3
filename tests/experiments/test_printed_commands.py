"""A command that a program prints can be pasted into a shell, whatever its paths are called."""

import io
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from rich.console import Console

from experiments.program.errors import override_of
from experiments.sweeps.conduct import print_outcomes
from experiments.tracking.following import afterwards
from experiments.tracking.store import mlflow_command

PLACE = Path("my results") / "take (2)"


def test_the_store_is_one_word():
    *_, store = shlex.split(mlflow_command(f"sqlite:///{Path.cwd() / PLACE}/mlflow.db"))
    assert store == f"sqlite:///{PLACE}/mlflow.db"


def test_what_is_brought_to_mlflow_later_is_one_word():
    assert shlex.split(afterwards(PLACE))[-1] == str(PLACE)


@pytest.mark.parametrize("name", ["main", "take (2)", "a,b", "rate=2", "2026", "it's", 'the "best"', "[1]"])
def test_what_a_sweep_says_next_names_its_directory_to_the_shell_and_to_hydra(name):
    console, place = Console(file=io.StringIO(), width=40), Path("my results") / name
    sweep = SimpleNamespace(outcomes={}, runs=[], n_done=0, folder=place, directory=place)
    print_outcomes(console, sweep, "")  # type: ignore[arg-type]
    said = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    (word,) = shlex.split(said[-1])[-1:]
    (found,) = OverridesParser.create().parse_overrides([word])
    assert (found.key_or_group, found.is_sweep_override(), found.value()) == ("runs", False, str(place))


def test_a_word_that_hydra_takes_as_it_is_stays_without_quotes():
    assert override_of("runs", "results/main/sweeps/0a1b") == "runs=results/main/sweeps/0a1b"
