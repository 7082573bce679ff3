"""`bench agents`: how long each agent takes to decide, to learn and to start, on one core.

72 joint settings of three knobs, 2 SLOs and 8; `aif` also with 729 relative policies of two steps, and beside
the same model in pymdp's own agent, which compiles nothing.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from experiments.agent_config import AGENTS
from experiments.bench.agent_turns import SLOS, Case, measure
from experiments.bench.console import positive, progress_bar
from experiments.bench.figures import Limit
from experiments.bench.plain_pymdp import measure_plain
from experiments.bench.processes import Processes

HELP = "how long each agent takes to decide, to learn and to start"

CLAIRVOYANT = ("oracle", "best_static")  # they plan before an episode begins, and then read from a list
LONGEST_S = 300.0  # of one agent, on a machine that has other things to do
INTERVAL_MS = 1000.0  # of control, for the share of a core
AIF_729 = "aif, 729 policies"
FORESIGHT = {"moves": "RELATIVE", "horizon": 2}  # 27 moves of three knobs, twice

HEURISTICS = ("static", "random", "rule", "hpa", "aimd", "pid", "heuristic_thesis")
LEARNED = ("ppo", "a2c", "dqn")
MODELS = ("causal", "bayes")
LIMITS = (
    *(Limit(f"{name}.8.decision_ms_p50", 0.1, f"{name} decides") for name in HEURISTICS),
    Limit("aif.2.decision_ms_p50", 1.5, "aif, 2 SLOs, 72 policies"),
    Limit(f"{AIF_729}.2.decision_ms_p50", 5.0, "aif, 2 SLOs, 729 policies"),
    Limit("aif.8.decision_ms_p50", 4.0, "aif, 8 SLOs, 72 policies"),
    Limit(f"{AIF_729}.8.decision_ms_p50", 15.0, "aif, 8 SLOs, 729 policies"),
    *(Limit(f"{name}.8.decision_ms_p50", 1.0, f"{name} decides") for name in LEARNED),
    *(Limit(f"{name}.8.decision_ms_p50", 5.0, f"{name} decides") for name in MODELS),
    *(Limit(f"{name}.8.learning_ms_p50", 50.0, f"{name} learns") for name in MODELS),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The bench's own flags."""
    parser.add_argument(
        "--rounds", type=positive(int), default=5, help="episodes of each agent (default: %(default)s)"
    )
    parser.add_argument(
        "--decisions", type=positive(int), default=60, help="in each episode (default: %(default)s)"
    )
    names = sorted(set(AGENTS) - set(CLAIRVOYANT))
    parser.add_argument(
        "--agents", nargs="+", choices=names, default=names, metavar="NAME", help="only these of conf/agent"
    )


def run(options: argparse.Namespace, console: Console) -> dict[str, float]:
    """Measure everything, print the table, return the figures.

    Raises:
        BenchError: an agent does not work.
    """
    figures = {"rounds": float(options.rounds), "decisions": float(options.decisions)}
    cases = cases_of(options.agents)
    with (
        tempfile.TemporaryDirectory(prefix="elasticbench-") as folder,
        Processes("agent") as processes,
        progress_bar(console) as progress,
    ):
        path = Path(folder) / "figures.json"
        task = progress.add_task("agents", total=len(cases) + ("aif" in options.agents))
        for case in cases:
            progress.update(task, description=f"{case.label or case.agent}, {case.n_slos} SLOs")
            processes.run(measure, case, options.rounds, options.decisions, path, within_s=LONGEST_S)
            figures |= figures_of(case.key, json.loads(path.read_text()))
            progress.advance(task)
        if "aif" in options.agents:
            progress.update(task, description="pymdp's own agent")
            processes.run(measure_plain, path, within_s=LONGEST_S)
            figures |= figures_of("pymdp.2", json.loads(path.read_text()))
            figures["ratio_pymdp_to_aif"] = (
                figures["pymdp.2.decision_ms_p50"] / figures["aif.2.decision_ms_p50"]
            )
            progress.advance(task)
    figures |= {"cores": float(len(os.sched_getaffinity(0))), "load_average": os.getloadavg()[0]}
    print_report(figures, console)
    return figures


def cases_of(names: Sequence[str]) -> list[Case]:
    """Every agent with every number of SLOs; aif also with more policies."""
    cases = [Case(name, n_slos) for name in names for n_slos in SLOS]
    if "aif" in names:
        cases += [Case("aif", n_slos, FORESIGHT, AIF_729) for n_slos in SLOS]
    return cases


def figures_of(key: str, turns: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Medians of the rounds with their range, and the share of a core at INTERVAL_MS."""
    figures = {}
    for name, values in turns.items():
        figures[f"{key}.{name}"] = statistics.median(values)
        figures[f"{key}.{name}_lowest"], figures[f"{key}.{name}_highest"] = min(values), max(values)
    if "cpu_ms" in turns:
        figures[f"{key}.cpu_share"] = figures[f"{key}.cpu_ms"] / INTERVAL_MS
    return figures


def print_report(figures: Mapping[str, float], console: Console) -> None:
    """The table, and the verdicts on the limits of what was measured."""
    console.print()
    console.print(times_table(figures))
    console.print(
        f"medians of {figures['rounds']:.0f} episodes of {figures['decisions']:.0f} decisions, each agent in "
        f"a process of its own on one core; load average {figures['load_average']:.1f} of "
        f"{figures['cores']:.0f} cores at the end"
    )
    if "ratio_pymdp_to_aif" in figures:
        console.print(
            f"the same model in pymdp's own agent, which compiles nothing: "
            f"{figures['pymdp.2.decision_ms_p50']:,.0f} ms a decision, "
            f"{figures['ratio_pymdp_to_aif']:,.0f} times as long as aif's"
        )
    for limit in LIMITS:
        if limit.key in figures:
            console.print(limit.verdict(figures))


def times_table(figures: Mapping[str, float]) -> Table:
    """One row per agent and number of SLOs."""
    table = Table(title="Agents, 72 joint settings, one core", title_justify="left", box=None)
    table.add_column("", no_wrap=True)
    for column in (
        "SLOs",
        "decides,\np50 ms",
        "\np99 ms",
        "learns,\np50 ms",
        "\np99 ms",
        "start-\nup, s",
        "core at\n1 s",
    ):
        table.add_column(column, justify="right")
    for key in (name.removesuffix(".cpu_share") for name in figures if name.endswith(".cpu_share")):
        label, _, n_slos = key.rpartition(".")
        parts = ("decision_ms_p50", "decision_ms_p99", "learning_ms_p50", "learning_ms_p99")
        table.add_row(
            label,
            n_slos,
            *(f"{figures[f'{key}.{part}']:.3f}" for part in parts),
            f"{figures[f'{key}.start_up_s']:.2f}",
            f"{figures[f'{key}.cpu_share']:.2%}",
        )
    return table
