"""What the processes that write to MLflow have in common: how they listen, answer, and step back."""

import contextlib
import logging
import os
import signal
import sys

import msgspec

from experiments.program.interruption import ENDING


def be_a_scribe() -> None:
    """Outlive what ends the run, which reaches this process too; keep standard output for `say`.

    MLflow prints to it.
    """
    for signum in ENDING:
        signal.signal(signum, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    sys.stdout = sys.stderr


def say(message: msgspec.Struct) -> None:
    """A line of JSON on standard output; whoever asked may be gone."""
    assert sys.__stdout__ is not None
    with contextlib.suppress(BrokenPipeError):
        sys.__stdout__.write(msgspec.json.encode(message).decode() + "\n")
        sys.__stdout__.flush()


def step_back(niceness: int) -> None:
    """From now on nobody waits for this process: the others come first."""
    os.nice(niceness)
