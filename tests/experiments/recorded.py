"""Real runs of the simulator, recorded within tests: short, without pictures, in no store."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from agents.base import Agent
from experiments.execution.execute import execute
from experiments.execution.resolve import ResolvedRun
from experiments.interactive import arrange

QUICK = (
    "env=simulator",
    "hardware=rpi5",
    "output.video=false",
    "output.mlflow=false",
    "output.picture=false",
)


def record(results: Path, *overrides: str) -> Path:
    """The directory of a run of these words."""
    arranged = arrange(*QUICK, f"results={results}", *overrides)
    return carried_out(arranged, arranged.make_agent())


def record_under(seeds: Sequence[int], results: Path, *overrides: str) -> list[Path]:
    """The directories of runs under each of the seeds; composed once, for that takes longest."""
    arranged = arrange(*QUICK, f"results={results}", *overrides)
    agent = arranged.make_agent()
    return [carried_out(arranged.under_seed(seed), agent) for seed in seeds]


def carried_out(resolved: ResolvedRun, agent: Agent) -> Path:
    """The directory of a run."""
    ended = execute(resolved.plan, agent, resolved.identity, Console(quiet=True))
    assert ended.cause is None, ended.error
    return ended.directory
