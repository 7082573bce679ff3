"""`elasticbench world NUMBER`: what a drawn world is like, as text and as a picture."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from envs.procedural.world import world
from experiments.display.plots import draw_worlds
from experiments.program.console import say
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError, blaming
from experiments.worlds.drawn import described

MOST_DRAWN = 64  # in one picture


def main(argv: Sequence[str]) -> None:
    """Do what is asked for. Raises ConfigError."""
    parser = argparse.ArgumentParser(
        prog="elasticbench world",
        description="Describe drawn worlds, and draw them. One is played by `elasticbench run world=NUMBER`.",
        epilog="Below 1,000,000 they are to train on, below 2,000,000 to validate, from 1,000,000,000 on to "
        "judge by: docs/worlds.md.",
    )
    parser.add_argument("numbers", nargs="+", type=int, metavar="NUMBER", help="which worlds")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="of all of them, .png, .svg or .pdf")
    said, console = parser.parse_args(argv), Console()
    if said.picture and len(said.numbers) > MOST_DRAWN:
        raise ConfigError(f"a picture has room for {MOST_DRAWN} worlds, got {len(said.numbers)}")
    worlds = []
    for number in said.numbers:
        with blaming("world"):
            worlds.append(world(number))
        say(console, f"world {number}", style="bold")
        for name, text in described(worlds[-1]).items():
            say(console, f"  {name}: {text}")
    if said.picture:
        draw_worlds(worlds, said.picture)
        say(console, str(said.picture))


if __name__ == "__main__":
    with prepared_for_its_end("experiments.world"):
        main(sys.argv[1:])
