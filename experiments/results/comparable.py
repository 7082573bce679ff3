"""What cannot be compared is refused: runs that were judged by other knobs, objectives or thresholds.

What an observation has and how it is judged must be the same everywhere. One thing may be another from cell
to cell, never within one: what settings are worth, where the accuracy of what is found in them is another.
Nor are figures pooled of what was found in reality and of what was drawn in its place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from envs.spec import OF_DETECTIONS, Quality
from experiments.program.console import counted
from experiments.program.errors import ConfigError
from experiments.results.naming import flat, text_of
from experiments.results.run_row import SPEC, Cell, Runs
from experiments.runs.provenance import digest

LADDERS = ("fps_levels", "heights_px", "width", "height", "source_fps")  # of a video: its knobs' levels
MOST_FIELDS = 4  # that a refusal goes through
DETECTIONS = "detections"  # real and emulated ones are not the same finding
BY_DETECTIONS = [quality.name for quality in OF_DETECTIONS]
TELLING = ("slo", "video", "detector", "env", "hardware", "scenario", DETECTIONS, "git_commit", SPEC)


def check_comparable(cells: Sequence[Cell]) -> None:
    """Raise ConfigError, which names fields, values and runs, unless all runs were judged alike."""
    for cell in cells:
        refuse_others(cell.runs, [SPEC], f" in {cell.name}")
    runs: Runs = pd.concat([cell.runs for cell in cells])
    if runs[SPEC].nunique() > 1:
        judged = pd.DataFrame.from_dict(
            {cell.name: judged_by(cell.first["config"]) for cell in cells}, orient="index"
        )
        refuse_others(runs.join(judged, on="cell"), list(judged))
        accuracies = {cell.name: accuracy_of(cell.first["config"]) for cell in cells}
        for _, alike in runs.groupby(runs["cell"].map(accuracies)):
            refuse_others(alike, [SPEC])  # the fields do not say all that a spec has
    by_detections = runs["config"].map(lambda config: qoe_of(config)["by"] in BY_DETECTIONS)
    refuse_others(runs[(runs["env"] == "pipeline") & by_detections], [DETECTIONS])


def judged_by(config: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run was judged by, as far as its configuration says that, each field as a text."""
    qoe = qoe_of(config)
    named: dict[str, Any] = {f"slo.{one['metric']}": one for one in config["slo"]["slos"]}
    named |= {f"knob.{knob}.weight": weight for knob, weight in qoe.get("weights", {}).items()}
    named |= {f"video.{key}": config["video"][key] for key in LADDERS if key in config["video"]}
    named |= {"qoe.by": qoe["by"], "detector.grades": config["detector"]["grades"]}
    return {name: text_of(value) for name, value in flat(named).items()}


def accuracy_of(config: Mapping[str, Any]) -> str:
    """Return a digest of what detections are worth, wherever a release has written it."""
    return digest({"now": config.get("accuracy"), "formerly": config["hardware"].get("accuracy")})


def qoe_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what quality is judged by, likewise."""
    slo = config["slo"]
    formerly = {"by": slo.get("qoe", Quality.KNOBS.name), "weights": slo.get("qoe_weights", {})}
    return formerly | config.get("qoe", {})


def refuse_others(runs: Runs, fields: Sequence[str], where: str = "") -> None:
    """Raise ConfigError if a column has several values: what differs, in which runs, what to do about it."""
    apart = [field for field in fields if runs[field].nunique() > 1]
    if not apart:
        return
    ranked = {  # first the value of most runs, of as many that of the newest
        field: sorted(runs.groupby(field), key=lambda own: (len(own[1]), own[1]["begun"].max()), reverse=True)
        for field in apart
    }
    told = [
        f"{field} is {', '.join(f'{value} in {told_of(own)}' for value, own in values)}"
        for field, values in ranked.items()
    ]
    if len(told) > MOST_FIELDS:
        told[MOST_FIELDS:] = [f"and {counted(len(told) - MOST_FIELDS, 'further field')}"]
    (_, most), *others = ranked[apart[0]]
    hint = advice(most, pd.concat([own for _, own in others]))
    raise ConfigError(
        f"these runs were not judged alike{where}, so no figure can be of all: {'; '.join(told)}; {hint}"
    )


def told_of(runs: Runs) -> str:
    """Write "40 runs (results/main/A, ...)"."""
    return f"{counted(len(runs), 'run')} ({runs['place'].iloc[0]}{', ...' if len(runs) > 1 else ''})"


def advice(most: Runs, rest: Runs) -> str:
    """Say how to choose the most runs that are alike."""
    for fact in TELLING:
        kept = sorted(set(most[fact]))
        if not set(kept) & set(rest[fact]):
            query = f"{fact} == '{kept[0]}'" if len(kept) == 1 else f"{fact} in {kept}"
            return f'choose, for example with where="{query}"'
    return "compare them one by one"
