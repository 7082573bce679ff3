"""What conf/ and its schemas say, as the rows that docs/configuration.md must have."""

import enum
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from omegaconf import MISSING

from experiments.config.derived import schema_of
from experiments.config.programs import (
    CalibrateConfig,
    CellsSchema,
    CompareConfig,
    DrawnSchema,
    ForecastsConfig,
    JudgingSchema,
    PairedSchema,
    RankConfig,
    StudyConfig,
    StudySchema,
    TrainConfig,
)
from experiments.config.schemas import (
    VARIANTS,
    AccuracySchema,
    DetectorSchema,
    HardwareSchema,
    QoeSchema,
    RunConfig,
    ScenarioSchema,
    SlosSchema,
)
from pipeline.naming import named

CONF = Path(__file__).resolve().parents[2] / "conf"
NOT_KEYS = ("defaults", "_target_", "hydra")
GROUPS = tuple(str(path.relative_to(CONF)) for path in sorted(CONF.rglob("*")) if path.is_dir())
REQUIRED = "must be given"
TRAININGS = {"drawn": DrawnSchema, "replay": JudgingSchema, "small": PairedSchema}
WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", Any: "any"}


class Row(NamedTuple):
    """A key, its type and its default, as they are written."""

    key: str
    type: str
    default: str


# --- how it is written ---


def type_text(annotation: Any) -> str:
    """ "number", "list of integers", "FIRST or SECOND", "text or null"."""
    if annotation in WORDS:
        return WORDS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return " or ".join(member.name for member in annotation)
    inner = typing.get_args(annotation)
    if isinstance(annotation, types.UnionType):
        return " or ".join("null" if part is type(None) else type_text(part) for part in inner)
    if typing.get_origin(annotation) is list:
        return f"list of {type_text(inner[0])}s"
    if typing.get_origin(annotation) is dict:
        return f"{type_text(inner[0])} → {type_text(inner[1])}"
    return "table" if is_dataclass(annotation) else "list of tables"


def default_text(value: Any) -> str:
    """As YAML has it."""
    if value == MISSING or value is NO_DEFAULT:
        return REQUIRED
    if isinstance(value, enum.Enum):
        return value.name
    if value == float("inf"):
        return ".inf"
    if value == "":
        return '""'
    if isinstance(value, str):
        return value
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()


# --- keys of files ---


def read(name: str) -> dict[str, Any]:
    """A file of conf/."""
    found = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8")) or {}
    return found.get("training", found) if name.startswith("training/") else found


