"""A source of somebody else's: named by a dotted path, made of its own arguments, looked at before use."""

import inspect
import json
import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from pipeline.naming import named
from pipeline.sources.base import Source, SourceError

METHODS = ("peek", "read", "skip", "restart", "close")
FIGURES = ("width", "height", "fps", "is_live")


def custom_source(factory: str, arguments: Mapping[str, str]) -> Source:
    """Call what a dotted path names, and check that a source comes of it, by its first picture.

    The source's `restart` is called before anything is made of it, so that picture is not lost.

    Args:
        factory: of a class, or a function.
        arguments: by name; each is JSON, and what is no JSON is text as it is.

    Raises:
        SourceError: it cannot be found or called, or is no source; the text says what was expected.
    """
    source = _made(factory, {name: value_of(text) for name, text in arguments.items()})
    try:
        check_source(source, factory)
    except SourceError:
        if callable(getattr(source, "close", None)):
            source.close()
        raise
    return source


def _made(factory: str, values: Mapping[str, Any]) -> Source:
    """Say what the factory gives, whatever it is."""
    try:
        make = named(factory)
        signature = inspect.signature(make)
        signature.bind(**values)
    except ValueError as error:
        raise SourceError(f"factory: {error}") from error
    except TypeError as error:
        raise SourceError(f"arguments: {factory} cannot be called with {dict(values)}: {error}") from error
    try:
        return cast(Source, make(**values))  # which `check_source` makes sure of
    except SourceError:
        raise
    except Exception as error:  # a stranger's constructor may fail in any way
        raise SourceError(f"{factory} could not be made: {type(error).__name__}: {error}") from error


def text_of(value: Any) -> str:
    """An argument as `custom_source` takes it: text in quotes, so that "7" does not become a number."""
    return json.dumps(value)


def value_of(text: str) -> Any:
    """Return the argument that a text stands for; by hand, name=harbour need not be name='"harbour"'."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def check_source(source: Source, name: str) -> None:
    """Look at a source that was just made, and at its first picture.

    Args:
        source: which should be as `pipeline.sources.base.Source` says.
        name: for the text of an error.

    Raises:
        SourceError: it is not; the text says what was expected.
    """
    lacking = [name for name in METHODS if not callable(getattr(source, name, None))]
    lacking += [name for name in FIGURES if not hasattr(source, name)]
    if lacking:
        raise SourceError(f"{name} is no source: it lacks {', '.join(lacking)} (pipeline/sources/base.py)")
    for figure in ("width", "height"):
        value = getattr(source, figure)
        if not isinstance(value, int) or value < 1:
            raise SourceError(f"{name}.{figure} must be a whole number of px >= 1, got {value!r}")
    if not isinstance(source.fps, int | float) or not math.isfinite(source.fps) or source.fps <= 0:
        raise SourceError(f"{name}.fps must be a finite number of frames/s > 0, got {source.fps!r}")
    try:
        due_ns = source.peek()
        image = None if due_ns is None else source.read().image
    except SourceError:
        raise
    except Exception as error:  # a stranger's methods may fail in any way
        raise SourceError(f"{name} has no first picture: {type(error).__name__}: {error}") from error
    _check_picture(source, name, due_ns, image)


def _check_picture(source: Source, name: str, due_ns: Any, image: Any) -> None:
    if due_ns is None:
        raise SourceError(f"{name} has no first picture: peek() gives None")
    if not isinstance(due_ns, int) or due_ns < 0:
        raise SourceError(f"{name}.peek() must give whole nanoseconds >= 0, got {due_ns!r}")
    if not isinstance(image, np.ndarray):
        raise SourceError(f"{name}.read() must give a SourceFrame whose image is an array, got {image!r}")
    expected = (source.height, source.width, 3)
    if image.shape != expected or image.dtype != np.uint8 or not image.flags.c_contiguous:
        raise SourceError(
            f"{name}.read() must give uint8 pictures of shape {expected}, C-contiguous, got {image.dtype} "
            f"of {image.shape}"
        )
