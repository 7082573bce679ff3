"""`elasticbench world NUMBER`: what a drawn world is like, as text, as a picture, as configuration."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console

from envs.procedural.world import World, world
from experiments.display.plots import draw_worlds
from experiments.program.console import say
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError
from experiments.program.files import write_whole
from experiments.worlds.drawn import PREFIX, described, documents

MOST_DRAWN = 64  # in one picture


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="elasticbench world",
        description="Describe drawn worlds, draw them, or write them out. One is played by "
        "`elasticbench run world=NUMBER`.",
        epilog="Below 1,000,000 they are to train on, below 2,000,000 to validate, from 1,000,000,000 on to "
        "judge by: docs/worlds.md.",
    )
    made.add_argument("numbers", nargs="+", type=int, metavar="NUMBER", help="which worlds")
    made.add_argument("--picture", type=Path, metavar="FILE", help="a picture of all of them (.png or .svg)")
    made.add_argument(
        "--write",
        type=Path,
        metavar="FOLDER",
        help="files of their parts, for --config-dir FOLDER hardware=world_NUMBER ...",
    )
    return made


def write(drawn: World, folder: Path) -> list[Path]:
    """Write a world's parts as files of their groups; returns their paths."""
    paths = []
    for group, values in documents(drawn.number).items():
        path = folder / group / f"{PREFIX}{drawn.number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = f"# Drawn: elasticbench world {drawn.number}. It binds: {drawn.stratum}.\n"
        write_whole(path, head + yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))
        paths.append(path)
    return paths


def main(argv: Sequence[str]) -> None:
    """Do what is asked for. Raises ConfigError."""
    said, console = parser().parse_args(argv), Console()
    if said.picture and len(said.numbers) > MOST_DRAWN:
        raise ConfigError(f"a picture has room for {MOST_DRAWN} worlds, got {len(said.numbers)}")
    worlds = []
    for number in said.numbers:
        try:
            worlds.append(world(number))
        except ValueError as error:
            raise ConfigError(str(error)) from error
        say(console, f"world {number}", style="bold")
        for name, text in described(worlds[-1]).items():
            say(console, f"  {name}: {text}")
        if said.write:
            for path in write(worlds[-1], said.write):
                say(console, f"  {path}")
    if said.picture:
        draw_worlds(worlds, said.picture)
        say(console, str(said.picture))


if __name__ == "__main__":
    with prepared_for_its_end("experiments.world"):
        main(sys.argv[1:])