def leaves(values: Mapping[str, Any], schema: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted key, annotation and value of everything in a file that a schema has no more keys below."""
    known = typing.get_type_hints(schema) if is_dataclass(schema) else {}
    for name, value in values.items():
        if name in NOT_KEYS:
            continue
        untyped = type(value) if type(value) in WORDS else Any
        annotation = known.get(name, Any if known else untyped)
        if isinstance(value, dict) and value and (is_dataclass(annotation) or not known):
            yield from leaves(value, annotation if known else None, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", annotation, value


def rows_of_file(name: str, schema: Any) -> list[Row]:
    """Of one file."""
    return [Row(k, type_text(t), default_text(v)) for k, t, v in leaves(read(name), schema)]


def rows_of_made(name: str) -> list[Row]:
    """Of a file whose values are the arguments of the class that it names."""
    values = read(name)
    return [Row(k, type_text(t), default_text(v)) for k, t, v in leaves_of_made(values)]


def leaves_of_made(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted key, annotation and value of everything that a class is made of."""
    schema = schema_of(named(values["_target_"]))
    for name, value in values.items():
        if isinstance(value, dict) and "_target_" in value:
            yield from leaves_of_made(value, f"{prefix}{name}.")
        else:
            yield from leaves({name: value}, schema, prefix)


def options(group: str) -> list[str]:
    """Of a group, by name."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def rows_of_group(group: str, schema_of: Callable[[str], Any]) -> list[Row]:
    """Of all options of a group; a default that is not the same in all of them says whose it is."""
    names = options(group)
    found: dict[str, dict[str, Row]] = {}
    for option in names:
        for row in rows_of_file(f"{group}/{option}", schema_of(option)):
            found.setdefault(row.key, {})[option] = row
    rows = []
    for key, by_option in found.items():
        by_default: dict[str, list[str]] = {}
        for option, row in by_option.items():
            by_default.setdefault(row.default, []).append(option)
        is_shared = len(by_option) == len(names) and len(by_default) == 1
        shown = (f"`{', '.join(whose)}`: {default}" for default, whose in by_default.items())
        default = next(iter(by_default)) if is_shared else "; ".join(shown)
        types_ = dict.fromkeys(row.type for row in by_option.values() if row.type != "any")
        rows.append(Row(key, " or ".join(types_) or "any", default))
    return rows


def rows_of_schema(schema: Any, prefix: str = "") -> list[Row]:
    """Of a schema whose files leave out what has a default; `[]` is each of a list, NAME each of a table."""
    rows = []
    for field in fields(schema):
        annotation = typing.get_type_hints(schema)[field.name]
        inner = [part for part in typing.get_args(annotation) if part is not type(None)]
        key = f"{prefix}{field.name}"
        if is_dataclass(annotation):
            rows += rows_of_schema(annotation, f"{key}.")
        elif inner and is_dataclass(inner[-1]):
            mark = {list: "[]", dict: ".NAME"}.get(typing.get_origin(annotation), "")
            rows += rows_of_schema(inner[-1], f"{key}{mark}.")
        else:
            default = field.default
            if field.default_factory is not NO_DEFAULT:
                default = field.default_factory()
            rows.append(Row(key, type_text(annotation), default_text(default)))
    return rows


def without(rows: Sequence[Row], prefix: str) -> list[Row]:
    """Those that are not explained elsewhere."""
    return [row for row in rows if not row.key.startswith(prefix)]


def variant(group: str, fallback: str) -> Callable[[str], Any]:
    """The schema of each option of a group; that of `fallback` where an option has no name of its own."""
    return lambda option: VARIANTS[group].get(option, VARIANTS[group][fallback])


def tables() -> dict[str, list[Row]]:
    """By the heading under which docs/configuration.md has them."""
    found = {"The run": rows_of_file("config", RunConfig)}
    found |= {
        f"`agent={name}`": rows_of_made(f"agent/{name}") for name in options("agent") if name != "custom"
    }
    return found | {
        "`video`: on what": rows_of_group("video", variant("video", "traffic")),
        "`detector`: with which model": rows_of_group("detector", lambda option: DetectorSchema),
        "`env`: in which environment": rows_of_group("env", variant("env", "simulator")),
        "`hardware`: on which workers": without(rows_of_schema(HardwareSchema), "parts.NAME."),
        "`scenario`: what happens meanwhile": rows_of_schema(ScenarioSchema),
        "`slo`: judged by what": rows_of_schema(SlosSchema),
        "`qoe`: what quality is": rows_of_group("qoe", lambda option: QoeSchema),
        "`accuracy`: what detections are worth": rows_of_schema(AccuracySchema),
        "`hydra/sweeper` and `hydra/launcher`: a sweep": [
            *rows_of_group("hydra/sweeper", lambda option: None),
            *rows_of_group("hydra/launcher", lambda option: None),
        ],
        "`experiments.train`": rows_of_file("train", TrainConfig),
        "`training`: learned on what": rows_of_group("training", lambda option: TRAININGS[option]),
        "`experiments.study`": rows_of_file("study", StudyConfig),
        "`study`: who and where": rows_of_group("study", lambda option: StudySchema),
        "`cells`: where": rows_of_group("cells", lambda option: CellsSchema),
        "`experiments.rank`": rows_of_file("rank", RankConfig),
        "`experiments.compare`": rows_of_file("compare", CompareConfig),
        "`experiments.forecast`": rows_of_file("forecasts", ForecastsConfig),
        "`experiments.calibrate`": rows_of_file("calibrate", CalibrateConfig),
    }
