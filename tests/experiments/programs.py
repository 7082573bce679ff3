"""Our programs as a user calls them, without the seconds in which a fresh interpreter imports everything."""

import contextlib
import copy
import io
import logging
import os
import runpy
import signal
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton


@dataclass(frozen=True, slots=True)
class Done:
    """A program that has ended: its exit code, and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All of it."""
        return self.out + self.err


def call(program: str, *words: str) -> Done:
    """`python -m PROGRAM WORDS` in this process, which afterwards is as it was before.

    Only what Python itself prints is caught, not what children write.
    """
    out, err, code = io.StringIO(), io.StringIO(), 0
    with _as_if_alone([program, *words]), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                err.write(f"{end.code}\n")
    return Done(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _as_if_alone(argv: list[str]) -> Iterator[None]:
    """Put back in the end what a program may change: Hydra's state, signals, logging, variables."""
    handlers = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    hydra, root = copy.deepcopy(Singleton.get_state()), logging.getLogger()
    logged, level = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* found in sys.modules", category=RuntimeWarning)
        patch.setattr(sys, "argv", argv)
        patch.setenv("COLUMNS", "100")
        before = dict(os.environ)
        GlobalHydra.instance().clear()
        try:
            yield
        finally:
            Singleton.set_state(hydra)
            root.handlers[:], root.level = logged, level
            for signum, handler in handlers.items():
                signal.signal(signum, handler)
            os.environ.clear()
            os.environ.update(before)
