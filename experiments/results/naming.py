"""Names that say what is different: of several configurations, only the values that tell them apart."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.results.run_row import ELSEWHERE, SPEC, WORLD, Runs, world_of
from experiments.runs.provenance import digest
from experiments.runs.summary import dotted

LONGEST = 48  # characters that are added to a name; more become a hash
TARGET = "_target_"
CHECKPOINT = "checkpoint"
OURS = "default"  # the SLOs that a cell's name does not mention


def named_agents(runs: Runs) -> tuple[list[str], list[str]]:
    """Return the name of each run's agent variant, and notes on those that do not say what they are.

    An agent that had one configuration goes by its own name; one that had several, as "rule-target=0.8". Of a
    checkpoint only the file's name counts, for folders move; and a learned agent has a checkpoint per spec:
    where that is all, they are no variants of it.
    """
    made_of = [dict(config["agent"]) for config in runs["config"]]
    checkpoints = pd.Series([Path(own.pop(CHECKPOINT, None) or "").name for own in made_of], runs.index)
    n_of_spec: Runs = checkpoints.groupby([runs["agent"], runs[SPEC]]).transform("nunique")
    retrained = set(runs.loc[n_of_spec > 1, "agent"])
    for agent, own, checkpoint in zip(runs["agent"], made_of, checkpoints, strict=True):
        if agent in retrained:
            own[CHECKPOINT] = checkpoint
    return _names(list(runs["agent"]), made_of, "-")


def named_cells(runs: Runs) -> tuple[list[str], list[str]]:
    """Return the name of each run's cell, and notes on names that do not say what they are.

    It is hardware/scenario, /SLOs unless they are the default, and options and values that are not the same.
    """
    worlds = runs.drop_duplicates("world")
    slo = worlds["slo"].where(~worlds["slo"].isin((OURS, *ELSEWHERE)), "")
    places = worlds["hardware"] + "/" + worlds["scenario"] + ("/" + slo).where(slo != "", "")
    stems = places.copy()
    for place, alike in worlds.groupby(places):
        if groups := [group for group in WORLD if alike[group].nunique() > 1]:
            options = [",".join(f"{group}={row[group]}" for group in groups) for _, row in alike.iterrows()]
            stems[alike.index] = [f"{place}/{text}" for text in options]
    names, notes = _names(list(stems), [world_of(row) for _, row in worlds.iterrows()], "/")
    by_world = dict(zip(worlds["world"], names, strict=True))
    return [by_world[world] for world in runs["world"]], notes


def _names(stems: Sequence[str], values: Sequence[dict[str, Any]], joint: str) -> tuple[list[str], list[str]]:
    """Return a name per thing: its stem, and what tells its values from others' of this stem; and notes."""
    keys = [digest(own) for own in values]
    by_stem: dict[str, dict[str, dict[str, Hashable]]] = {}
    for stem, key, own in zip(stems, keys, values, strict=True):
        by_stem.setdefault(stem, {})[key] = dotted(own)
    names, notes = {}, []
    for stem, variants in by_stem.items():
        fields = dict.fromkeys(field for own in variants.values() for field in own)
        apart = [field for field in fields if len({own.get(field) for own in variants.values()}) > 1]
        texts = {
            key: ",".join(said(field, own[field]) for field in apart if field in own)
            for key, own in variants.items()
        }
        for key, text in texts.items():
            names[stem, key] = stem
            if len(variants) > 1:
                is_plain = 0 < len(text) <= LONGEST and list(texts.values()).count(text) == 1
                name = f"{stem}{',' if '=' in stem else joint}{text if is_plain else key[:6]}"
                names[stem, key] = name
                notes += [] if is_plain else [f"{name} is {stem} with {text or 'nothing of the others'}."]
    return [names[pair] for pair in zip(stems, keys, strict=True)], notes


def said(key: str, value: Hashable) -> str:
    """Write "target=0.8"; a class speaks for itself."""
    text = text_of(value)
    return text.rpartition(".")[2] if key.endswith(TARGET) else f"{key}={text}"


def text_of(value: Hashable) -> str:
    """Write a value as short as it can be told; of a path, its last part."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return f"[{' '.join(map(text_of, value))}]"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(value).rstrip("/").rpartition("/")[2]
