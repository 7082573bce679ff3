"""How every program begins and ends: who hears signals, where output and logs go, sentences, exit codes."""

import contextlib
import io
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO, cast

import hydra
from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.logging import RichHandler
from yaml import YAMLError

from experiments.program.errors import FAILURES, ConfigError, sentence
from experiments.program.files import is_full, is_refused
from experiments.program.interruption import Interrupted, handled_by, interrupt

logger = logging.getLogger(__name__)

FULL_ERROR = "HYDRA_FULL_ERROR"
WANTS_TRACEBACK = FULL_ERROR in os.environ  # before we set it ourselves

REFUSALS = (ConfigError, HydraException, OmegaConfBaseException, YAMLError)  # it could not begin
LOG_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"
SETS = re.compile(r"[^-].*=|~")  # a word that sets something, no option


class Outlet:
    """Standard output or error that may lose its reader: the program is there for its record, and goes on.

    A pipe whose reader is gone (`| head`), a terminal that was closed, a full disk behind `> file`: what is
    written from then on is lost, and the exit code is what it would have been. It is said once, where
    anything can still be said. Whatever else is asked of it, the stream answers.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name = stream, name

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, if somebody takes it."""
        with self._surviving():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Likewise."""
        with self._surviving():
            self._stream.flush()

    @contextlib.contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())  # where all goes from now on
            text = f"{self._name} is gone ({error.strerror}); the program goes on without it"
            logger.warning("%s", text)
            if sys.stderr is not self:
                print(text, file=sys.stderr)


@contextlib.contextmanager
def outlets() -> Iterator[None]:
    """Meanwhile, standard output and error may lose their readers, and letters that they do not have."""
    before = sys.stdout, sys.stderr
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # of a dash, where LC_ALL=C
    sys.stdout = cast(TextIO, Outlet(sys.stdout, "standard output"))
    sys.stderr = cast(TextIO, Outlet(sys.stderr, "standard error"))
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


@contextlib.contextmanager
def complaining(program: str) -> Iterator[None]:
    """What goes wrong in here ends the program of that name, with a sentence and an exit code.

    1 for failures on the way, 2 if it could not begin, as shells have it for signals.
    """
    try:
        yield
    except (*FAILURES, *REFUSALS, Interrupted, OSError) as error:
        is_broken = isinstance(error, FAILURES) or is_full(error)
        if isinstance(error, OSError) and not (is_broken or isinstance(error, REFUSALS) or is_refused(error)):
            raise
        if WANTS_TRACEBACK:
            traceback.print_exception(error)
        print(f"{program}: {sentence(error)}", file=sys.stderr)
        sys.exit(error.exit_code if isinstance(error, Interrupted) else 1 if is_broken else 2)


@contextlib.contextmanager
def prepared_for_its_end(program: str) -> Iterator[None]:
    """Around all of a program: signals and lost outlets have their meaning, and so have errors."""
    with outlets(), handled_by(interrupt), complaining(program):
        yield


def enter(
    program: str,
    config: Path,
    perform: Callable[[DictConfig], object],
    register: Callable[[], None],
    read: Callable[[Sequence[str]], Sequence[str]] = list,
) -> None:
    """Run a program whose configuration Hydra composes; errors in composing it are one sentence too.

    `program` is its module's name, `config` the file that its configuration begins with, `perform` all it
    does; `register` makes schemas known to Hydra, `read` turns what was typed into words for Hydra.
    """

    def main(cfg: DictConfig) -> None:
        with complaining(program):  # what goes wrong ends the program here: Hydra would print it
            perform(cfg)

    main.__module__ = program  # by which Hydra calls its jobs
    register()
    os.environ[FULL_ERROR] = "1"  # Hydra then hands its errors on instead of printing them
    composed = hydra.main(version_base="1.3", config_path=str(config.parent), config_name=config.stem)
    with prepared_for_its_end(program):
        sys.argv[1:] = options_last(read(sys.argv[1:]))
        check_read(sys.argv[1:], config.parent)
        composed(main)()


def options_last(words: Sequence[str]) -> list[str]:
    """Return a command line as Hydra can read it: what it sets must not stand on both sides of an option."""
    return sorted(words, key=lambda word: not SETS.match(word))


def check_read(words: Sequence[str], conf: Path) -> None:
    """Raise ConfigError if a file of `--config-dir` has the name of one in `conf`, which is read instead."""
    folder = get_args_parser().parse_known_args(words)[0].config_dir
    for theirs in sorted(Path(folder).rglob("*.yaml")) if folder else ():
        ours = conf / theirs.relative_to(folder)
        if ours.is_file() and ours.read_bytes() != theirs.read_bytes():
            option = theirs.relative_to(folder).with_suffix("")
            raise ConfigError(f"{theirs} is not read, for {option} is one of ours; give it another name")


# --- where log lines go while something runs ---


class LogFile(logging.FileHandler):
    """A file that may lack lines: a full disk ends nothing, and buries nothing in tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, if that is possible."""
        with contextlib.suppress(OSError):  # where it is opened
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say nothing of a line that could not be written."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        """Give up what is still unwritten."""
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def logging_to(path: Path, console: Console) -> Iterator[None]:
    """Meanwhile, everything from INFO goes to a file, what deserves attention to the console too."""
    file = LogFile(path, encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter(LOG_FORMAT))
    shown = RichHandler(console=console, level=logging.WARNING, show_path=False, show_time=False)
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.INFO)
    for handler in (file, shown):
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(before)
        for handler in (file, shown):
            root.removeHandler(handler)
            handler.close()
