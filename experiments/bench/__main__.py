"""`python -m experiments.bench NAME`: run one benchmark, print its tables, write results/bench/NAME.json."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from experiments.bench import agents, overhead, simulator
from experiments.bench.figures import write_figures
from experiments.bench.measure import BenchError
from pipeline.control import ControlError
from pipeline.program import ClusterError

BENCHES = {"agents": agents, "pipeline": overhead, "simulator": simulator}
RESULTS = Path("results/bench")
INTERRUPTED = 130  # as shells have it for SIGINT


def main(argv: Sequence[str]) -> int:
    """Run the named bench; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m experiments.bench", description=__doc__)
    benches = parser.add_subparsers(dest="bench", required=True, metavar="NAME")
    for name, bench in BENCHES.items():
        bench.add_options(benches.add_parser(name, help=bench.HELP, description=bench.__doc__))
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end in order, as on Ctrl-C
    console = Console()
    try:
        figures = BENCHES[options.bench].run(options, console)
    except KeyboardInterrupt:
        print("interrupted: nothing was written", file=sys.stderr)
        return INTERRUPTED
    except (BenchError, ClusterError, ControlError) as error:
        print(error, file=sys.stderr)
        return 1
    path = RESULTS / f"{options.bench}.json"
    write_figures(figures, path)
    console.print(f"written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
