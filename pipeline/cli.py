"""A command line for an options class, and back: one home for every default and its help."""

import argparse
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from enum import Enum, IntEnum
from typing import Any, get_args, get_origin, get_type_hints

from pipeline.bounds import OptionError


def add_options(parser: argparse.ArgumentParser, options: type) -> None:
    """Add one `--flag` per field of a dataclass whose fields carry `metadata={"help": ...}`."""
    hints = get_type_hints(options)
    for option in fields(options):
        _add(parser, option, hints[option.name])


def options_from(options: type, namespace: argparse.Namespace) -> Any:
    """Build the options from a parsed command line.

    Raises:
        OptionError: a value that the option cannot have.
        ValueError: a key=value pair without "=".
    """
    hints = get_type_hints(options)
    values = {}
    for option in fields(options):
        value = getattr(namespace, option.name)
        if get_origin(hints[option.name]) is tuple:
            value = tuple(value)
        elif get_origin(hints[option.name]) is dict:
            value = dict(_pair(option.name, item) for item in value)
        values[option.name] = value
    return options(**values)


def to_argv(options: Any) -> list[str]:
    """Return the command line that builds equal options; what is at its default is left out."""
    argv = []
    for option in fields(options):
        value = getattr(options, option.name)
        if value == _default(option):
            continue
        flag = _flag(option.name)
        if isinstance(value, bool):
            argv.append(flag if value else "--no-" + flag[2:])
        elif isinstance(value, dict):
            argv += [flag, *(f"{key}={item}" for key, item in value.items())]
        elif isinstance(value, tuple):
            argv += [flag, *(str(item) for item in value)]
        else:
            argv += [flag, _name(value) if isinstance(value, Enum) else str(value)]
    return argv


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _default(option: Field) -> Any:
    return option.default if option.default_factory is MISSING else option.default_factory()


def _add(parser: argparse.ArgumentParser, option: Field, hint: Any) -> None:
    flag, text = _flag(option.name), option.metadata["help"]
    default: Any = _default(option)
    shown = f"{text} (default: %(default)s)" if not _is_empty(default) else text
    if hint is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=text)
    elif get_origin(hint) is tuple:
        parser.add_argument(flag, nargs="*", type=get_args(hint)[0], default=default, help=shown, metavar="X")
    elif get_origin(hint) is dict:
        items = [f"{key}={item}" for key, item in default.items()]
        parser.add_argument(flag, nargs="*", default=items, help=text, metavar="KEY=VALUE")
    elif issubclass(hint, Enum):
        names = "|".join(_name(member) for member in hint)
        shown = f"{text} (default: {_name(default)})"
        parser.add_argument(flag, type=_named(hint), default=default, help=shown, metavar=names)
    else:
        parser.add_argument(flag, type=hint, default=default, help=shown)


def _is_empty(default: Any) -> bool:
    return isinstance(default, (str, tuple, dict)) and not default


def _name(member: Enum) -> str:
    return member.name if isinstance(member, IntEnum) else str(member)


def _named(enum: type[Enum]):
    members = {_name(member): member for member in enum}

    def parse(text: str) -> Enum:
        if text not in members:
            raise argparse.ArgumentTypeError(f"expected one of {', '.join(members)}, got {text!r}")
        return members[text]

    return parse


def _pair(name: str, item: str) -> tuple[str, str]:
    key, separator, value = item.partition("=")
    if not separator or not key or not value:
        raise ValueError(f"{_flag(name)} takes KEY=VALUE, got {item!r}")
    return key, value


def parse_options(options: type, prog: str, argv: Sequence[str]) -> Any:
    """Options from `argv`; a wrong one prints a sentence to stderr and exits with 2."""
    parser = argparse.ArgumentParser(prog=prog, description=options.__doc__)
    add_options(parser, options)
    namespace = parser.parse_args(argv)
    try:
        return options_from(options, namespace)
    except OptionError as error:
        parser.exit(2, f"{prog}: {_flag(error.option)} {error.problem}\n")
    except ValueError as error:
        parser.exit(2, f"{prog}: {error}\n")
