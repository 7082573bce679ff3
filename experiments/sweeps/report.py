"""What a sweep prints when it is over: a line per agent, and where everything lies."""

from collections.abc import Collection
from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments.display.summary_view import mlflow_command
from experiments.runs.record import RunStatus
from experiments.sweeps.outcomes import Outcome


def print_outcomes(
    console: Console,
    n_runs: int,
    done: Collection[str],
    outcomes: Collection[Outcome],
    directory: Path,
    uri: str,
) -> None:
    """The table of what was played now, and what to say next.

    Args:
        console: where to.
        n_runs: in all.
        done: directories of those that are finished, now or before.
        outcomes: of now.
        directory: the sweep's own.
        uri: of MLflow's store, "" = it has nothing.
    """
    if outcomes:
        console.print(table_of(outcomes))
    for what, where in (
        ("finished", f"{len(done)} of {n_runs} runs"),
        ("the sweep", directory),
        ("to compare the agents", f"python -m experiments.compare runs={directory}"),
        ("all runs, in a browser", mlflow_command(uri) if uri else ""),
    ):
        if where:
            console.print(f"{what:<28} {where}", markup=False, highlight=False, soft_wrap=True)


def table_of(outcomes: Collection[Outcome]) -> Table:
    """A row per agent: means over its runs, whatever world they were in."""
    table = Table(box=None, padding=(0, 1))
    for heading in ("agent", "runs", "failed", "all SLOs hold", "QoE", "reward"):
        table.add_column(heading, justify="left" if heading == "agent" else "right", no_wrap=True)
    for agent in dict.fromkeys(outcome.agent for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.agent == agent]
        failed = sum(outcome.status != RunStatus.FINISHED for outcome in own)
        kept, qoe, reward = (mean(own, name) for name in ("slo_fulfilment", "qoe_mean", "reward_mean"))
        row = ("–" if kept is None else f"{100 * kept:.1f} %", shown(qoe, ".3f"), shown(reward, "+.3f"))
        table.add_row(agent or "(not begun)", str(len(own)), str(failed or "–"), *row)
    return table


def mean(outcomes: Collection[Outcome], name: str) -> float | None:
    """Of a figure, over those that have it."""
    values = [outcome.figures[name] for outcome in outcomes if name in outcome.figures]
    return sum(values) / len(values) if values else None


def shown(value: float | None, form: str) -> str:
    """As text; an en dash where there is none."""
    return "–" if value is None else format(value, form)
