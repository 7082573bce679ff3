"""The pipeline's programs with a detector that breaks over some frames: `python poisoned.py worker OPTIONS`.

Emulated workers break over every frame whose source index is a multiple of $POISON_EVERY: with an exception,
or as a segmentation fault does where $POISON_KILLS is set.
"""

import os
import signal
import sys

from pipeline.__main__ import main
from pipeline.worker.workloads import Emulation

_process = Emulation.process


def process(self: Emulation, job, frames, started_ns: int):
    """As a broken detector does it."""
    if job.task.source_index % int(os.environ["POISON_EVERY"]) == 0:
        if "POISON_KILLS" in os.environ:
            os.kill(os.getpid(), signal.SIGSEGV)
        raise RuntimeError(f"frame {job.task.source_index} is poison")
    return _process(self, job, frames, started_ns)


Emulation.process = process  # in the inference process, too: spawn runs this module there

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
