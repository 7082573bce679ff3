"""What cannot be compared is refused: runs that were judged by other knobs, objectives or thresholds.

What an observation has and how it is judged must be the same everywhere. One thing may be another from cell
to cell, never within one: what settings are worth, where the accuracy of what is found in them is another.
Nor are figures pooled of what was found in reality and of what was drawn in its place.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from envs.spec import OF_DETECTIONS, Quality
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted
from experiments.results.naming import flat, text_of
from experiments.results.run_row import SPEC, Cell, Runs
from experiments.runs.provenance import digest

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
    by_detections = {quality.name for quality in OF_DETECTIONS}
    real = [cell for cell in cells if cell.is_real and qoe_of(cell.first["config"])["by"] in by_detections]
    if len(kinds := runs_by((cell.first[DETECTIONS], cell) for cell in real)) > 1:
        raise ConfigError(refusal({DETECTIONS: kinds}, ""))


def runs_by(values: Iterable[tuple[Hashable, Cell]]) -> ByValue:
    """Return the runs of all cells of each value."""
    found: dict[Hashable, list[Runs]] = {}
    for value, cell in values:
        found.setdefault(value, []).append(cell.runs)
    return {value: pd.concat(runs) for value, runs in found.items()}


def differences(cells: Sequence[Cell]) -> dict[str, ByValue]:
    """Return, by its name, each field of what cells are judged by that differs though it may not."""
    judged = [(cell, judged_by(cell.first)) for cell in cells]
    fields = {
        field: runs_by((own[field], cell) for cell, own in judged if field in own)
        for field in dict.fromkeys(field for _, own in judged for field in own)
    }
    found = {name: by_value for (name, _), by_value in fields.items() if len(by_value) > 1}
    return {name: by_value for name, by_value in found.items() if name != SPEC} or found


def judged_by(row: Mapping[Any, Any]) -> dict[tuple[str, str], Hashable]:
    """Return what a run was judged by, as far as its configuration says that; its spec's hash says the rest.

    Keys are a field's name, and where it must be the same: "" = everywhere, else in worlds of one accuracy.
    """
    config = row["config"]
    qoe = qoe_of(config)
    named: dict[str, Any] = {f"slo.{one['metric']}": one for one in config["slo"]["slos"]}
    named |= {f"knob.{knob}.weight": weight for knob, weight in qoe.get("weights", {}).items()}
    named |= {f"video.{key}": config["video"][key] for key in LADDERS if key in config["video"]}
    named |= {"qoe.by": qoe["by"], "detector.grades": config["detector"]["grades"]}
    accuracy = digest({"now": config.get("accuracy"), "formerly": config["hardware"].get("accuracy")})
    return {(name, ""): value for name, value in flat(named).items()} | {(SPEC, accuracy): row[SPEC]}


def qoe_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what quality is judged by, wherever a release has written it."""
    slo = config["slo"]
    formerly = {"by": slo.get("qoe", Quality.KNOBS.name), "weights": slo.get("qoe_weights", {})}
    return formerly | config.get("qoe", {})


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
