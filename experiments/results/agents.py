"""Who took part: agents under their names, and their variants under what their configurations differ in."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from experiments.results.naming import additions, flat
from experiments.results.run_row import CHECKPOINT, Candidate
from experiments.runs.provenance import digest


def named_agents(candidates: Sequence[Candidate]) -> tuple[list[str], list[str]]:
    """The entrant of each run, and notes on those whose names do not say what they are.

    An agent that had one configuration goes by its own name; one that had several, as "rule-target=0.8".
    """
    own = [
        values_of(candidate, several)
        for candidate, several in zip(candidates, retrained(candidates), strict=True)
    ]
    by_agent: dict[str, dict[str, Mapping[str, Hashable]]] = {}
    for candidate, values in zip(candidates, own, strict=True):
        by_agent.setdefault(candidate.agent, {})[digest(values)] = flat(values)
    names: dict[tuple[str, str], str] = {}
    notes = []
    for agent, variants in by_agent.items():
        for key, addition in zip(variants, additions(list(variants.values())), strict=True):
            names[agent, key] = f"{agent}-{addition.text}" if addition.text else agent
            if not addition.is_told:
                notes.append(
                    f"{names[agent, key]} is {agent} with {addition.full or 'nothing of the others'}."
                )
    return [
        names[candidate.agent, digest(values)] for candidate, values in zip(candidates, own, strict=True)
    ], notes


def retrained(candidates: Sequence[Candidate]) -> list[bool]:
    """Per run, whether its agent had several checkpoints for one spec.

    A learned agent has a checkpoint per spec; where that is all, they are no variants of it.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for candidate in candidates:
        by_spec = found.setdefault(candidate.agent, {})
        by_spec.setdefault(candidate.facts["spec_hash"], set()).add(str(candidate.values.get(CHECKPOINT)))
    return [any(len(paths) > 1 for paths in found[candidate.agent].values()) for candidate in candidates]


def values_of(candidate: Candidate, with_checkpoint: bool) -> dict[str, Any]:
    """What makes an entrant."""
    return {key: value for key, value in candidate.values.items() if with_checkpoint or key != CHECKPOINT}
