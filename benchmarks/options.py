"""Flags that benchmarks have in common."""

import argparse
import math
from collections.abc import Callable


def add_rounds(parser: argparse.ArgumentParser, rounds: int, seconds: float) -> None:
    """Add --rounds and --seconds with these defaults."""
    help_rounds = "in each, every contender has a turn (default: %(default)s)"
    parser.add_argument("--rounds", type=positive(int), default=rounds, metavar="N", help=help_rounds)
    help_seconds = "of each turn (default: %(default)s)"
    parser.add_argument("--seconds", type=positive(float), default=seconds, metavar="S", help=help_seconds)


def positive(kind: type) -> Callable[[str], float]:
    """Return a type of flag: a finite number > 0 of this kind."""

    def parse(text: str) -> float:
        if not 0 < (value := kind(text)) < math.inf:
            raise argparse.ArgumentTypeError(f"expected a number > 0, got {text}")
        return value

    parse.__name__ = "number > 0"  # argparse names it where `kind` cannot read the text
    return parse
