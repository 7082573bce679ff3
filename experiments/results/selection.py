"""Which runs of a collection count: those that were asked for, that came to their own end, each once."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from experiments.program.errors import ConfigError
from experiments.program.formatting import counted
from experiments.results.naming import flat
from experiments.results.run_row import Candidate
from experiments.statistics.caveats import listed

Noted = tuple[list[Candidate], list[str]]  # runs that are left, and what a reader must know of the others


def chosen(candidates: Sequence[Candidate], where: str) -> Noted:
    """Those for which a query in pandas' words is true; all of them if it is "".

    Raises:
        ConfigError: it is no such query, or true for none.
    """
    if not where:
        return list(candidates), []
    table = facts_table(candidates)
    try:
        truths = table.eval(where, engine="python")
    except Exception as error:  # pandas raises whatever its parser, or the comparison, comes upon
        raise ConfigError(f"where={where!r} is no query: {complaint(error)}; {known(table)}") from error
    if not (isinstance(truths, pd.Series) and truths.dtype == bool):
        raise ConfigError(f"where={where!r} must be true or false for each run, such as agent == 'aif'")
    kept = [candidate for candidate, is_true in zip(candidates, truths, strict=True) if is_true]
    if not kept:
        raise ConfigError(
            f"where={where!r} is true for none of {counted(len(candidates), 'run')}; {seen(table)}"
        )
    return kept, [f"Chosen by {where}: {len(kept)} of {counted(len(candidates), 'run')}."]


def facts_table(candidates: Sequence[Candidate]) -> pd.DataFrame:
    """One row per run: its facts, and its whole configuration by dotted keys."""
    return pd.DataFrame([row_of(candidate) for candidate in candidates])


def row_of(candidate: Candidate) -> dict[str, Any]:
    """A run's facts; what came of it is not among them, for nobody should choose by that."""
    facts = {key: value for key, value in candidate.facts.items() if isinstance(value, str | int)}
    env = candidate.config["env"]
    own: dict[str, Any] = {name: env[name] for name in ("steps", "control_interval_s")}
    configured: dict[str, Hashable] = {
        key: value for key, value in flat(candidate.config).items() if "." in key
    }
    return {**configured, **facts, **own, "name": candidate.config.get("name", ""), "place": candidate.place}


def complaint(error: Exception) -> str:
    """On one line."""
    return " ".join(str(error).split()) or type(error).__name__


def known(table: pd.DataFrame) -> str:
    """What a query can be of."""
    plain = [str(name) for name in table.columns if "." not in str(name)]
    return f"runs have {', '.join(plain)}, and keys of their configuration, as in `env.decision_ms` > 0"


def seen(table: pd.DataFrame) -> str:
    """What there is, of what is asked for most."""
    found = (
        f"{name} in {sorted(set(table[name].astype(str)))}" for name in ("agent", "hardware", "scenario")
    )
    return f"there are {', '.join(found)}"


def finished(candidates: Sequence[Candidate]) -> Noted:
    """Those that came to their own end, with all that they began with. Raises ConfigError: there is none."""
    kept = [candidate for candidate in candidates if candidate.is_finished]
    left = [candidate for candidate in candidates if not candidate.is_finished]
    if not left:
        return kept, []
    counts = Counter(str(candidate.facts["status"]) for candidate in left)
    how = ", ".join(f"{n} {status}" for status, n in counts.most_common())
    said = f"{counted(len(left), 'run')} did not finish as planned ({how}): {listed([*map(fate, left)])}"
    if not kept:
        raise ConfigError(f"there is nothing to compare: {said}")
    return kept, [f"Left out: {said}."]


def fate(candidate: Candidate) -> str:
    """ "results/main/x (FAILED: why)"."""
    why = str(candidate.facts.get("error") or "").rstrip(".")
    return f"{candidate.place} ({candidate.facts['status']}{f': {why}' if why else ''})"


def newest(candidates: Sequence[Candidate], keys: Sequence[Hashable]) -> tuple[list[int], list[str]]:
    """Of those with equal keys the one that began last, as indices; and notes on the others."""
    best: dict[Hashable, int] = {}
    older: list[tuple[Candidate, Candidate]] = []  # and what counts instead
    n_again = 0
    for i in sorted(range(len(candidates)), key=lambda i: (candidates[i].begun, candidates[i].place)):
        if keys[i] in best:
            before = candidates[best[keys[i]]]
            if before.begun == candidates[i].begun:
                n_again += 1  # the same run, from two sources
            else:
                older.append((before, candidates[i]))
        best[keys[i]] = i
    notes = []
    if older:
        old, new = older[0]
        notes.append(
            f"Left out: {counted(len(older), 'run')} of the same agent, world and seed as a newer one, which "
            f"counts, the first {old.place} for {new.place}."
        )
    if n_again:
        notes.append(f"Found in more than one place, and counted once: {counted(n_again, 'run')}.")
    return sorted(best.values()), notes
