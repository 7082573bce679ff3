"""The figures in the files that programs leave, all of one shape: columns by name, by what they are of."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tests.golden.programs import COMPARISON, RUNS, STUDY, TRAININGS

Columns = dict[str, list[Any]]
Figures = dict[str, Columns]

WALL_CLOCK = ("ended_s", "decision_ms", "learning_ms", "cpu_share", "wall_s")  # what a machine took for it
IDENTITY = (  # what a result depends on
    *("spec_hash", "config_hash", "code_hash", "run_hash", "git_commit", "releases", "machine"),
    *("sweep", "command"),  # who played it
)


def read(results: Path) -> tuple[Figures, Figures]:
    """Return (all but traces, traces) of what `tests.golden.programs` left."""
    figures, traces = {}, {}
    for summary in sorted((results / RUNS).rglob("summary.json")):
        facts = json.loads(summary.read_text(encoding="utf-8"))
        title = "run " + ", ".join(str(facts[name]) for name in ("agent", "hardware", "scenario", "seed"))
        figures[title] = kept({name: [value] for name, value in flat(facts)})
        trace = pd.read_parquet(summary.parent / "trace.parquet")
        traces[f"trace of {title}"] = kept({str(name): trace[name].tolist() for name in trace})
    for folder in (COMPARISON, STUDY):
        for path in sorted((results / folder).glob("*.csv")):
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            figures[f"{folder}/{path.name}"] = kept({str(name): table[name].tolist() for name in table})
    for summary in (results / TRAININGS).rglob("summary.json"):
        facts = json.loads(summary.read_text(encoding="utf-8"))
        figures["training"] = kept({name: [value] for name, value in flat(facts)})
        progress = pd.read_json(summary.with_name("progress.jsonl"), lines=True, precise_float=True)
        figures["training, progress"] = kept({str(name): progress[name].tolist() for name in progress})
    return dict(sorted(figures.items())), dict(sorted(traces.items()))


def flat(nested: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield (dotted name, value) of everything in mappings and lists."""
    if not isinstance(nested, dict | list):
        yield prefix.removesuffix("."), nested
        return
    for name, value in nested.items() if isinstance(nested, dict) else enumerate(nested):
        yield from flat(value, f"{prefix}{name}.")


def kept(columns: Columns) -> Columns:
    """Return the columns that must be the same everywhere; NaN is "nan", so that it equals itself."""
    return {
        name: [text if (text := str(value)) == "nan" else value for value in values]
        for name, values in columns.items()
        if not name.startswith(WALL_CLOCK) and name.partition(".")[0] not in IDENTITY
    }


def differences(before: Mapping[str, Columns], now: Mapping[str, Columns]) -> list[str]:
    """Return a line for each thing whose recorded figures are not what they are now: where they part first.

    Figures that are new are no difference.
    """
    return [line for title in before if (line := difference(title, before[title], now.get(title)))]


def difference(title: str, before: Columns, now: Columns | None) -> str:
    """Return where the columns of one thing part first; "" = nowhere."""
    if now is None:
        return f"{title}: there is none now"
    missing = [name for name in before if name not in now]
    if missing:
        return f"{title}: there is no {', '.join(missing)} now"
    parted = {name: at for name in before if (at := first_unlike(before[name], now[name])) is not None}
    if not parted:
        return ""
    row = min(parted.values())
    first = [name for name, at in parted.items() if at == row]
    values = "; ".join(
        f"{name} {value_at(before[name], row)} then, {value_at(now[name], row)} now" for name in first[:3]
    )
    others = f", and {len(first) - 3} others" if len(first) > 3 else ""
    return f"{title}, {'step' if 'step' in before else 'row'} {row}: {values}{others}"


def first_unlike(before: list[Any], now: list[Any]) -> int | None:
    """Return the first place in which two columns differ, all digits counted; None = they do not."""
    unlike = (i for i, (then, value) in enumerate(zip(before, now, strict=False)) if then != value)
    shorter = min(len(before), len(now))
    return next(unlike, None if len(before) == len(now) else shorter)


def value_at(column: list[Any], row: int) -> str:
    """Return a value with all its digits."""
    return repr(column[row]) if row < len(column) else "nothing"
