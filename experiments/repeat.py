"""`python -m experiments.repeat RUN`: a logged run once more, from what it left, and whether it is the same.

A simulated or replayed run is held against the old one bit for bit; of the real pipeline, where time is real,
the figures of both are shown side by side.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from experiments.config.schemas import RunConfig, register
from experiments.config.world_schemas import PipelineSchema
from experiments.display.views import View
from experiments.execution.execute import Ended, execute
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted, figure
from experiments.results.store import fetch
from experiments.run import choose_view
from experiments.runs.identity import GROUPS
from experiments.runs.logged import LoggedRun, read_run
from experiments.runs.record import CONFIG, LOGS, SUMMARY, RunStatus
from experiments.runs.repetition import Circumstances, circumstances, first_difference
from experiments.runs.trace import TRACE, read_trace
from experiments.tracking.store import SETTINGS, is_absent, tracking_uri
from experiments.worlds.twin import show_world

PROGRAM = "experiments.repeat"
COMPARED = (  # of summaries, side by side where bits cannot be
    "steps",
    "slo_fulfilment",
    "slo_depth",
    "longest_violation",
    "qoe_mean",
    "reward_mean",
    "switches_per_min",
    "latency_p50_ms",
    "latency_p95_ms",
    "decision_ms_p50",
    "overruns",
)


class RepeatError(Exception):
    """A run could not be repeated, or does not come to the same; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """A logged run, ready to be carried out once more.

    Attributes:
        before: as it was.
        resolved: as it will be.
    """

    before: LoggedRun
    resolved: ResolvedRun


def repetition_of(before: LoggedRun, results: Path | None, console: Console) -> Repetition:
    """Check a run's own configuration, with the same seed and the same checkpoint; MLflow is not told again.

    Args:
        before: the run.
        results: the new run goes to RESULTS/NAME/; None = beside the old one.
        console: for what preparing has to say.

    Raises:
        ConfigError: it cannot be carried out here.
    """
    config = before.config
    folder = before.directory.resolve().parent
    place = (
        {"results": str(folder.parent), "name": folder.name} if results is None else {"results": str(results)}
    )
    config = replace(config, **place, output=replace(config.output, mlflow=False))
    assert isinstance(config, RunConfig)
    if isinstance(config.env, PipelineSchema) and config.env.control:
        raise ConfigError(
            f"{before.directory}: a pipeline that ran elsewhere (env.control) cannot be repeated"
        )
    cfg = OmegaConf.structured(config)
    assert isinstance(cfg, DictConfig)
    choices = {group: str(before.summary[group]) for group in GROUPS}
    return Repetition(before, resolve(cfg, choices, console, config.live))


def perform(repetition: Repetition, console: Console) -> bool:
    """Carry it out and say what came of it; whether all is as it should be.

    Raises:
        RepeatError: the run itself broke.
        Interrupted: likewise.
    """
    before, resolved = repetition.before, repetition.resolved
    identity, config = resolved.identity, resolved.plan.config
    agent = resolved.make_agent()
    show_world(agent, resolved.plan, console.print)
    is_real = isinstance(config.env, PipelineSchema)
    view = View()
    if is_real:
        view = choose_view(config.live, console, identity.title, resolved.plan.spec, config.env.steps)
    draws = config.output.picture is not False
    ended = execute(resolved.plan, agent, identity, None, draws, view, console)
    if ended.summary["status"] == RunStatus.FAILED:
        raise RepeatError(
            f"{before.directory}: {ended.error} (logs: {ended.directory / LOGS})"
        ) from ended.cause
    if ended.interruption is not None:
        raise ended.interruption
    say(console, "the run", before.directory)
    say(console, "repeated", ended.directory)
    about = circumstances(before.summary, ended.summary)
    for change in about.changes:
        say(console, "differs from then", change)
    if before.summary["config_hash"] != identity.config_hash:
        say(console, "differs from then", "this release reads the configuration in another way")
    if is_real:
        console.print(side_by_side(before, ended))
        return True
    return is_same(before, ended, about, console)


