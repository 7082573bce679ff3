"""From a dotted path, like my_package.module.Name, to what it names: how others' classes are told to us."""

import importlib
from types import ModuleType
from typing import Any


def named(path: str) -> Any:
    """Say what a dotted path names; its module is imported.

    Raises ValueError: it names nothing, or its module cannot be imported; the text says which and why.
    """
    place, _, name = path.rpartition(".")
    if not all(part.isidentifier() for part in path.split(".")) or not place:
        raise ValueError(f"expected package.module.Name, got {path!r}")
    module = _imported(place, path)
    try:
        return getattr(module, name)
    except AttributeError:
        raise ValueError(f"{path} is not there: {place} has no {name}") from None


def _imported(place: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if place == missing or place.startswith(f"{missing}."):
            raise ValueError(
                f"{path} is not there: no module {missing} is installed or on PYTHONPATH"
            ) from None
        raise ValueError(f"{place} cannot be imported: it needs the module {missing}") from error
    except Exception as error:  # a stranger's module may fail in any way
        raise ValueError(f"{place} cannot be imported: {type(error).__name__}: {error}") from error
