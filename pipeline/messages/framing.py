"""What all conversations share: how a message is framed, who speaks which protocol, what is refused.

A header is one msgpack map, tagged by its field `type`; an array is one raw buffer behind its header.
Nothing is pickled, and nothing is used before it was validated.

The first message between any two programs is a greeting, which names the protocol. Only a stranger's REGISTER
and STATUS may leave it out; who speaks another one is refused in a sentence that names both.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
from msgspec import Meta

PROTOCOL_VERSION = 3
MAX_HEADER_BYTES = 1 << 20
MAX_BUFFER_BYTES = 1 << 27  # a frame of 7680x4320x3 fits
MAX_BATCH = 64  # tasks of one reply
MAX_PARTS = 1 + 2 * MAX_BATCH
LABEL_CHARACTERS = 200
ITEM_BYTES = {
    dtype: np.dtype(dtype).itemsize
    for dtype in ("float32", "float64", "int16", "int32", "int64", "uint16", "uint8")
}

# bounded, so that what is made of several of them can be sent on: an integer of msgpack has 64 bits
MOST = 1 << 53
Count = Annotated[int, Meta(ge=0, le=MOST)]
Positive = Annotated[int, Meta(ge=1, le=MOST)]
Drawing = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]  # a seed; or an identity, 0 = none
Clock = Annotated[int, Meta(ge=-(1 << 58), le=1 << 58)]  # somebody's, in ns: nine years either way
Stamp = Annotated[int, Meta(ge=-(1 << 60), le=1 << 60)]  # a clock, or what a worker makes of two or three
Nanoseconds = Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]  # what a collector makes of such
MAX_STREAMS = 1000
StreamIndex = Annotated[int, Meta(ge=0, le=MAX_STREAMS - 1)]
Label = Annotated[str, Meta(max_length=LABEL_CHARACTERS)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]  # so that ns of it are an integer
Shape = Annotated[tuple[Count, ...], Meta(max_length=4)]
Buffer = bytes | memoryview


class ProtocolError(Exception):
    """A peer sent something that is not a valid message; the text says what."""


class OtherProtocolError(ProtocolError):
    """A peer is of another release; the text names both protocols."""


class ErrorCode(StrEnum):
    """What a peer can do about an ERROR."""

    NONE = ""
    UNREGISTERED = "UNREGISTERED"  # register first
    OTHER_PROTOCOL = "OTHER_PROTOCOL"  # nothing


class Message(msgspec.Struct, frozen=True, tag_field="type"):
    """Anything with a header of its own."""


class Greeting(Message, frozen=True, kw_only=True):
    """The first message between two programs."""

    protocol: int = PROTOCOL_VERSION

    if_unsaid: ClassVar[int] = 1  # the protocol of a peer that leaves it out: the first one did


class End(Message, frozen=True, tag="END"):
    """The transmission is over; shut down."""


class Error(Message, frozen=True, tag="ERROR"):
    """The request could not be served; the producer goes on."""

    reason: str
    code: str = ErrorCode.NONE  # or another, of a later release


class _Spoken(msgspec.Struct):
    """As much as can be read of a greeting of any release."""

    type: str
    protocol: int = 0


encode = msgspec.msgpack.Encoder().encode
_spoken = msgspec.msgpack.Decoder(_Spoken)


def decode(decoder: msgspec.msgpack.Decoder, part: Buffer) -> Any:
    """Decode a header. Raises ProtocolError."""
    if len(part) > MAX_HEADER_BYTES:
        raise ProtocolError(f"a header may have {MAX_HEADER_BYTES} bytes, got {len(part)}")
    try:
        return decoder.decode(part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"not a valid header: {error}") from None


def hear(decoder: msgspec.msgpack.Decoder, part: Buffer, us: str, peer: str) -> Any:
    """Decode a message of a peer whose release may be another; one of those need not even be decodable.

    Raises ProtocolError: it is not valid; OtherProtocolError if that is because of the release.
    """
    try:
        message = decode(decoder, part)
    except ProtocolError:
        _check_protocol(part, us, peer)
        raise
    if isinstance(message, Greeting):
        _check_protocol(part, us, peer)
    return message


def decode_alone(decoder: msgspec.msgpack.Decoder, parts: Sequence[Buffer], us: str, peer: str) -> Any:
    """Decode a message that is one header without buffers. Raises ProtocolError as `hear`."""
    if len(parts) != 1:
        raise ProtocolError(f"expected a message of 1 part, got {len(parts)}")
    return hear(decoder, parts[0], us, peer)


def check_array(dtype: str, shape: Sequence[int], n_bytes: int) -> None:
    """Raise ProtocolError unless a buffer of n_bytes can be an array of this dtype and shape."""
    itemsize = ITEM_BYTES.get(dtype)
    if itemsize is None:
        raise ProtocolError(f"dtype must be one of {', '.join(ITEM_BYTES)}, got {dtype!r}")
    expected = math.prod(shape) * itemsize
    if expected > MAX_BUFFER_BYTES:
        raise ProtocolError(f"an array may have {MAX_BUFFER_BYTES} bytes, {shape} of {dtype} has {expected}")
    if n_bytes != expected:
        raise ProtocolError(f"shape {tuple(shape)} of {dtype} takes {expected} bytes, got {n_bytes}")


def _check_protocol(part: Buffer, us: str, peer: str) -> None:
    try:
        spoken = decode(_spoken, part)
    except ProtocolError:
        return
    unsaid = {kind.__struct_config__.tag: kind.if_unsaid for kind in Greeting.__subclasses__()}
    protocol = spoken.protocol or unsaid.get(spoken.type, PROTOCOL_VERSION)
    if protocol != PROTOCOL_VERSION:
        ours = f"this {us} speaks protocol {PROTOCOL_VERSION} ({_release()})"
        raise OtherProtocolError(f"{ours}, the {peer} {protocol}: use one release")


def _release() -> str:
    from importlib.metadata import PackageNotFoundError, version  # a tenth of a second, for this error alone

    try:
        return f"elasticbench {version('elasticbench')}"
    except PackageNotFoundError:
        return "elasticbench, not installed"
