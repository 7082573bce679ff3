"""What cannot be compared is refused: runs that were judged by other knobs, objectives or thresholds.

What an observation has and how it is judged must be the same everywhere. One thing may be another from cell
to cell, never within one: what a level is worth, where a hardware profile brings measured accuracies.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from envs.spec import ElasticitySpec
from experiments.program.errors import ConfigError
from experiments.program.formatting import counted
from experiments.results.cells import Venue
from experiments.results.naming import flat, text_of
from experiments.results.run_row import Candidate
from experiments.runs.provenance import digest

SPEC = "spec_hash"
WORTH = ".value"  # of a knob: depends on the hardware's accuracy
LADDERS = ("fps_levels", "heights_px", "width", "height", "source_fps")  # of a video: its knobs' levels
MOST_FIELDS = 4  # that a refusal goes through
TELLING = ("slo", "video", "detector", "env", "hardware", "scenario", "git_commit", SPEC)

Fields = Mapping[str, Hashable]


class Difference(NamedTuple):
    """A field that is not the same everywhere, and the runs of each of its values, as `ranked`."""

    field: str
    runs: list[tuple[Hashable, list[Candidate]]]


def check_comparable(cells: Sequence[Venue]) -> None:
    """Raise ConfigError, which names fields, values and runs, unless all runs were judged alike."""
    for cell in cells:
        by_spec: dict[Hashable, list[Candidate]] = {}
        for candidate in cell.runs.values():
            by_spec.setdefault(candidate.facts[SPEC], []).append(candidate)
        if len(by_spec) > 1:
            raise ConfigError(refusal([Difference(SPEC, ranked(by_spec))], cell.name))
    if len({cell.candidate.facts[SPEC] for cell in cells}) > 1 and (found := differences(cells)):
        raise ConfigError(refusal(found, ""))


def differences(cells: Sequence[Venue]) -> list[Difference]:
    """Fields of what cells are judged by, as far as they may not differ."""
    specs = [present_spec(cell) for cell in cells]
    by_field: dict[tuple[str, str], dict[Hashable, list[Candidate]]] = {}
    for cell, spec in zip(cells, specs, strict=True):
        fields = config_fields(cell.candidate) if spec is None or None in specs else spec_fields(spec)
        accuracy = digest({"accuracy": cell.candidate.config["hardware"].get("accuracy")})
        for name, value in fields.items():
            may_differ = name == SPEC or name.endswith(WORTH)
            by_value = by_field.setdefault((name, accuracy if may_differ else ""), {})
            by_value.setdefault(value, []).extend(cell.runs.values())
    found = [
        Difference(name, ranked(by_value)) for (name, _), by_value in by_field.items() if len(by_value) > 1
    ]
    return [difference for difference in found if difference.field != SPEC] or found


def present_spec(cell: Venue) -> ElasticitySpec | None:
    """What its runs were judged by, if this code builds the very same again."""
    world = cell.world
    if isinstance(world, ConfigError) or world.spec.hash != cell.candidate.facts[SPEC]:
        return None
    return world.spec


def spec_fields(spec: ElasticitySpec) -> Fields:
    """Of knobs, objectives and further metrics, by their names."""
    named = {f"knob.{knob.name}": asdict(knob) for knob in spec.knobs}
    named |= {f"slo.{slo.metric}": asdict(slo) for slo in spec.slos}
    named |= {f"metric.{metric.name}": asdict(metric) for metric in spec.metrics}
    return flat(named)


def config_fields(candidate: Candidate) -> Fields:
    """Likewise of a configuration, as far as that says it; and the spec's hash, which says the rest."""
    slo, video = candidate.config["slo"], candidate.config["video"]
    named: dict[str, Any] = {f"slo.{one['metric']}": one for one in slo["slos"]}
    named |= {f"knob.{knob}.weight": weight for knob, weight in slo["qoe_weights"].items()}
    named |= {f"video.{key}": video[key] for key in LADDERS if key in video}
    return {
        **flat({**named, "detector.grades": candidate.config["detector"]["grades"]}),
        SPEC: candidate.facts[SPEC],
    }


def ranked(by_value: Mapping[Hashable, list[Candidate]]) -> list[tuple[Hashable, list[Candidate]]]:
    """Values with their runs, most runs first; of as many, the newest."""

    def rank(item: tuple[Hashable, list[Candidate]]) -> tuple[int, str]:
        return len(item[1]), max(candidate.begun for candidate in item[1])

    return sorted(by_value.items(), key=rank, reverse=True)


# --- what is said ---


def refusal(found: Sequence[Difference], cell: str) -> str:
    """The sentence: what differs, in which runs, and what to do about it."""
    told = "; ".join(map(said, found[:MOST_FIELDS]))
    more = f"; and {counted(len(found) - MOST_FIELDS, 'further field')}" if len(found) > MOST_FIELDS else ""
    inside = f" in {cell}" if cell else ""
    hint = advice(found[0])
    return f"these runs were not judged alike{inside}, so no figure can be of all: {told}{more}; {hint}"


def said(difference: Difference) -> str:
    """ "slo.load.threshold is 1 in 40 runs (results/main/A ...), 2 in 3 runs (...)"."""
    field = difference.field
    parts = [
        f"{text_of(field, value)} in {counted(len(candidates), 'run')} ({candidates[0].place}"
        + (", ...)" if len(candidates) > 1 else ")")
        for value, candidates in difference.runs
    ]
    return f"{field} is {', '.join(parts)}"


def advice(difference: Difference) -> str:
    """How to choose the most runs that are alike in this."""
    (_, most), *others = difference.runs
    rest = [candidate for _, candidates in others for candidate in candidates]
    for fact in TELLING:
        kept = sorted({str(candidate.facts.get(fact, "")) for candidate in most})
        if not set(kept) & {str(candidate.facts.get(fact, "")) for candidate in rest}:
            query = f"{fact} == '{kept[0]}'" if len(kept) == 1 else f"{fact} in {kept}"
            return f'choose, for example with where="{query}"'
    return "compare them one by one"
