"""An episode of a run that ended as a Rerun recording; Rerun, an extra, is imported only to write one.

`episode` writes what happened, `layout` names the entities and arranges their views.
"""

import importlib.util
from pathlib import Path

from experiments.program.errors import ConfigError
from experiments.program.files import whole
from experiments.runs.logged import read_run
from experiments.runs.record import RECORDING


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
    from experiments.display.rerun.episode import write_episode  # needs Rerun

    path = directory / RECORDING
    with whole(path) as partial:
        write_episode(run, trace, partial)
    return path
