"""`python -m pipeline producer|worker|collector`: the three programs of the pipeline."""

import logging
import sys

PROGRAMS = ("producer", "worker", "collector")
USAGE = """usage: python -m pipeline {producer,worker,collector} [--help] [OPTION ...]

The distributed stream pipeline, one program per process and on any hosts:

  producer   offers a stream's frames as tasks, hands them to workers, keeps account
  worker     requests tasks, processes them (YOLO11), sends the results
  collector  puts the results back in order and writes them where you say

Start them in any order; each has its own --help. On one machine the defaults find each other."""


def main(argv: list[str]) -> int:
    """Run the program named first; returns the exit code."""
    if argv and argv[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    if not argv or argv[0] not in PROGRAMS:
        print(USAGE, file=sys.stderr)
        return 2
    logging.basicConfig(
        level=logging.INFO, format=f"%(asctime)s {argv[0]} %(levelname)s %(message)s", stream=sys.stderr
    )
    match argv[0]:  # each program imports only what it needs
        case "producer":
            from pipeline.producer.shell import main as program
        case "worker":
            from pipeline.worker.shell import main as program
        case _:
            from pipeline.collector.shell import main as program
    return program(argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
