"""What went wrong, in one sentence: Hydra's and OmegaConf's errors say it in four lines and a traceback."""

import contextlib
import difflib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

from hydra.errors import InstantiationException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from experiments.program.files import full_disk, is_full
from pipeline.control import ControlError
from pipeline.program import ClusterError
from pipeline.sources.base import SourceError


class ConfigError(Exception):
    """The configuration cannot be carried out; one sentence says which part of it, and why."""


@contextlib.contextmanager
def blaming(part: str) -> Iterator[None]:
    """Turn what is wrong with values into a ConfigError that names their part of the configuration."""
    try:
        yield
    except (ValueError, SourceError, ControlError, OSError) as error:
        raise ConfigError(f"{part}: {error}") from error


def sentence(error: BaseException) -> str:
    """The error's text on one line, as concrete as it can be made."""
    return _sentence(error, frozenset())


def _sentence(error: BaseException, passed: frozenset[int]) -> str:
    """Likewise; `passed` are the ids of errors on the way to this cause, for an error can be its own."""
    passed |= {id(error)}
    cause = error.__cause__
    if cause is not None and id(cause) in passed:
        cause = None
    if isinstance(error, InstantiationException) and cause is not None:
        return f"{getattr(error, 'full_key', '') or 'configuration'}: {_sentence(cause, passed)}"
    if isinstance(cause, OmegaConfBaseException) and not isinstance(error, OmegaConfBaseException):
        return _sentence(cause, passed)  # of OmegaConf's own, the first says most
    if isinstance(error, ConfigKeyError | ConfigAttributeError):
        return _unknown_key(error)
    if isinstance(error, MissingConfigException):
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        return f"{group} has no option {option!r}; there are {', '.join(error.options or ())}"
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} has no value yet: say {error.full_key}=..."
    if isinstance(error, ValidationError) and error.full_key:
        return f"{error.full_key}: {str(error).splitlines()[0]}"
    if isinstance(error, OSError) and is_full(error):
        return full_disk(error, Path(error.filename or ""))
    if isinstance(error, ClusterError):  # its further lines are the end of a program's log
        first, *log = str(error).splitlines()
        return f"{first}: {log[-1].strip()}" if log else first
    return " ".join(str(error).split()) or type(error).__name__


def _unknown_key(error: OmegaConfBaseException) -> str:
    key, schema, parent = str(error.key), error.object_type, error.parent_node
    if is_dataclass(schema):
        known = [field.name for field in fields(schema)]
    else:
        known = [str(name) for name in parent] if isinstance(parent, DictConfig) else []
    close = difflib.get_close_matches(key, known, n=1)
    place = str(error.full_key)[: -len(key)].rstrip(".") or "the configuration"
    if close:
        hint = f"; did you mean {close[0]}?"
    elif is_dataclass(schema):
        hint = f"; known are {', '.join(known)}"
    else:
        hint = f"; to add it, say +{error.full_key}=..."
    return f"{place} has no key {key!r}{hint}"
