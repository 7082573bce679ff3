"""Measure what the pipeline, the simulator and the agents are worth beside others.

    python -m benchmarks NAME [--help]

Each prints its tables and writes results/bench/NAME.json. On a machine that does nothing else, please.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.agents import benchmark as agents
from benchmarks.pipeline import benchmark as pipeline
from benchmarks.report import write_figures
from benchmarks.simulator import benchmark as simulator
from benchmarks.soak import benchmark as soak
from benchmarks.turns import BenchmarkError
from pipeline.control import ControlError
from pipeline.program import ClusterError

BENCHMARKS = {"pipeline": pipeline, "simulator": simulator, "agents": agents, "soak": soak}
RESULTS = Path("results/bench")
INTERRUPTED = 130  # as shells have it for SIGINT


def main(argv: Sequence[str]) -> int:
    """Run the named benchmark; without a name, say which there are. Returns the exit code."""
    parser = program()
    if not argv:
        parser.print_help()
        return 0
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end in order, as on Ctrl-C
    console = Console()
    figures = machine()
    try:
        figures |= BENCHMARKS[options.name].run(options, console)
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return INTERRUPTED
    except (BenchmarkError, ClusterError, ControlError) as error:
        print(error, file=sys.stderr)
        return 1
    path = RESULTS / f"{options.name}.json"
    write_figures(figures, path)
    console.print(
        f"\n{figures['cores']:.0f} cores, load average {figures['load_average']:.1f} before it began; "
        f"written to {path}"
    )
    return 0


def program() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    form = partial(argparse.RawDescriptionHelpFormatter, max_help_position=18)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, formatter_class=form)
    names = parser.add_subparsers(dest="name", required=True, title="names")
    for name, benchmark in BENCHMARKS.items():
        own = names.add_parser(name, help=benchmark.HELP, description=benchmark.__doc__, formatter_class=form)
        benchmark.add_options(own)
    return parser


def machine() -> dict[str, float]:
    """Return the figures of what there is to run on: cores, and how many others wanted one (of a minute)."""
    return {"cores": float(len(os.sched_getaffinity(0))), "load_average": os.getloadavg()[0]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
