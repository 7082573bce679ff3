"""Which values an option takes: declared where the option is, checked before anything starts."""

import itertools
import math
from dataclasses import dataclass, fields
from typing import Any


class OptionError(ValueError):
    """An option has a value that it cannot have.

    Attributes:
        option: its name.
        problem: the rest of the sentence that says so.
    """

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option} {problem}")
        self.option, self.problem = option, problem


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers that an option takes; NaN is none, and infinity only where it says so.

    Attributes:
        least: the lowest.
        most: the highest.
        is_open: whether `least` itself is too low.
        may_be_infinite: whether it may have no limit at all.
        ascend: whether several must be in ascending order, without repeats.
    """

    least: float = -math.inf
    most: float = math.inf
    is_open: bool = False
    may_be_infinite: bool = False
    ascend: bool = False

    def admit(self, number: float) -> bool:
        """Tell whether it is one of them."""
        is_high = number > self.least if self.is_open else number >= self.least
        return is_high and number <= self.most and (self.may_be_infinite or math.isfinite(number))

    def __str__(self) -> str:
        """Say what comes after "must be"."""
        kind = "a number" if self.may_be_infinite else "a finite number"
        if self.least == -math.inf:
            return kind
        if self.most == math.inf:
            return f"{kind} {'>' if self.is_open else '>='} {self.least:g}"
        return f"in {'(' if self.is_open else '['}{self.least:g}, {self.most:g}]"


ANY_FINITE = Bounds()


def check_value(options: type, name: str, value: Any) -> None:
    """Raise OptionError unless an option of a class of options can have this value.

    Args:
        options: a dataclass; the metadata of its fields may have `bounds`, and a `check`, which raises
            ValueError.
        name: of a field.
        value: of its type; a tuple is checked one by one.
    """
    option = next(field for field in fields(options) if field.name == name)
    bounds: Bounds = option.metadata.get("bounds", ANY_FINITE)
    numbers = [
        item
        for item in (value if isinstance(value, tuple) else (value,))
        if isinstance(item, int | float) and not isinstance(item, bool)
    ]
    for number in numbers:
        if not bounds.admit(number):
            raise OptionError(name, f"must be {bounds}, got {number}")
    if bounds.ascend and any(a >= b for a, b in itertools.pairwise(numbers)):
        raise OptionError(name, f"must ascend, got {' '.join(map(str, numbers))}")
    if "check" in option.metadata:
        try:
            option.metadata["check"](value)
        except ValueError as error:
            raise OptionError(name, f"cannot be taken: {error}") from error


def check_options(options: Any) -> None:
    """Raise OptionError unless every option has a value that it can have; see `check_value`."""
    for option in fields(options):
        check_value(type(options), option.name, getattr(options, option.name))
