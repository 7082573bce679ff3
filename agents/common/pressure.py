"""What one observation says of demand: what follows it, what carries the past, and what asks for more.

An upper bound without memory speaks of this interval alone and grows with demand: the *pressure*. One with
memory may still be broken because of the past: the *backlog*, which is left alone while it drains. A lower
bound may be broken because too little is asked, or because too much is: what the last change did to it tells.
"""

import math
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from agents.common.bottleneck import Stages, can_be_pressed, first_scales, in_pressure, scales_after
from agents.common.settings import Levels, Scales, cost
from envs.spec import ElasticitySpec, Sense

WARN_AT = 0.9  # of a load that no SLO bounds: as an SLO's, where nothing else is said
GROWTH = 0.02  # of a ratio in one interval, as a share of warn_at: less is taken for jitter
FORGIVEN = 0.1  # strikes that a reading without a broken backlog takes back: one in ten may be
SURE = 2  # readings in a row that say the same: one may be chance


@dataclass(frozen=True, slots=True)
class Reading:
    """What one observation says to a rule.

    Attributes:
        levels: per knob.
        pressure: largest ratio / warn_at among the upper bounds that follow demand at once, None if unknown.
        backlog: likewise among those that carry the past.
        pressure_broken, backlog_broken: whether an SLO of that group is violated.
        all_ok: whether no upper bound is near its threshold, and a pressure is known if there can be one.
        floor: largest ratio / warn_at among the lower bounds, None if unknown.
        floor_broken: whether one of them is violated.
        stages: pressure of each stage, NaN where unknown; () = of none.
    """

    levels: Levels
    pressure: float | None
    backlog: float | None
    pressure_broken: bool
    backlog_broken: bool
    all_ok: bool
    floor: float | None = None
    floor_broken: bool = False
    stages: tuple[float, ...] = ()


class Group(IntEnum):
    """What an SLO speaks of; see the module."""

    PRESSURE = 0
    BACKLOG = 1
    FLOOR = 2


class Reader:
    """Reads observations of one spec."""

    def __init__(self, spec: ElasticitySpec):
        self._spec = spec
        pressing = in_pressure(spec)
        self._stages = Stages(spec)
        self._by_loads = not pressing.any()
        self._has_pressure = can_be_pressed(spec)
        self._groups = [
            Group.PRESSURE if presses else Group.FLOOR if slo.sense is Sense.AT_LEAST else Group.BACKLOG
            for slo, presses in zip(spec.slos, pressing, strict=True)
        ]

    def read(self, observation: NDArray[np.float32]) -> Reading:
        """Return what an observation says. Raises ValueError: it is outside the spec's space."""
        seen = self._spec.decode(observation)
        heat: list[float | None] = [None, None, None]
        is_broken = [False, False, False]
        figures = zip(self._groups, self._spec.slos, seen.ratios.tolist(), seen.known.tolist(), strict=True)
        for group, slo, ratio, known in figures:
            if known:
                heat[group] = max(ratio / slo.warn_at, heat[group] or 0.0)
                is_broken[group] = is_broken[group] or ratio > 1
        stages = self._stages.pressures(seen.ratios, seen.known, seen.loads)
        if self._by_loads and not np.isnan(stages).all():
            load = float(np.nanmax(stages))
            heat[Group.PRESSURE], is_broken[Group.PRESSURE] = load / WARN_AT, load > 1
        pressure, backlog, floor = heat
        needed = pressure if self._has_pressure else floor if backlog is None else backlog
        return Reading(
            levels=tuple(seen.levels.tolist()),
            pressure=pressure,
            backlog=backlog,
            pressure_broken=is_broken[Group.PRESSURE],
            backlog_broken=is_broken[Group.BACKLOG],
            all_ok=needed is not None and max(pressure or 0.0, backlog or 0.0) <= 1,
            stages=tuple(stages.tolist()),
            floor=floor,
            floor_broken=is_broken[Group.FLOOR],
        )


