"""What cannot be compared is refused: runs that were judged by other knobs, objectives or thresholds.

What an observation has and how it is judged must be the same everywhere. One thing may be another from cell
to cell, never within one: what settings are worth, where the accuracy of what is found in them is another.
Nor are figures pooled of what was found in reality and of what was drawn in its place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from envs.spec import OF_DETECTIONS, Quality
from experiments.program.console import counted, listed
from experiments.program.errors import ConfigError
from experiments.results.naming import text_of
from experiments.results.run_row import SPEC, Cell, Runs
from experiments.runs.summary import dotted

LADDERS = ("fps_levels", "heights_px", "width", "height", "source_fps")  # of a video: its knobs' levels
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
        accuracies = [str([own.get("accuracy"), own["hardware"].get("accuracy")]) for own in runs["config"]]
        for _, alike in runs.groupby(accuracies):
            refuse_others(alike, [SPEC])  # the fields do not say all that a spec has
    by_detections = runs["config"].map(lambda config: qoe_of(config)["by"] in BY_DETECTIONS)
    refuse_others(runs[(runs["env"] == "pipeline") & by_detections], [DETECTIONS])


def judged_by(config: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run was judged by, as far as its configuration says that, each field as a text."""
    qoe = qoe_of(config)
    named: dict[str, Any] = {f"slo.{one['metric']}": one for one in config["slo"]["slos"]}
    named |= {f"knob.{knob}.weight": weight for knob, weight in qoe["weights"].items()}
    named |= {f"video.{key}": config["video"][key] for key in LADDERS if key in config["video"]}
    named |= {"qoe.by": qoe["by"], "detector.grades": config["detector"]["grades"]}
    return {name: text_of(value) for name, value in dotted(named).items()}


def qoe_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what quality is judged by, wherever a release has written it."""
    return config.get("qoe") or {"by": Quality.KNOBS.name, "weights": config["slo"]["qoe_weights"]}


def refuse_others(runs: Runs, fields: Sequence[str], where: str = "") -> None:
    """Raise ConfigError if a column has several values: what differs, in which runs, what to do about it."""
    apart = [field for field in fields if runs[field].nunique() > 1]
    if not apart:
        return
    newest_first = runs.sort_values("begun", ascending=False)
    ranked = {  # first the value of most runs, of as many that of the newest
        name: sorted(newest_first.groupby(name, sort=False), key=lambda own: -len(own[1])) for name in apart
    }

    def told(value: Any, own: Runs) -> str:
        more = ", ..." if len(own) > 1 else ""
        return f"{value} in {counted(len(own), 'run')} ({own['place'].iloc[0]}{more})"

    fields = [f"{field} is {', '.join(told(*own) for own in values)}" for field, values in ranked.items()]
    (_, most), *others = ranked[apart[0]]
    hint = advice(most, pd.concat([own for _, own in others]))
    raise ConfigError(
        f"these runs were not judged alike{where}, so no figure can be of all: {listed(fields)}; {hint}"
    )


def advice(most: Runs, rest: Runs) -> str:
    """Say how to choose the most runs that are alike."""
    for fact in TELLING:
        kept = sorted(set(most[fact]))
        if not set(kept) & set(rest[fact]):
            query = f"{fact} == '{kept[0]}'" if len(kept) == 1 else f"{fact} in {kept}"
            return f'choose, for example with where="{query}"'
    return "compare them one by one"
