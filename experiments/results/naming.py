"""Names that say what is different: of several configurations, only the values that tell them apart."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from experiments.runs.provenance import digest

LONGEST = 48  # characters of a name's addition; a longer one becomes a hash
ABSENT = "none"
TARGET = "_target_"


class Addition(NamedTuple):
    """To a name.

    Attributes:
        text: what is added; a hash where it would be long, or another's.
        full: what tells the variant from the others, however long.
    """

    text: str
    full: str

    @property
    def is_told(self) -> bool:
        """Whether the name itself says what is different."""
        return self.text == self.full


def flat(value: Any, prefix: str = "") -> dict[str, Hashable]:
    """Plain nested values by dotted keys; lists of scalars stay together, as tuples."""
    if isinstance(value, Mapping) and value:
        items = value.items()
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        items = enumerate(value)
    else:
        return {prefix: _hashable(value)}
    found: dict[str, Hashable] = {}
    for name, item in items:
        found |= flat(item, f"{prefix}.{name}" if prefix else str(name))
    return found


def _hashable(value: Any) -> Hashable:
    if isinstance(value, list | tuple):
        return tuple(map(_hashable, value))
    return () if isinstance(value, Mapping) else value  # an empty one


def differing(variants: Sequence[Mapping[str, Hashable]]) -> list[str]:
    """Keys whose values are not the same in all of them, in the order in which they come."""
    keys = dict.fromkeys(key for variant in variants for key in variant)
    return [key for key in keys if len({variant.get(key) for variant in variants}) > 1]


def additions(variants: Sequence[Mapping[str, Hashable]]) -> list[Addition]:
    """What to add to a common name for each variant to have a name of its own: "target=0.8,oks=3".

    Args:
        variants: flat, all of them different.

    Returns:
        One each, empty for a variant that is alone.
    """
    keys = differing(variants)
    told = [",".join(said(key, variant[key]) for key in keys if key in variant) for variant in variants]
    return [
        Addition(text if is_short(text, told) or not keys else digest(variant)[:6], text)
        for text, variant in zip(told, variants, strict=True)
    ]


def is_short(text: str, all_texts: Sequence[str]) -> bool:
    """Whether it can be part of a name: something, not too much, and nobody else's."""
    return 0 < len(text) <= LONGEST and all_texts.count(text) == 1


def said(key: str, value: Hashable) -> str:
    """ "target=0.8"; a class speaks for itself."""
    text = text_of(key, value)
    return text if key.endswith(TARGET) else f"{key}={text}"


def text_of(key: str, value: Hashable) -> str:
    """A value as short as it can be told: of a path its last part, of a class its name."""
    match value:
        case None:
            return ABSENT
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case tuple():
            return f"[{' '.join(text_of(key, item) for item in value)}]"
        case str() if key.endswith(TARGET):
            return value.rpartition(".")[2]
        case str():
            return value.rstrip("/").rpartition("/")[2]
        case _:
            return str(value)
