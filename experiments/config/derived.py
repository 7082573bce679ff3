"""Schemas derived from signatures: what a constructor takes is what its part of a configuration may say.

A key that the constructor lacks, or a value of another type than its argument's, is found as soon as a
configuration is composed; and nothing is written down twice.
"""

import copyreg
import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from omegaconf import MISSING

PLAIN = (int, float, bool, str)
UNIONS = (types.UnionType, typing.Union)


class _Kind(type):
    """Of derived schemas: pickled as what they are derived from, for no module has them by their names."""


class _Derived(metaclass=_Kind):
    """Every derived schema is one."""


def _reference(schema: _Kind) -> Any:
    """Reduce a derived schema for pickle; a class that is written out, based on one, has its own name."""
    derived_from = vars(schema).get("derived_from")
    return schema.__qualname__ if derived_from is None else (schema_of, derived_from)


copyreg.pickle(_Kind, _reference)  # pyright: ignore[reportArgumentType] - a string is a global's name


@cache
def schema_of(target: Callable[..., Any], leave_out: frozenset[str] = frozenset()) -> Any:
    """Derive the dataclass that OmegaConf holds a constructor's arguments against, but for those left out.

    It has the arguments' names, types and defaults: `MISSING` where there is none, `Any` where OmegaConf does
    not know the type; arguments that are dataclasses get schemas of their own.
    """
    hints, fields = hints_of(target), []
    for name, argument in arguments_of(target).items():
        if name not in leave_out:
            annotation = _known(hints.get(name, Any))
            fields.append((name, annotation, _field(annotation, argument.default, target, name)))
    derived_from = (target, leave_out) if leave_out else (target,)  # as it is called, for the cache's sake
    namespace, name = {"derived_from": derived_from}, getattr(target, "__name__", "Schema")
    return dataclasses.make_dataclass(name, fields, bases=(_Derived,), namespace=namespace)


def arguments_of(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return what can be given to a constructor by name."""
    anything = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        name: one for name, one in inspect.signature(target).parameters.items() if one.kind not in anything
    }


def hints_of(target: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments' types; none where an annotation exists for a type checker only."""
    is_plain_class = inspect.isclass(target) and not dataclasses.is_dataclass(target)
    try:
        return typing.get_type_hints(target.__init__ if is_plain_class else target)
    except NameError:
        return {}


def build(target: Callable[..., Any], values: Any) -> Any:
    """Call a constructor with an instance of its schema, its dataclasses built likewise, lists as tuples.

    Keys that the constructor does not take are left out. Raises ValueError: the constructor refuses them.
    """
    hints = hints_of(target)
    return target(**{name: _made(hints[name], getattr(values, name)) for name in arguments_of(target)})


def _made(annotation: Any, value: Any) -> Any:
    inner = [part for part in typing.get_args(annotation) if part is not type(None)]
    if inspect.isclass(annotation) and dataclasses.is_dataclass(annotation):
        return build(annotation, value)
    if value is None or not inner:
        return value
    if isinstance(value, list):
        return tuple(_made(inner[0], item) for item in value)
    if isinstance(value, dict):
        return {key: _made(inner[1], item) for key, item in value.items()}
    return _made(inner[0], value) if typing.get_origin(annotation) in UNIONS else value


def _known(annotation: Any) -> Any:
    """Return a type in OmegaConf's terms."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in UNIONS:
        parts = [_known(part) for part in inner if part is not type(None)]
        return parts[0] | None if len(parts) == 1 and parts[0] is not Any and len(inner) == 2 else Any
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return dict[_known(inner[0]), _known(inner[1])]
    if inspect.isclass(origin) and issubclass(origin, Sequence):
        return list[_known(inner[0])]
    if inspect.isclass(annotation) and (annotation in PLAIN or issubclass(annotation, enum.Enum)):
        return annotation
    if inspect.isclass(annotation) and dataclasses.is_dataclass(annotation):
        return schema_of(annotation)
    return Any


def _field(annotation: Any, default: Any, target: Any, name: str) -> Any:
    """Return a field with the argument's default, in the terms of its annotation."""
    if dataclasses.is_dataclass(target):
        factory = next(field for field in dataclasses.fields(target) if field.name == name).default_factory
        if factory is not dataclasses.MISSING:
            return dataclasses.field(default_factory=factory)
    if default is inspect.Parameter.empty:
        return dataclasses.field(default=MISSING)
    if dataclasses.is_dataclass(default) and not inspect.isclass(default):
        return dataclasses.field(default_factory=partial(annotation, **dataclasses.asdict(default)))
    return dataclasses.field(default=default)