def is_same(before: LoggedRun, ended: Ended, about: Circumstances, console: Console) -> bool:
    """Say whether two simulated runs are the same; False if they are not, and no code explains it."""
    then, now = before.trace(), read_trace(ended.directory)
    if not before.is_finished:
        now = now.head(len(then))  # as far as the old one came
    difference = first_difference(then, now)
    if difference is None:
        say(console, "compared", f"identical, all {counted(len(then), 'step')}")
        return True
    say(console, "compared", f"not the same: {difference}")
    if about.code_differs:
        say(console, "", "the code is another one, and so may be what it comes to")
    return about.code_differs is True


def side_by_side(before: LoggedRun, ended: Ended) -> Table:
    """The figures of two runs in real time."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("figure", "then", "now"):
        table.add_column(heading, justify="left" if heading == "figure" else "right", no_wrap=True)
    for name in COMPARED:
        table.add_row(name, *(figure(summary.get(name)) for summary in (before.summary, ended.summary)))
    return table


def say(console: Console, what: str, text: object) -> None:
    """One line."""
    console.print(f"{what:<18} {text}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def fetched(run_ids: Sequence[str], results: Path) -> Iterator[list[LoggedRun]]:
    """Runs that MLflow has, as if they lay on disk, for as long as this lasts.

    Raises:
        ConfigError: there is no such run, or it left no configuration, summary or trace there.
    """
    if not run_ids:
        yield []
        return
    uri = tracking_uri(results)
    if is_absent(uri):
        raise ConfigError(f"MLflow has no store at {uri}: say --results, or set MLFLOW_TRACKING_URI")
    os.environ.update(SETTINGS | {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"})
    from mlflow import MlflowClient  # takes seconds to import

    client = MlflowClient(uri)
    with tempfile.TemporaryDirectory(prefix="elasticbench-") as scratch:
        found = []
        for run_id in run_ids:
            directory = Path(scratch) / run_id
            directory.mkdir()
            lacking = [
                name for name in (CONFIG, SUMMARY, TRACE) if not fetch(client, run_id, name, directory)
            ]
            if lacking:
                raise ConfigError(f"MLflow has no {', '.join(lacking)} of the run {run_id} ({uri})")
            found.append(read_run(directory))
        yield found


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}",
        description="Run a logged run once more, and say whether it comes to the same. "
        "Ends with 1 if one does not though the code is the same.",
    )
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="a run's directory, e.g. results/main/RUN"
    )
    parser.add_argument(
        "--mlflow-run", nargs="+", default=[], metavar="ID", help="a run's id in MLflow instead, or as well"
    )
    parser.add_argument(
        "--results",
        type=Path,
        help="where new runs go, in folders by their names, and where MLflow's store is looked for (default: "
        "beside the old run; results for runs of MLflow)",
    )
    found = parser.parse_args(argv)
    if not found.runs and not found.mlflow_run:
        parser.error("expected a run's directory, or --mlflow-run ID")
    return found


def main(argv: Sequence[str]) -> None:
    """Repeat every run, one after the other; all are looked at before the first begins.

    Raises:
        ConfigError: one cannot be repeated.
        RepeatError: one broke, or does not come to the same.
    """
    said, console = arguments(argv), Console()
    register()
    local = said.results or Path("results")
    with fetched(said.mlflow_run, local) as from_mlflow:
        repetitions = [repetition_of(read_run(directory), said.results, console) for directory in said.runs]
        repetitions += [repetition_of(run, local, console) for run in from_mlflow]
        differing = [one.before.directory.name for one in repetitions if not perform(one, console)]
    if differing:
        n = counted(len(differing), "run")
        raise RepeatError(f"{n} of {len(repetitions)} did not come to the same: {', '.join(differing)}")


if __name__ == "__main__":
    with prepared_for_its_end(PROGRAM, (RepeatError,)):
        main(sys.argv[1:])
