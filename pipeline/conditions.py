"""What a supervisor tells a running worker: how its device and its link are from now on.

One line of JSON on the worker's standard input, e.g. {"slowdown":2.0,"mbit_s":50.0}. A line says all of it:
what it leaves out is as it was at the start. A line that is something else is logged and ignored.
"""

from typing import Annotated

import msgspec
from msgspec import Meta


class Conditions(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a worker's device and link are.

    Attributes:
        slowdown: service times are this many times those of the device, >= 1.
        mbit_s: of its link, each way, > 0; None = as the worker was started.
    """

    slowdown: Annotated[float, Meta(ge=1)] = 1.0
    mbit_s: Annotated[float, Meta(gt=0)] | None = None


AS_STARTED = Conditions()

_decode = msgspec.json.Decoder(Conditions).decode


def line_of(conditions: Conditions) -> bytes:
    """As `conditions_of` reads it, with the end of the line."""
    return msgspec.json.encode(conditions) + b"\n"


def conditions_of(line: bytes) -> Conditions:
    """Raises ValueError: it is not a line of `line_of`'s."""
    try:
        return _decode(line)
    except msgspec.DecodeError as error:
        raise ValueError(
            f'expected a line like {{"slowdown":2.0,"mbit_s":50.0}}, got {line!r}: {error}'
        ) from None
