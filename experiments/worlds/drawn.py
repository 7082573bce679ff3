"""Drawn worlds in the configuration: `world=123`."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from envs.procedural.screening import HELD
from envs.procedural.world import World, draw_all, is_known, world
from experiments.config.composing import option
from experiments.config.schemas import AccuracySchema, HardwareSchema, ScenarioSchema, SlosSchema
from experiments.program.console import ProgressView
from experiments.program.errors import blaming
from pipeline.allowance import usable_cores

PREFIX = "world_"


def draw_shown(numbers: Sequence[int], processes: int | None, live: bool | None, console: Console) -> None:
    """Draw worlds that are not known yet, each of which takes seconds, and show how far that is.

    So many processes at a time, None = one per core; a progress bar, None = where the console is a terminal.
    Raises ValueError: there is no such world.
    """
    left = [number for number in numbers if not is_known(number)]
    if left:
        with ProgressView(console, live, "drawing", len(left), "worlds") as view:
            for one in draw_all(left, processes or len(usable_cores())):
                view.done(f"world {one.number}")


def with_world(cfg: DictConfig, choices: Mapping[str, str]) -> tuple[DictConfig, dict[str, str]]:
    """Return a run's configuration with the world that its `world` asks for in place of the parts chosen.

    The number is gone then, so that the record says what was played, not how it was drawn; choices name it.
    Raises ConfigError: there is no such world.
    """
    if cfg.world is None:
        return cfg, dict(choices)
    cfg, number = cfg.copy(), int(cfg.world)
    with blaming("world"):
        drawn = world(number)
    stream, hardware = drawn.stream, drawn.hardware
    traffic = {"width": stream.width, "height": stream.height, "source_fps": stream.fps}
    heights = [height for _, height in stream.ladders.sizes]
    ladders = {"fps_levels": list(stream.ladders.fps), "heights_px": heights}
    slos = [{"metric": slo.metric, "threshold": slo.threshold} for slo in drawn.slos]
    parts = {  # to compose an option takes Hydra a second
        "accuracy": (AccuracySchema, plain(drawn.scene)),
        "hardware": (HardwareSchema, {"devices": plain(hardware.devices), "host": plain(hardware.host)}),
        "scenario": (ScenarioSchema, plain(drawn.scenario)),
        "slo": (SlosSchema, {"slos": slos}),
        "video": (option("video", "traffic"), traffic | ladders),
    }
    for part, (schema, values) in parts.items():
        cfg[part] = OmegaConf.merge(OmegaConf.structured(schema), values)
    if not cfg.env.memory_budget_mb:
        cfg.env.memory_budget_mb = drawn.memory_budget_mb
    cfg.world = None
    return cfg, {**choices, **dict.fromkeys(parts, f"{PREFIX}{number}")}


def plain(value: Any) -> Any:
    """Return a dataclass as a YAML file has it: without what is None, enums by their names."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: plain(own) for name, own in fields.items() if own is not None}
    if isinstance(value, Mapping):
        return {str(name): plain(own) for name, own in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, float) and not math.isinf(value):
        return round(value, 6)
    return value


def described(drawn: World) -> dict[str, str]:
    """Say in a few lines what a world is like, by what it is said of."""
    ladders, scenario, screened = drawn.stream.ladders, drawn.scenario, drawn.screened
    devices = [
        f"{device.count} × {device.times['n'].points[-1][2]:.0f} ms, {device.link.mbit_s:.0f} Mbit/s, "
        f"{device.link.delay_ms:.1f} ms away"
        for device in drawn.hardware.devices
    ]
    happens = [f"{event.kind} {event.value or ''} at {event.at_share or 0:.0%}" for event in scenario.events]
    for name in ("load", "links", "tenants", "thermal", "telemetry"):
        if (part := getattr(scenario, name)) is not None:
            happens.append(f"{name} ({', '.join(f'{key} {value}' for key, value in plain(part).items())})")
    n_held = int((screened.held >= HELD).sum())
    return {
        "binds": f"{drawn.stratum} (drawn {drawn.n_drawn} times)",
        "stream": f"{drawn.stream.width}×{drawn.stream.height} at {drawn.stream.fps:g} frames/s, "
        f"{scenario.streams} of them; levels {ladders.n_levels}",
        "workers (n at the largest size)": "; ".join(devices),
        "thresholds": ", ".join(f"{slo.metric} {slo.threshold:g}" for slo in drawn.slos),
        "happens": "; ".join(happens) or "nothing",
        "held still": f"{n_held} of {len(screened.held)} settings hold the SLOs in {HELD:.0%} of the steps; "
        f"the best earns {screened.rewards.max():.2f}",
    }
