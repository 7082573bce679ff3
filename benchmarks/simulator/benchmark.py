"""How fast the simulator is, beside the same system in SimPy, beside CartPole, and beside itself.

30 frames/s, two workers at a load of 0.8, the default SLOs, every knob at its highest level.
"""

import argparse
import statistics
from collections.abc import Mapping, Sequence
from functools import partial

from rich.console import Console
from rich.table import Table

from benchmarks.options import add_rounds, positive
from benchmarks.report import Goal, number, table
from benchmarks.turns import Turn, alternate, ratio

HELP = "how fast the simulator is beside SimPy, CartPole and its own single form"

GOALS = (
    Goal("ratio_vector_to_simpy", 100, "(a) steps/s, many at once ÷ SimPy"),
    Goal("ratio_single_to_cartpole", 0.2, "(b) steps/s, one ÷ CartPole-v1"),
    Goal("ratio_vector_to_single", 5, "(c) steps/s, many at once ÷ one"),
)
ROWS = {
    "vector": "simulator, {copies:.0f} at once",
    "walk": "  its compiled part alone",
    "single": "simulator, one",
    "walk_one": "  its compiled part alone",
    "simpy": "the same system in SimPy",
    "cartpole": "CartPole-v1 (no frames)",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's own flags."""
    add_rounds(parser, rounds=7, seconds=1.0)
    help_copies = "that the vector form simulates at once (default: %(default)s)"
    parser.add_argument("--copies", type=positive(int), default=1024, metavar="N", help=help_copies)


def run(options: argparse.Namespace, console: Console) -> dict[str, float]:
    """Measure everything, print the table, return the figures.

    Raises:
        BenchmarkError: SimPy is not installed.
    """
    with console.status("compiling the simulator, where it has changed: up to some minutes"):
        from benchmarks.simulator.contenders import contenders, take_turn

        works = contenders(options.copies)
    turns = {name: partial(take_turn, work, options.seconds) for name, work in works.items()}
    settings = {"rounds": options.rounds, "seconds": options.seconds, "copies": options.copies}
    figures = {name: float(value) for name, value in settings.items()}
    figures |= figures_of(alternate(turns, options.rounds, "simulator", console))
    print_report(figures, console)
    return figures


def figures_of(turns: Mapping[str, Sequence[Turn]]) -> dict[str, float]:
    """Return medians over the rounds, and ratios of two contenders in the same round with their range."""
    figures = {}
    for name, own in turns.items():
        figures[f"{name}.steps_per_s"] = statistics.median(turn.per_s for turn in own)
        figures[f"{name}.us_per_step"] = statistics.median(1e6 / turn.per_s for turn in own)
        figures[f"{name}.cpu_us_per_step"] = statistics.median(1e3 * turn.cpu_ms for turn in own)
    for one, other in (
        ("vector", "simpy"),
        ("single", "cartpole"),
        ("vector", "single"),
        ("vector", "walk"),  # the share of time that is compiled
        ("single", "walk_one"),
    ):
        figures |= ratio(f"ratio_{one}_to_{other}", turns[one], turns[other])
    per_core = {name: [Turn(t.n, t.cpu_s, t.cpu_s) for t in turns[name]] for name in ("vector", "simpy")}
    return figures | ratio("ratio_vector_to_simpy_per_core", per_core["vector"], per_core["simpy"])


def print_report(figures: Mapping[str, float], console: Console) -> None:
    """Print the table, how much of the time is compiled, and the verdicts on the goals."""
    console.print()
    console.print(rates_table(figures))
    console.print(
        f"\nmedians of {figures['rounds']:.0f} rounds in alternated order, {figures['seconds']:g} s a turn; "
        "ratios are those of one round, with their range over the rounds"
    )
    for goal in GOALS:
        console.print(goal.verdict(figures))
    many, one = (figures[f"ratio_{name}"] for name in ("vector_to_walk", "single_to_walk_one"))
    per_core = number(figures["ratio_vector_to_simpy_per_core"])
    console.print(
        f"many at once use every core, the others one: by processor time (a) is {per_core}\n"
        f"compiled code (walk and judgement) takes {many:.0%} of the time of many at once, {one:.0%} of one's"
    )


def rates_table(figures: Mapping[str, float]) -> Table:
    """Return a row per contender."""
    from benchmarks.system import FRAMES_PER_STEP

    cells = []
    for name, words in ROWS.items():
        steps_per_s = figures[f"{name}.steps_per_s"]
        frames = "" if name == "cartpole" else number(FRAMES_PER_STEP * steps_per_s)
        times = (number(figures[f"{name}.{part}"]) for part in ("us_per_step", "cpu_us_per_step"))
        cells.append((words.format_map(figures), frames, number(steps_per_s), *times))
    columns = ("frames/s", "steps/s", "µs\nper step", "CPU µs\nper step")
    return table("Environment steps of a second of video: 30 frames/s, two workers", columns, cells)
