"""Whether two runs are the same: their traces bit for bit, and what they depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pandas as pd

from experiments.runs.trace import WALL_CLOCK


def first_difference(before: pd.DataFrame, now: pd.DataFrame) -> str:
    """Say where two traces part: in which step, and there in which column first; "" if they do nowhere.

    Args:
        before, now: one row per control interval; columns as `experiments.runs.trace.row_of` has them, of
            which those of `WALL_CLOCK` are not looked at.
    """
    columns = [name for name in dict.fromkeys([*before, *now]) if name not in WALL_CLOCK]
    rows = zip_longest(before.to_dict("records"), now.to_dict("records"), fillvalue={})
    for step, (then, today) in enumerate(rows):
        for name in columns:
            old, new = then.get(name), today.get(name)
            if (name in then) != (name in today) or not are_alike(old, new):
                told = ("nothing" if value is None else value for value in (old, new))
                return f"step {step}, {name}: {' then, '.join(map(str, told))} now"
    return ""


def are_alike(old: Any, new: Any) -> bool:
    """Return whether two values are equal: numbers to the last bit, as a whole number or not, or both NaN."""
    if isinstance(old, int | float) and isinstance(new, int | float):
        return float(old).hex() == float(new).hex() and (old == new or old != old)
    return str(old) == str(new)


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
    """Hold two runs against each other, by their summaries."""
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
