"""Real runs of the simulator, recorded within tests: short, without pictures, in no store."""

from pathlib import Path

from rich.console import Console

from experiments.carry_out import carry_out
from experiments.interactive import arrange
from experiments.views import SilentView

QUICK = ("env=simulator", "hardware=rpi5", "output.video=false", "output.mlflow=false")


def record(results: Path, *overrides: str) -> Path:
    """The directory of a run of these words."""
    arranged = arrange(*QUICK, f"results={results}", *overrides)
    prepared = arranged.prepared
    ended = carry_out(
        prepared.plan,
        arranged.make_agent(),
        prepared.identity,
        tracked=None,
        draws=False,
        view=SilentView(),
        console=Console(quiet=True),
    )
    assert ended.cause is None, ended.error
    return ended.directory