@dataclass(frozen=True, slots=True)
class Drain:
    """Whether a broken backlog gets better by itself.

    Attributes:
        last: the backlog at the last reading that knew it, None before the first.
        low: the least it has been since then, or since the levels changed; inf before the first reading.
        strikes: readings since its last new low in which it was broken, less what was forgiven: a backlog
            that hovers about its threshold collects them too.
        rises: readings in a row in which it grew.
    """

    last: float | None = None
    low: float = math.inf
    strikes: float = 0.0
    rises: int = 0

    def after(self, reading: Reading) -> "Drain":
        """Return the drain one reading later."""
        backlog = reading.backlog
        if backlog is None:
            return self
        rises = self.rises + 1 if backlog - (self.last or 0.0) > GROWTH else 0
        if self.last is not None and backlog < self.low - GROWTH:
            return Drain(backlog, backlog, 0.0, rises)
        strikes = self.strikes + 1 if reading.backlog_broken else max(self.strikes - FORGIVEN, 0.0)
        return Drain(backlog, min(self.low, backlog), strikes, rises)

    def is_stuck(self, reading: Reading, patience: int) -> bool:
        """Return whether a broken backlog needs lower levels, and not just time.

        It does where nothing else tells of demand, where it goes on growing, or after as many strikes as
        `patience`. What was queued before a change may make it grow for `SURE` readings.
        """
        if not reading.backlog_broken:
            return False
        if reading.pressure is None:
            return self.strikes >= 1
        return self.strikes >= patience or self.rises > SURE

    def restarted(self) -> "Drain":
        """Return the drain after a decision to change the levels: what is queued is given its time."""
        return Drain(self.last, math.inf if self.last is None else self.last)


@dataclass(frozen=True, slots=True)
class Heading:
    """Which way a broken lower bound is to be mended: what the last change did to it tells.

    Attributes:
        is_down: whether less is to be asked. At first more is, for that is what the bound literally says.
        levels, floor: of the last reading, None before the first; None if the floor was unknown.
        before: the floor just before the levels last changed, None if unknown.
        was_raise: whether that change was to a higher cost.
    """

    is_down: bool = False
    levels: Levels | None = None
    floor: float | None = None
    before: float | None = None
    was_raise: bool = False

    def after(self, spec: ElasticitySpec, scales: Scales, reading: Reading) -> "Heading":
        """Return the heading one reading later; with nothing left to try in one direction, the other."""
        is_down, before, was_raise = self.is_down, self.before, self.was_raise
        if self.levels is not None and reading.levels != self.levels:
            now, then = (cost(spec, levels, scales) for levels in (reading.levels, self.levels))
            before, was_raise = self.floor, now > then
        if before is not None and reading.floor is not None and abs(reading.floor - before) > GROWTH:
            is_worse = reading.floor > before
            is_down = was_raise == is_worse
        if reading.floor_broken and reading.levels in (spec.lowest, spec.highest):
            is_down = reading.levels == spec.highest
        return Heading(is_down, reading.levels, reading.floor, before, was_raise)


@dataclass(frozen=True, slots=True)
class Watch:
    """What must be remembered of earlier readings to understand the next.

    Attributes:
        drain, heading: see there.
        scales: see agents.common.bottleneck; () before the first reading.
    """

    drain: Drain = field(default_factory=Drain)
    heading: Heading = field(default_factory=Heading)
    scales: Scales = ()

    def after(self, spec: ElasticitySpec, reading: Reading) -> tuple["Watch", Reading]:
        """Return the watch one reading later, and the reading: what less would mend is a backlog in it."""
        scales = self.scales or first_scales(spec)
        if reading.stages:
            scales = scales_after(spec, scales, reading.levels, reading.stages)
        heading = self.heading.after(spec, scales, reading)
        if reading.floor is not None and reading.floor_broken and heading.is_down:
            backlog = max(reading.backlog or 0.0, reading.floor)
            reading = replace(reading, backlog=backlog, backlog_broken=True, all_ok=False)
        return Watch(self.drain.after(reading), heading, scales), reading

    def restarted(self) -> "Watch":
        """Return the watch after a decision to change the levels."""
        return replace(self, drain=self.drain.restarted())
