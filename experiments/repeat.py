"""`python -m experiments.repeat RUN`: a logged run once more, from what it left, and whether it is the same.

A simulated or replayed run is held against the old one bit for bit; of the real pipeline, where time is real,
the figures of both are shown side by side.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console

from experiments.config.composing import register
from experiments.config.schemas import PipelineSchema
from experiments.display.summary_view import figures_of
from experiments.display.views import choose_view
from experiments.execution.execute import Ended, execute
from experiments.execution.resolve import ResolvedRun, resolve
from experiments.program.console import counted, plain_table, say
from experiments.program.entry import prepared_for_its_end
from experiments.program.errors import ConfigError, ExecutionError
from experiments.runs.logged import LoggedRun, changes_since, first_difference, read_run
from experiments.runs.provenance import GROUPS
from experiments.runs.trace import read_trace

PROGRAM = "experiments.repeat"


def repetition_of(before: LoggedRun, results: Path | None, console: Console) -> ResolvedRun:
    """Check a run's own configuration, with the same seed and the same checkpoint; MLflow is not told again.

    The new run goes to RESULTS/NAME/, None = beside the old one. Raises ConfigError: it cannot begin here.
    """
    env, cfg = before.config.env, OmegaConf.structured(before.config)
    folder, cfg.output.mlflow = before.directory.resolve().parent, False
    cfg.results = str(results or folder.parent)
    if results is None:
        cfg.name = folder.name
    if isinstance(env, PipelineSchema) and env.control:
        raise ConfigError(f"{before.directory}: a pipeline of elsewhere (env.control) cannot be repeated")
    return resolve(cfg, {group: str(before.summary[group]) for group in GROUPS}, console)


def perform(before: LoggedRun, resolved: ResolvedRun, console: Console) -> bool:
    """Carry it out and say what came of it; whether all is as it should be.

    Raises ExecutionError, Interrupted: the run itself broke.
    """
    identity, config = resolved.identity, resolved.config
    agent = resolved.make_agent(console.print)
    is_real = isinstance(config.env, PipelineSchema)
    view = choose_view(config.live, console, identity.title, resolved.spec, config.env.steps)
    ended = execute(resolved.plan, agent, identity, console, view if is_real else None)
    ended.check()
    say(console, f"the run            {before.directory}")
    say(console, f"repeated           {ended.directory}")
    for change in changes_since(before.summary, ended.summary):
        say(console, f"differs from then  {change}")
    if before.summary["config_hash"] != identity.config_hash:
        say(console, "differs from then  this release reads the configuration in another way")
    if is_real:  # bits cannot be compared
        both = (before.summary, ended.summary)
        then, now = (dict(figures_of(run)) if "steps" in run else {} for run in both)
        rows = [(name, then.get(name, "–"), now.get(name, "–")) for name in then | now]
        console.print(plain_table(("figure", "then", "now"), rows))
        return True
    return is_same(before, ended, console)


def is_same(before: LoggedRun, ended: Ended, console: Console) -> bool:
    """Say whether two simulated runs are the same; False if they are not, and no code explains it."""
    then, now = before.trace(), read_trace(ended.directory)
    if not before.is_finished:
        now = now.head(len(then))  # as far as the old one came
    difference = first_difference(then, now)
    if not difference:
        say(console, f"compared           identical, all {counted(len(then), 'step')}")
        return True
    say(console, f"compared           not the same: {difference}")
    code_differs = before.summary.get("code_hash") not in (None, ended.summary["code_hash"])
    if code_differs:
        say(console, "                   the code is another one, and so may be what it comes to")
    return code_differs


def main(argv: Sequence[str]) -> None:
    """Repeat every run, one after the other; all are looked at before the first begins.

    Raises ConfigError: one cannot be repeated; ExecutionError: one broke, or does not come to the same.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}",
        description="Run a logged run once more, and say whether it comes to the same. "
        "Ends with 1 if one does not though the code is the same.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a run's directory")
    parser.add_argument("--results", type=Path, help="where new runs go, in folders by their names")
    said, console = parser.parse_args(argv), Console()
    register()
    runs = [(run, repetition_of(run, said.results, console)) for run in map(read_run, said.runs)]
    differing = [run.directory.name for run, resolved in runs if not perform(run, resolved, console)]
    if differing:
        n = counted(len(differing), "run")
        raise ExecutionError(f"{n} of {len(runs)} did not come to the same: {', '.join(differing)}")


if __name__ == "__main__":
    with prepared_for_its_end(PROGRAM):
        main(sys.argv[1:])
