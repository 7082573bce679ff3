"""Replay an episode in Rerun: `python -m experiments.episode_to_rerun results/main/RUN`."""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.program.errors import ConfigError, sentence
from experiments.program.files import whole
from experiments.runs.logged import read_run

PROGRAM = "experiments.episode_to_rerun"
RECORDING = "episode.rrd"


def check_rerun() -> None:
    """Raise ConfigError if no recording can be written here, for the extra is not installed."""
    if importlib.util.find_spec("rerun") is None:
        raise ConfigError("a recording needs Rerun: pip install 'elasticbench[rerun]'")


def write_recording(directory: Path) -> Path:
    """Write `episode.rrd` into the directory of a run that ended, from what the run left there.

    Raises:
        ConfigError: Rerun is not installed, there is no run that ended, or none with a step.
        OSError: it cannot be written.
    """
    check_rerun()
    run = read_run(directory)
    try:
        trace = run.trace()
    except FileNotFoundError as error:
        raise ConfigError(str(error)) from error
    if trace.empty:
        raise ConfigError(f"{directory} has no step to show")
    from experiments.rerun.episode import write_episode  # needs Rerun

    path = directory / RECORDING
    with whole(path) as partial:
        write_episode(run, trace, partial)
    return path


def command_of(recording: Path) -> str:
    """What to type to see a recording: the Rerun of this installation."""
    return f"{Path(sys.executable).parent / 'rerun'} {recording}"


def main(arguments: Sequence[str]) -> None:
    """Write a recording of each run, and say how to open it."""
    parser = argparse.ArgumentParser(prog=f"python -m {PROGRAM}", description="Replay episodes in Rerun.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="directory of a run that ended")
    try:
        for directory in parser.parse_args(arguments).runs:
            print(command_of(write_recording(directory)))
    except (ConfigError, OSError) as error:
        print(f"{PROGRAM}: {sentence(error)}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
