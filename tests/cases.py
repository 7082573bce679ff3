"""Which cases of a test are for every day, and which for the night."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest


def nightly_but(ordinary: Iterable[Any], cases: Iterable[Any]) -> list[Any]:
    """Every case as a parameter of a test, of which `make test` has the ordinary ones only."""
    chosen, known = list(ordinary), list(cases)
    assert all(case in known for case in chosen)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if case in chosen else pytest.mark.nightly,
        )
        for case in known
    ]


def each_once(*groups: Sequence[Any]) -> list[tuple[Any, ...]]:
    """So many combinations that every value of every group occurs: as many as the longest one has."""
    return [tuple(group[i % len(group)] for group in groups) for i in range(max(map(len, groups)))]
