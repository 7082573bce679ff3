"""What went wrong, in one sentence: Hydra's and OmegaConf's errors say it in four lines and a traceback."""

import contextlib
import difflib
import re
import shlex
import sysconfig
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import (
    ConfigCompositionException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)
from yaml import MarkedYAMLError

from experiments.program.files import full_disk, is_full, is_refused
from pipeline.control import ControlError
from pipeline.program import ClusterError
from pipeline.sources.base import SourceError

ROOT = Path(__file__).parents[2]
PACKAGES = ("agents", "envs", "experiments", "hydra_plugins", "pipeline")
OURS = tuple(f"{ROOT / name}/" for name in PACKAGES)
LIBRARIES = ("<", *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")))
PLAIN_PATH = re.compile(r"[\w.-]*/[\w./-]*", re.ASCII)  # which Hydra takes for a text as it is
AMBIGUOUS = re.compile(r"Ambiguous value for argument '(?P<word>.*)'\n")


class ConfigError(Exception):
    """The configuration cannot be carried out; one sentence says which part of it, and why."""


class ExecutionError(Exception):
    """Something broke on the way, or not all of it came about; one sentence says what."""


# a program that one of these ends had begun
FAILURES = (ExecutionError, ClusterError, ControlError, SourceError)


@contextlib.contextmanager
def blaming(part: str) -> Iterator[None]:
    """Turn what is wrong with values into a ConfigError that names their part of the configuration."""
    try:
        yield
    except (ValueError, SourceError, ControlError, OSError) as error:
        raise ConfigError(f"{part}: {error}") from error


def sentence(error: BaseException, passed: frozenset[int] = frozenset()) -> str:
    """The error's text on one line, as concrete as it can be made.

    `passed` are the ids of errors on the way to this cause, for an error can be its own.
    """
    passed |= {id(error)}
    cause = error.__cause__
    if cause is not None and id(cause) in passed:
        cause = None
    if isinstance(error, InstantiationException) and cause is not None:
        return f"{getattr(error, 'full_key', '') or 'configuration'}: {sentence(cause, passed)}"
    if isinstance(cause, OmegaConfBaseException) and not isinstance(error, OmegaConfBaseException):
        return sentence(cause, passed)  # of OmegaConf's own, the first says most
    if isinstance(error, ConfigKeyError | ConfigAttributeError):
        return _unknown_key(error)
    if isinstance(error, OverrideParseException):
        return f"cannot read {error.override}{_readable(error.override)}"
    if isinstance(error, MissingConfigException):
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        return f"{group} has no option {option!r}; {meant(option, error.options or (), 'there')}"
    if isinstance(error, ConfigCompositionException) and (found := AMBIGUOUS.match(str(error))):
        return f"{found['word']} is several values: for a sweep over them say -m{_readable(found['word'])}"
    inner = error.__context__  # Hydra leaves it at that where a file is wrong
    if isinstance(error, ConfigCompositionException) and isinstance(inner, OmegaConfBaseException):
        return f"{str(error).partition(':')[0]}: {sentence(inner, passed)}"
    if isinstance(error, MissingMandatoryValue):
        key = _dotted(str(error.full_key))
        return f"{key} has no value yet: say {key}=..."
    if isinstance(error, ValidationError) and error.full_key:
        return f"{_dotted(error.full_key)}: {str(error).splitlines()[0]}"
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark) is not None:
        return f"{mark.name}, line {mark.line + 1}: this is no YAML, {error.problem}"
    if isinstance(error, OSError) and is_full(error):
        return full_disk(error, Path(error.filename or ""))
    if isinstance(error, OSError) and is_refused(error):
        return f"{error.filename} cannot be used ({error.strerror}); results=FOLDER says where results go"
    if isinstance(error, ClusterError):  # its further lines are the end of a program's log
        first, *log = str(error).splitlines()
        return f"{first}: {log[-1].strip()}" if log else first
    return _told(error, " ".join(str(error).split()))


# --- what was said ---


def quoted(key: str, value: str) -> str:
    """Return a word of a command line that Hydra takes for a text, whatever is in it."""
    return f"{key}={QuotedString(value, Quote.double).with_quotes()}"


def override_of(key: str, text: str) -> str:
    """Return a word of a command line by which Hydra sets a key to a path, in quotes where it needs them."""
    return f"{key}={text}" if PLAIN_PATH.fullmatch(text) else quoted(key, text)


def _readable(word: str) -> str:
    """Return the end of a sentence about a word that Hydra cannot read: what to type in a shell instead."""
    key, is_given, value = word.partition("=")
    if not is_given:
        return ": expected KEY=VALUE"
    if _dotted(key) != key:
        return f": say {shlex.quote(f'{_dotted(key)}={value}')}"
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]  # quotes around it are none of it
    return f"; if it is a text, say {shlex.quote(quoted(key, value))}"


def _dotted(key: str) -> str:
    """Return a key as a command line has it: a place in a list is behind a dot."""
    return re.sub(r"\[(\d+)\]", r".\1", key)


def no_key(place: str, key: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return the sentence about a key that a place of the configuration lacks; dotted, "" = the whole.

    If none of those known is nearly the same it says `otherwise`, or, if that is "", which they are.
    """
    hint = meant(key, list(known), otherwise=otherwise)
    return f"{place} has no key {key!r}; {hint}" if place else f"there is no key {key!r}; {hint}"


def meant(said: str, names: Sequence[str], are: str = "known", otherwise: str = "") -> str:
    """Return the end of a sentence about a name that is none: what may have been meant, or which there are.

    Args:
        said: the name.
        names: those that there are.
        are: what they are, before their list.
        otherwise: said instead of the list; "" = the list.
    """
    if close := difflib.get_close_matches(said, names, n=1):
        return f"did you mean {close[0]}?"
    return otherwise or f"{are} are {', '.join(names) or 'none'}"


def _unknown_key(error: OmegaConfBaseException) -> str:
    key, schema, parent, full_key = str(error.key), error.object_type, error.parent_node, str(error.full_key)
    place = _dotted(full_key)[: -len(key)].rstrip(".")
    if is_dataclass(schema):
        return no_key(place, key, [field.name for field in fields(schema)])
    known = map(str, parent) if isinstance(parent, DictConfig) else ()
    return no_key(place, key, known, f"to add it, say +{_dotted(full_key)}=...")


def _told(error: BaseException, text: str) -> str:
    """Return an error's text, if we or a library wrote it for people; else its kind, file and line, too."""
    kind, frames = type(error), traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(LIBRARIES)]
    is_ours = not isinstance(error, Exception) or kind.__module__.partition(".")[0] in PACKAGES
    is_strangers = bool(own) and not own[-1].filename.startswith(OURS)  # who wants to find it
    is_bug = kind.__module__ == "builtins" and not isinstance(error, ValueError | OSError)
    if text and (is_ours or not (is_strangers or is_bug)):
        return text
    said = ": ".join(filter(None, (kind.__name__, text)))
    return f"{said} ({own[-1].filename}, line {own[-1].lineno})" if own else said
