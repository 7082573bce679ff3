"""Values for checkpoints, as bytes: dataclasses and named tuples of figures, of arrays, and of each other."""

from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")


def packed(value: Any) -> NDArray[np.uint8]:
    """Return a value as bytes, to be read by `unpacked`."""
    return np.frombuffer(msgspec.msgpack.encode(value, enc_hook=_plain), np.uint8)


def unpacked(kind: type[Value], data: NDArray[np.uint8]) -> Value:
    """Return the value of this kind that `packed` was given. Raises msgspec.ValidationError: it is none."""
    return msgspec.msgpack.decode(data.tobytes(), type=kind, dec_hook=_array)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    array = np.asarray(value)
    return array.dtype.str, array.shape, array.tobytes()


def _array(_: type, parts: Any) -> NDArray[Any]:
    dtype, shape, data = parts
    return np.frombuffer(data, dtype).reshape(shape).copy()
