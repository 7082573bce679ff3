"""What happened to the world in a run, in words: what its scenario did, and what was seen of it."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from envs.scenario import Event, EventKind, Scenario
from experiments.config.schemas import RunConfig
from experiments.config.world_schemas import ReplaySchema
from experiments.program.formatting import counted, figure
from experiments.runs.summary import column
from experiments.worlds.builders import scenario_of


class TimedEvent(NamedTuple):
    """What came about in a step (from 0), in a few words; whether the scenario did it, or it was seen."""

    step: int
    text: str
    is_planned: bool


def events_of(config: RunConfig, trace: pd.DataFrame) -> list[TimedEvent]:
    """Return what happened in a run: what its scenario did, and what was seen; a replay has no scenario."""
    env = config.env
    if isinstance(env, ReplaySchema):
        return seen_events(trace)
    scenario = scenario_of(config.scenario)
    planned = planned_events(scenario, env.steps, env.control_interval_s, config.seed)
    return [*planned, *seen_events(trace)]


def planned_events(scenario: Scenario, steps: int, interval_s: float, seed: int) -> list[TimedEvent]:
    """Return what the scenario does in an episode."""
    timeline = scenario.timeline(steps, interval_s, seed)
    return [TimedEvent(step, words_of(event), True) for step, events in timeline.items() for event in events]


def words_of(event: Event) -> str:
    """Say an event in a few words."""
    match event.kind:
        case EventKind.STREAMS:
            return counted(int(event.value or 0), "stream")
        case EventKind.LOSE_WORKER:
            return f"worker {event.worker} is lost"
        case EventKind.JOIN_WORKER:
            return f"a worker like {event.worker} joins"
        case EventKind.SLOW_WORKER:
            return f"worker {event.worker} takes {figure(event.value)} times as long"
        case EventKind.LINKS:
            return f"every link carries {figure(event.value)} Mbit/s"
        case EventKind.THRESHOLD:
            return f"{event.metric} must keep to {figure(event.value)}"


def seen_events(trace: pd.DataFrame) -> list[TimedEvent]:
    """Return workers that came or went, as the trace has it: known at the end of a step."""
    if "metrics.live_workers" not in trace:
        return []
    live = column(trace, "metrics.live_workers")
    changed = np.flatnonzero(np.isfinite(np.diff(live)) & (np.diff(live) != 0)) + 1
    return [
        TimedEvent(
            int(step), f"{counted(int(live[step]), 'live worker')}, after {int(live[step - 1])}", False
        )
        for step in changed
    ]
