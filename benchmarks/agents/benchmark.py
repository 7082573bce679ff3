"""How long each agent takes to decide, to learn and to start, on one core.

72 joint settings of three knobs, 2 SLOs and 8.
"""

import argparse
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.agents.case import SLOS, Case, measure
from benchmarks.options import positive
from benchmarks.processes import Processes
from benchmarks.report import Goal, number, table, with_range
from benchmarks.system import CONF
from benchmarks.turns import spread, watched
from pipeline.slos import Sense

HELP = "how long each agent takes to decide, to learn and to start"

NOT_TIMED = {
    "oracle",
    "best_static",  # these two plan before an episode begins, and then read from a list
    "custom",  # somebody's own
}
NAMES = sorted({path.stem for path in (CONF / "agent").glob("*.yaml")} - NOT_TIMED)
LONGEST_S = 900.0  # of one agent: it hangs, however busy the machine is
INTERVAL_MS = 1000.0  # of control, for the share of a core


def _below(bound_ms: float, key: str, part: str = "decision_ms_p50") -> Goal:
    name, _, n_slos = key.rpartition(".")
    verb = "learns" if part.startswith("learning") else "decides"
    return Goal(f"{key}.{part}", bound_ms, f"{name}, {n_slos} SLOs, {verb}", Sense.AT_MOST, "ms")


GOALS = (
    *(_below(0.1, f"{name}.8") for name in ("static", "random", "rule", "hpa", "aimd", "pid")),
    _below(0.1, "heuristic_thesis.8"),
    _below(1.5, "aif.2"),
    _below(4.0, "aif.8"),
    *(_below(1.0, f"{name}.8") for name in ("ppo", "a2c", "dqn")),
    *(_below(5.0, f"{name}.8") for name in ("causal", "bayes")),
    *(_below(50.0, f"{name}.8", "learning_ms_p50") for name in ("causal", "bayes")),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's own flags."""
    help_rounds = "episodes of each agent (default: %(default)s)"
    parser.add_argument("--rounds", type=positive(int), default=5, metavar="N", help=help_rounds)
    help_decisions = "in each episode (default: %(default)s)"
    parser.add_argument("--decisions", type=positive(int), default=60, metavar="N", help=help_decisions)
    help_agents = f"only these of {', '.join(NAMES)}"
    parser.add_argument("--agents", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=help_agents)


def run(options: argparse.Namespace, console: Console) -> dict[str, float]:
    """Measure everything, print the table, return the figures.

    Raises:
        BenchmarkError: an agent does not work.
    """
    figures = {"rounds": float(options.rounds), "decisions": float(options.decisions)}
    with Processes("agent") as processes:
        for case in watched(cases_of(options.agents), lambda case: f"agents: {case.key}", console):
            sizes = options.rounds, options.decisions
            figures |= figures_of(case.key, processes.call(measure, case, *sizes, within_s=LONGEST_S))
    print_report(figures, console)
    return figures


def cases_of(names: Sequence[str]) -> list[Case]:
    """Return every agent with every number of SLOs."""
    return [Case(name, n_slos) for name in names for n_slos in SLOS]


def figures_of(key: str, rounds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return medians of the rounds with their range, and the share of a core at INTERVAL_MS."""
    figures = {}
    for name, values in rounds.items():
        figures |= spread(f"{key}.{name}", values)
    return figures | {f"{key}.cpu_share": figures[f"{key}.cpu_ms"] / INTERVAL_MS}


def print_report(figures: Mapping[str, float], console: Console) -> None:
    """Print the table, and the verdicts on the goals of what was measured."""
    console.print()
    console.print(times_table(figures))
    console.print(
        f"\nmedians of {figures['rounds']:.0f} episodes of {figures['decisions']:.0f} decisions with their "
        "range, each agent in a process of its own; of a core: when it decides and learns once a second"
    )
    measured = [goal for goal in GOALS if goal.key in figures]
    missed = [goal for goal in measured if not goal.is_met(figures)]
    console.print(f"{len(measured) - len(missed)} of {len(measured)} times are within their limits")
    for goal in missed:
        console.print(goal.verdict(figures))


def times_table(figures: Mapping[str, float]) -> Table:
    """Return a row per agent and number of SLOs."""
    cells = []
    for key in (name.removesuffix(".cpu_share") for name in figures if name.endswith(".cpu_share")):
        label, _, n_slos = key.rpartition(".")
        parts = ("decision_ms_p99", "learning_ms_p50", "start_up_s")
        decides = with_range(figures, f"{key}.decision_ms_p50")
        rest = (number(figures[f"{key}.{part}"]) for part in parts)
        cells.append((label, n_slos, decides, *rest, f"{figures[f'{key}.cpu_share']:.2%}"))
    columns = ("SLOs", "decides in ms,\nmedian", "99 %", "learns\nin ms", "starts\nin s", "of a\ncore")
    return table("Agents on one core, 72 joint settings", columns, cells)
