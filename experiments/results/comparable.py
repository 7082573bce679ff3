"""What cannot be compared is refused: runs that were judged by other knobs, objectives or thresholds.

What an observation has and how it is judged must be the same everywhere. One thing may be another from cell
to cell, never within one: what a level is worth, where a hardware profile brings measured accuracies.
Nor are figures pooled of what was found in reality and of what was drawn in its place.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from envs.spec import OF_DETECTIONS, ElasticitySpec, Quality
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted
from experiments.results.naming import Fields, flat, text_of
from experiments.results.run_row import SPEC, Cell, Runs
from experiments.runs.provenance import digest

WORTH = ".value"  # of a knob: depends on the hardware's accuracy
LADDERS = ("fps_levels", "heights_px", "width", "height", "source_fps")  # of a video: its knobs' levels
MOST_FIELDS = 4  # that a refusal goes through
DETECTIONS = "detections"  # real and emulated ones are not the same finding
TELLING = ("slo", "video", "detector", "env", "hardware", "scenario", DETECTIONS, "git_commit", SPEC)

ByValue = dict[Hashable, Runs]  # the runs of each value of a field


def check_comparable(cells: Sequence[Cell]) -> None:
    """Raise ConfigError, which names fields, values and runs, unless all runs were judged alike."""
    for cell in cells:
        if cell.runs[SPEC].nunique() > 1:
            raise ConfigError(refusal({SPEC: dict(iter(cell.runs.groupby(SPEC)))}, f" in {cell.name}"))
    if len({cell.first[SPEC] for cell in cells}) > 1 and (found := differences(cells)):
        raise ConfigError(refusal(found, ""))
    if len(kinds := kinds_of(cells)) > 1:
        raise ConfigError(refusal({DETECTIONS: kinds}, ""))


def kinds_of(cells: Sequence[Cell]) -> ByValue:
    """Return the runs of the real pipeline that are judged by what is found, by what that is."""
    by_kind: ByValue = {}
    for cell in cells:
        qoe = cell.first["config"].get("qoe", {}).get("by")
        if cell.is_real and qoe in {quality.name for quality in OF_DETECTIONS}:
            kind = cell.first[DETECTIONS]
            by_kind[kind] = pd.concat([by_kind[kind], cell.runs]) if kind in by_kind else cell.runs
    return by_kind


def differences(cells: Sequence[Cell]) -> dict[str, ByValue]:
    """Return, by its name, each field of what cells are judged by that differs though it may not."""
    specs = [present_spec(cell) for cell in cells]
    by_field: dict[tuple[str, str], ByValue] = {}
    for cell, spec in zip(cells, specs, strict=True):
        fields = config_fields(cell.first) if spec is None or None in specs else spec_fields(spec)
        accuracy = digest({"accuracy": cell.first["config"]["hardware"].get("accuracy")})
        for name, value in fields.items():
            may_differ = name == SPEC or name.endswith(WORTH)
            by_value = by_field.setdefault((name, accuracy if may_differ else ""), {})
            by_value[value] = pd.concat([by_value[value], cell.runs]) if value in by_value else cell.runs
    found = {name: by_value for (name, _), by_value in by_field.items() if len(by_value) > 1}
    return {name: by_value for name, by_value in found.items() if name != SPEC} or found


def present_spec(cell: Cell) -> ElasticitySpec | None:
    """Return what its runs were judged by, if this code builds the very same again."""
    world = cell.world
    if isinstance(world, ConfigError) or world.spec.hash != cell.first[SPEC]:
        return None
    return world.spec


def spec_fields(spec: ElasticitySpec) -> Fields:
    """Return the fields of knobs, objectives and further metrics, by their names."""
    named = {f"knob.{knob.name}": asdict(knob) for knob in spec.knobs}
    named |= {f"slo.{slo.metric}": asdict(slo) for slo in spec.slos}
    named |= {f"metric.{metric.name}": asdict(metric) for metric in spec.metrics}
    return flat({**named, "qoe.by": spec.quality.name})


def config_fields(row: Mapping[Any, Any]) -> Fields:
    """Return those of a configuration, as far as that says them; and the spec's hash, which says the rest."""
    slo, video = row["config"]["slo"], row["config"]["video"]
    named: dict[str, Any] = {f"slo.{one['metric']}": one for one in slo["slos"]}
    qoe = row["config"].get("qoe", {"weights": slo.get("qoe_weights", {})})  # where former runs have them
    named |= {f"knob.{knob}.weight": weight for knob, weight in qoe.get("weights", {}).items()}
    named |= {"qoe.by": qoe.get("by", slo.get("qoe", Quality.KNOBS.name))}
    named |= {f"video.{key}": video[key] for key in LADDERS if key in video}
    return {**flat({**named, "detector.grades": row["config"]["detector"]["grades"]}), SPEC: row[SPEC]}


def refusal(found: Mapping[str, ByValue], inside: str) -> str:
    """Return the sentence: what differs, in which runs, and what to do about it."""

    def rank(item: tuple[Hashable, Runs]) -> tuple[int, str]:
        return len(item[1]), item[1]["begun"].max()  # of as many runs, the newest

    ranked = {field: sorted(by_value.items(), key=rank, reverse=True) for field, by_value in found.items()}
    told = [
        f"{field} is {', '.join(said(field, value, runs) for value, runs in values)}"
        for field, values in ranked.items()
    ]
    if len(told) > MOST_FIELDS:
        told[MOST_FIELDS:] = [f"and {counted(len(told) - MOST_FIELDS, 'further field')}"]
    (_, most), *others = next(iter(ranked.values()))
    hint = advice(most, pd.concat([runs for _, runs in others]))
    return f"these runs were not judged alike{inside}, so no figure can be of all: {'; '.join(told)}; {hint}"


def said(field: str, value: Hashable, runs: Runs) -> str:
    """Write "1 in 40 runs (results/main/A, ...)"."""
    more = ", ..." if len(runs) > 1 else ""
    return f"{text_of(field, value)} in {counted(len(runs), 'run')} ({runs['place'].iloc[0]}{more})"


def advice(most: Runs, rest: Runs) -> str:
    """Say how to choose the most runs that are alike."""
    for fact in TELLING:
        kept = sorted(set(most[fact]))
        if not set(kept) & set(rest[fact]):
            query = f"{fact} == '{kept[0]}'" if len(kept) == 1 else f"{fact} in {kept}"
            return f'choose, for example with where="{query}"'
    return "compare them one by one"
