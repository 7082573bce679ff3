"""What the benches have in common at the terminal: the numbers they are given, and how far they are."""

import argparse
import math
from collections.abc import Callable

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def positive(kind: type) -> Callable[[str], float]:
    """A type of flag: a finite number > 0 of this kind."""

    def parse(text: str) -> float:
        if not 0 < (value := kind(text)) < math.inf:
            raise argparse.ArgumentTypeError(f"expected a number > 0, got {text}")
        return value

    parse.__name__ = "number > 0"  # argparse names it where `kind` cannot read the text
    return parse


def progress_bar(console: Console) -> Progress:
    """Shown while the rounds run, gone afterwards."""
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)
