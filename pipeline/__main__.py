"""`python -m pipeline PROGRAM`: the three programs of the pipeline, and two to keep them."""

import sys
from importlib import import_module

from pipeline.logs import log_as

PROGRAMS = {  # each imports only what it needs
    "producer": "pipeline.producer.shell",
    "worker": "pipeline.worker.shell",
    "collector": "pipeline.collector.shell",
    "keys": "pipeline.keymaking",
    "control": "pipeline.steering",
}
JSON_LOG = "--json-log"
USAGE = f"""usage: python -m pipeline [{JSON_LOG}] {{{",".join(PROGRAMS)}}} [--help] [OPTION ...]

The distributed stream pipeline, one program per process and on any hosts:

  producer   offers a stream's frames as tasks, hands them to workers, keeps account
  worker     requests tasks, processes them (YOLO11), sends the results
  collector  puts the results back in order and writes them where you say

Start them in any order; each has its own --help. On one machine the defaults find each other.

  keys       makes the keys with which they let in whom you name, and nobody else
  control    asks a producer how it is, sets its knobs, or ends it

With {JSON_LOG} the log on standard error is lines of JSON."""


def main(argv: list[str]) -> int:
    """Run the program named first; returns the exit code."""
    if argv and argv[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    as_json = argv[:1] == [JSON_LOG]
    argv = argv[as_json:]
    if not argv or argv[0] not in PROGRAMS:
        print(USAGE, file=sys.stderr)
        return 2
    log_as(argv[0], as_json)
    return import_module(PROGRAMS[argv[0]]).main(argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
