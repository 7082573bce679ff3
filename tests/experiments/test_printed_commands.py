"""A command that a program prints can be pasted into a shell, whatever its paths are called."""

import io
import shlex
from pathlib import Path
from types import SimpleNamespace

from rich.console import Console

from experiments.display.summary_view import mlflow_command
from experiments.sweeps.conduct import print_outcomes
from experiments.tracking.following import afterwards

PLACE = Path("my results") / "take (2)"


def test_the_store_is_one_word():
    *_, store = shlex.split(mlflow_command(f"sqlite:///{Path.cwd() / PLACE}/mlflow.db"))
    assert store == f"sqlite:///{PLACE}/mlflow.db"


def test_what_is_brought_to_mlflow_later_is_one_word():
    assert shlex.split(afterwards(PLACE))[-1] == str(PLACE)


def test_what_a_sweep_says_next_is_one_word():
    console = Console(file=io.StringIO(), width=40)
    sweep = SimpleNamespace(outcomes={}, n_done=0, place=SimpleNamespace(directory=PLACE))
    print_outcomes(console, 1, sweep, "")  # type: ignore[arg-type]
    said = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert shlex.split(said[-1])[-1] == f"runs={PLACE}"
