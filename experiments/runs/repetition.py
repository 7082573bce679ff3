"""Whether two runs are the same: their traces bit for bit, and what they depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.runs.trace import WALL_CLOCK

NOTHING = "nothing"  # as a value: there is none


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two traces part.

    Attributes:
        step: the first in which they do, from 0.
        column: the first that does so in that step.
        before, now: the values; `NOTHING` where a trace has no such column or step.
    """

    step: int
    column: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"step {self.step}, {self.column}: {self.before} then, {self.now} now"


def first_difference(before: pd.DataFrame, now: pd.DataFrame) -> Difference | None:
    """Where two traces part, None if they do nowhere; columns of `WALL_CLOCK` are not looked at.

    Numbers are equal if all their bits are, or if both are not a number.

    Args:
        before, now: one row per control interval; columns as `experiments.runs.trace.row_of` has them.
    """
    columns = [name for name in dict.fromkeys([*before, *now]) if name not in WALL_CLOCK]
    for name in columns:
        for trace in (before, now):
            if name not in trace:
                found = [NOTHING if one is trace else text_of(one[name].iloc[0]) for one in (before, now)]
                return Difference(0, name, *found)
    n = min(len(before), len(now))
    differ = {
        name: np.flatnonzero(unlike(np.asarray(before[name])[:n], np.asarray(now[name])[:n]))
        for name in columns
    }
    places = [(int(steps[0]), i) for i, steps in enumerate(differ.values()) if steps.size]
    if places:
        step, i = min(places)
        name = columns[i]
        return Difference(step, name, text_of(before[name].iloc[step]), text_of(now[name].iloc[step]))
    if len(before) == len(now):
        return None
    ends = [text_of(trace["step"].iloc[n]) if len(trace) > n else NOTHING for trace in (before, now)]
    return Difference(n, "step", *ends)


def unlike(before: NDArray[Any], now: NDArray[Any]) -> NDArray[np.bool_]:
    """Where two columns of equal length differ, shape (n,); a whole number may be stored as either kind."""
    kinds = {before.dtype.kind, now.dtype.kind}
    if kinds <= set("biu"):
        return before != now
    if kinds <= set("biuf"):
        one, other = before.astype(np.float64), now.astype(np.float64)
        return (one.view(np.uint64) != other.view(np.uint64)) & ~(np.isnan(one) & np.isnan(other))
    return np.array(
        [text_of(old) != text_of(new) for old, new in zip(before, now, strict=True)], dtype=np.bool_
    )


def text_of(value: Any) -> str:
    """A value with all its digits."""
    plain = value.item() if isinstance(value, np.generic) else value
    return NOTHING if plain is None else str(plain)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a result depends on beside its configuration and its seed, then and now.

    Attributes:
        code_differs: None = what it was then is not recorded.
        changes: in words, what is another than it was then: code, commit, releases, machine.
    """

    code_differs: bool | None
    changes: tuple[str, ...]


def circumstances(before: Mapping[str, Any], now: Mapping[str, Any]) -> Circumstances:
    """Of two runs, by their summaries."""
    changes = []
    then, today = before.get("code_hash"), now["code_hash"]
    if then != today:
        changes.append(f"the code that decides the result: {then or 'not recorded'} then, {today} now")
    if before.get("git_commit") != now["git_commit"]:
        changes.append(f"git commit: {before.get('git_commit')} then, {now['git_commit']} now")
    for what, name in (("release of", "releases"), ("machine,", "machine")):
        old, new = before.get(name) or {}, now[name]
        changes += [
            f"{what} {key}: {old[key]} then, {new.get(key, 'none')} now"
            for key in old
            if old[key] != new.get(key)
        ]
        if not old:
            changes.append(f"{name}: not recorded then")
    return Circumstances(None if then is None else then != today, tuple(changes))
