"""Hypothesis strategies for what comes over the wire: any valid message, and what is none."""

from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from pipeline.messages import Drawn, encode

SMALLEST, LARGEST = -(2**63), 2**64 - 1  # integers that msgpack has
SMALL = 3  # numbers up to here are drawn often, for they name things that are there

SHARE = st.floats(0, 1)
DRAWN = st.builds(
    Drawn,
    f1=st.lists(st.dictionaries(st.integers(1, 1080), SHARE, min_size=1), min_size=1, max_size=2).map(tuple),
    scene_sd=st.floats(0, 3),
    second_sd=st.floats(0, 3),
    second_correlation=st.floats(0, 0.99),
)


def messages(kind: Any) -> st.SearchStrategy:
    """Valid messages of a type, or of a union of types; of this release."""
    return _values(inspect.type_info(kind))


def nonsense(kind: Any) -> st.SearchStrategy[list[bytes]]:
    """Parts of a message that may be nearly one of these, or nothing at all."""
    whole = messages(kind).map(encode)
    return st.lists(st.one_of(whole, _damaged(whole), st.binary(max_size=40), _anything()), max_size=4)


def _values(info: inspect.Type) -> st.SearchStrategy:
    match info:
        case inspect.IntType(ge=ge, le=le):
            low, high = SMALLEST if ge is None else ge, LARGEST if le is None else le
            return st.one_of(st.integers(max(low, -SMALL), min(high, SMALL)), st.integers(low, high))
        case inspect.FloatType(ge=least, le=most):
            return st.floats(least, most, allow_nan=False)
        case inspect.StrType(max_length=longest):
            return st.text(max_size=12 if longest is None else min(longest, 12))
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.EnumType(cls=enum):
            return st.sampled_from(list(enum))
        case inspect.VarTupleType(item_type=item, max_length=longest):
            return st.lists(_values(item), max_size=3 if longest is None else min(longest, 3)).map(tuple)
        case inspect.TupleType(item_types=items):
            return st.tuples(*map(_values, items))
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_values(key), _values(value), max_size=2)
        case inspect.UnionType(types=types):
            return st.one_of(*map(_values, types))
        case inspect.StructType():
            return _structs(info)
    raise AssertionError(f"no strategy for {info}")


def _structs(info: inspect.StructType) -> st.SearchStrategy:
    if info.cls is Drawn:  # which checks what it is made of
        return DRAWN
    fields = [field for field in info.fields if field.name != "protocol"]
    return st.fixed_dictionaries(
        {field.name: _values(field.type) for field in fields if field.required},
        optional={field.name: _values(field.type) for field in fields if not field.required},
    ).map(lambda values: info.cls(**values))


@st.composite
def _damaged(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Some bytes of it are others, or it is cut off."""
    data = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


def _anything() -> st.SearchStrategy[bytes]:
    """Any msgpack, in which the words of the protocol may stand."""
    leaf = st.one_of(
        st.none(), st.booleans(), st.integers(SMALLEST, LARGEST), st.floats(), st.text(max_size=4)
    )
    tree = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
        ),
        max_leaves=8,
    )
    return tree.map(msgspec.msgpack.encode)


WORDS = ("type", "protocol", "id", "n", "shape", "dtype", "boxes", "episode", "levels", "frames", "received")
