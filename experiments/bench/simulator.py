"""`bench simulator`: the simulator beside the same system in SimPy, beside CartPole, and beside itself.

30 frames/s, two workers, multiplier 1, the default SLOs, every knob at its highest level.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from experiments.bench.console import positive, progress_bar
from experiments.bench.figures import Target

if TYPE_CHECKING:  # compiles; imported once the bench runs
    from experiments.bench.worlds import World

HELP = "how fast the simulator is beside SimPy, CartPole and its own single form"

TARGETS = (
    Target("ratio_vector_to_simpy", 100, "(a) frames/s, vector form ÷ SimPy"),
    Target("ratio_single_to_cartpole", 0.2, "(b) steps/s, single environment ÷ CartPole-v1"),
    Target("ratio_vector_to_single", 5, "(c) steps/s, vector form ÷ single environment"),
)
ROWS = (
    ("vector", "vector form"),
    ("walk", "  its compiled part alone"),
    ("single", "single environment"),
    ("walk_one", "  its compiled part alone"),
    ("simpy", "the same system in SimPy"),
    ("cartpole", "CartPole-v1"),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a contender.

    Attributes:
        steps: of environments, >= 1.
        frames: offered in them.
        elapsed_s: how long it took, > 0.
        cpu_s: processor time of all threads.
    """

    steps: int
    frames: int
    elapsed_s: float
    cpu_s: float

    @property
    def steps_per_s(self) -> float:
        """Environment steps per second."""
        return self.steps / self.elapsed_s

    @property
    def frames_per_s(self) -> float:
        """Frames simulated per second."""
        return self.frames / self.elapsed_s


Rate = Callable[[Turn], float]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The bench's own flags."""
    parser.add_argument(
        "--rounds", type=positive(int), default=7, help="turns of each contender (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=positive(float), default=1.0, help="of each turn (default: %(default)s)"
    )
    parser.add_argument(
        "--copies", type=positive(int), default=1024, help="in the vector form (default: %(default)s)"
    )


def run(options: argparse.Namespace, console: Console) -> dict[str, float]:
    """Measure everything, print the table, return the figures.

    Raises:
        BenchError: SimPy is not installed.
    """
    from experiments.bench.worlds import worlds

    with console.status("compiling the simulator, where it has changed: up to some minutes"):
        contenders = worlds(options.copies)
    turns = take_turns(contenders, options.rounds, options.seconds, console)
    settings = {"rounds": options.rounds, "seconds": options.seconds, "copies": options.copies}
    figures = {name: float(value) for name, value in settings.items()}
    figures |= {"cores": float(len(os.sched_getaffinity(0))), "load_average": os.getloadavg()[0]}
    figures |= figures_of(turns)
    print_report(figures, console)
    return figures


def take_turn(world: "World", seconds: float) -> Turn:
    """Let a contender work for at least so long."""
    steps = frames = 0
    cpu_before_s, began_s = time.process_time(), time.perf_counter()
    while (elapsed_s := time.perf_counter() - began_s) < seconds or steps == 0:
        done = world.work()
        steps, frames = steps + done.steps, frames + done.frames
    return Turn(steps, frames, elapsed_s, time.process_time() - cpu_before_s)


def take_turns(
    contenders: Sequence["World"], rounds: int, seconds: float, console: Console
) -> dict[str, list[Turn]]:
    """Each contender once per round, in opposite order every second round; turns by contender."""
    turns: dict[str, list[Turn]] = {world.name: [] for world in contenders}
    with progress_bar(console) as progress:
        task = progress.add_task("simulator", total=rounds * len(contenders))
        for i in range(rounds):
            for world in contenders if i % 2 == 0 else reversed(contenders):
                turns[world.name].append(take_turn(world, seconds))
                progress.advance(task)
    return turns


def figures_of(turns: Mapping[str, Sequence[Turn]]) -> dict[str, float]:
    """Medians over the rounds, and ratios of two contenders in the same round with their range."""
    figures = {}
    for name, own in turns.items():
        figures[f"{name}.steps_per_s"] = statistics.median(turn.steps_per_s for turn in own)
        figures[f"{name}.frames_per_s"] = statistics.median(turn.frames_per_s for turn in own)
        figures[f"{name}.us_per_step"] = statistics.median(1e6 / turn.steps_per_s for turn in own)
        figures[f"{name}.cpu_us_per_step"] = statistics.median(1e6 * turn.cpu_s / turn.steps for turn in own)
    for one, other, rate in (
        ("vector", "simpy", lambda turn: turn.frames_per_s),
        ("single", "cartpole", lambda turn: turn.steps_per_s),
        ("vector", "single", lambda turn: turn.steps_per_s),
        ("vector", "walk", lambda turn: turn.steps_per_s),  # the share of time that is compiled
        ("single", "walk_one", lambda turn: turn.steps_per_s),
    ):
        figures |= _ratio(f"ratio_{one}_to_{other}", turns[one], turns[other], rate)
    per_core = _ratio(
        "ratio_vector_to_simpy_per_core",
        turns["vector"],
        turns["simpy"],
        lambda turn: turn.frames / turn.cpu_s,
    )
    return figures | per_core


def _ratio(key: str, ones: Sequence[Turn], others: Sequence[Turn], rate: Rate) -> dict[str, float]:
    paired = [rate(one) / rate(other) for one, other in zip(ones, others, strict=True)]
    return {key: statistics.median(paired), f"{key}_lowest": min(paired), f"{key}_highest": max(paired)}


def print_report(figures: Mapping[str, float], console: Console) -> None:
    """The table, how much of the time is compiled, and the verdicts on the targets."""
    console.print()
    console.print(rates_table(figures))
    for name, part, words in (
        ("vector", "walk", "vector form"),
        ("single", "walk_one", "single environment"),
    ):
        share = figures[f"ratio_{name}_to_{part}"]
        console.print(f"{words}: {share:.0%} of its time in compiled code (walk and judgement), its limit")
    console.print(
        f"medians of {figures['rounds']:.0f} rounds of {figures['seconds']:g} s, in alternated order; "
        f"{figures['cores']:.0f} cores, load average {figures['load_average']:.1f} at the end"
    )
    console.print(
        f"the vector form uses every core, the others one; per core it is "
        f"{figures['ratio_vector_to_simpy_per_core']:.1f} times as fast as SimPy"
    )
    for target in TARGETS:
        console.print(target.verdict(figures))


def rates_table(figures: Mapping[str, float]) -> Table:
    """One row per contender."""
    title = f"30 frames/s, two workers; vector form of {figures['copies']:,.0f} copies"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in ("frames/s", "steps/s", "µs/step", "CPU µs/step"):
        table.add_column(column, justify="right")
    for name, words in ROWS:
        frames = figures[f"{name}.frames_per_s"]
        table.add_row(
            words,
            f"{frames:,.0f}" if frames else "",
            f"{figures[f'{name}.steps_per_s']:,.0f}",
            f"{figures[f'{name}.us_per_step']:,.2f}",
            f"{figures[f'{name}.cpu_us_per_step']:,.2f}",
        )
    return table
