"""Thresholds with hysteresis and a cool-down: down at once when an SLO breaks, up with patience.

In the manner of Ray Serve's autoscaling policy and the Kubernetes HPA (desired = current x target / metric),
here over the knobs of a stream. `decide` is the policy: reading and state in, levels and new state out.

    down: the knob that saves most, until cost ≤ present cost × target / pressure
    up: the cheapest knob per worth gained, while cost ≤ present cost × target / worst pressure counted

where the cost is that of the stage that binds: see agents.common.bottleneck.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Agent, State
from agents.common.checkpoints import packed, unpacked
from agents.common.pressure import SURE, Reader, Reading, Watch
from agents.common.settings import Levels, cost, step_down, steps_up
from envs.spec import ElasticitySpec


@dataclass(frozen=True, slots=True)
class Rules:
    """The figures of conf/agent/rule.yaml.

    Attributes:
        oks: readings in a row, all OK, before a raise, >= 1.
        cool_down: readings after a change that count for nothing but a broken SLO's way down, >= 0.
        target: where a change aims the pressure, as a share of warn_at, in (0, 1).
        probation: decisions in which trouble is blamed on the last raise; levels are proven after it, >= 1.
        longest_bar: decisions after which a raise that failed is tried again at the latest, >= 1.
    """

    oks: int
    cool_down: int
    target: float
    probation: int
    longest_bar: int

    def __post_init__(self) -> None:
        if (
            min(self.oks, self.probation, self.longest_bar) < 1
            or self.cool_down < 0
            or not 0 < self.target < 1
        ):
            raise ValueError(
                "expected oks, probation and longest_bar >= 1, cool_down >= 0 and target in (0, 1), got "
                f"{self} (conf/agent/rule.yaml)"
            )


@dataclass(frozen=True, slots=True)
class RuleState:
    """What a rule remembers.

    Attributes:
        since_change: decisions since the levels last changed.
        pressures: the last readings that were all OK, since then and after the cool-down.
        watch: whether a backlog drains, and which way a lower bound is mended.
        raised_from: levels before the last change, if that was a raise which is still on probation.
        proven: the dearest levels that were OK after a probation, None for none yet.
        stride: steps of the next raise where no pressure tells how many are safe.
        bar: raises to the cost of these levels or more are barred, None for none.
        bar_left: decisions for which they still are.
        bar_length: decisions the last bar was to last, 0 for none yet.
        bar_pressure: there, when it was set: half of it expected, and the bar has lost its reason.
    """

    since_change: int = 0
    pressures: tuple[float, ...] = ()
    watch: Watch = field(default_factory=Watch)
    raised_from: Levels | None = None
    proven: Levels | None = None
    stride: int = 1
    bar: Levels | None = None
    bar_left: int = 0
    bar_length: int = 0
    bar_pressure: float = 0.0

    def cost(self, spec: ElasticitySpec, levels: Levels | None, otherwise: float = math.inf) -> float:
        """Return the work at these levels for the stage that binds; for no levels, what is said."""
        return otherwise if levels is None else cost(spec, levels, self.watch.scales)


def decide(
    rules: Rules, spec: ElasticitySpec, state: RuleState, reading: Reading
) -> tuple[Levels, RuleState]:
    """Return levels for the next interval, and what to remember."""
    watch, reading = state.watch.after(spec, reading)
    state = track(rules, spec, replace(state, watch=watch), reading)
    if reading.pressure_broken or reading.backlog_broken or has_overrun(state, reading):
        levels = cut(rules, spec, state, reading)
        state = blame(rules, spec, state, reading) if levels != reading.levels else state
    else:
        levels = climb(rules, spec, state, reading)
    return levels, remember(state, reading, levels)


def track(rules: Rules, spec: ElasticitySpec, state: RuleState, reading: Reading) -> RuleState:
    """Return the state one reading later: OKs in a row count towards a raise, and towards being proven."""
    state = replace(state, since_change=state.since_change + 1, bar_left=max(state.bar_left - 1, 0))
    if not reading.all_ok or (reading.pressure is None and state.watch.drain.rises):
        return replace(state, pressures=())
    if state.since_change > rules.probation and state.watch.drain.strikes < 1:
        proven = max(state.proven or reading.levels, reading.levels, key=lambda each: state.cost(spec, each))
        state = replace(state, proven=proven, raised_from=None)
        if state.cost(spec, reading.levels) >= state.cost(spec, state.bar):
            state = replace(state, bar=None, bar_length=0)
    if state.since_change <= rules.cool_down:
        return state
    return replace(state, pressures=(*state.pressures, reading.pressure or 0.0)[-rules.oks :])


def has_overrun(state: RuleState, reading: Reading) -> bool:
    """Return whether a backlog that goes on growing, with no pressure to tell, accuses the last raise."""
    return reading.pressure is None and state.raised_from is not None and state.watch.drain.rises >= SURE


def cut(rules: Rules, spec: ElasticitySpec, state: RuleState, reading: Reading) -> Levels:
    """Go down to where the pressure is on target; leave a backlog that shrinks, or may yet, to drain."""
    levels = reading.levels
    if state.since_change <= rules.cool_down:
        return levels
    drain = state.watch.drain
    if not reading.pressure_broken:
        if state.raised_from is not None and (reading.pressure is None or drain.strikes >= SURE):
            return state.raised_from
        if not drain.is_stuck(reading, rules.probation):
            return levels
    scales = state.watch.scales
    limit = state.cost(spec, levels) * rules.target / reading.pressure if reading.pressure else math.inf
    lower = step_down(spec, levels, scales)
    while state.cost(spec, lower) > limit and lower != levels:
        levels, lower = lower, step_down(spec, lower, scales)
    return lower


def blame(rules: Rules, spec: ElasticitySpec, state: RuleState, reading: Reading) -> RuleState:
    """Bar what led to trouble, for twice as long as the last time.

    That is a raise, and it is what a backlog was stuck at that no pressure explains: the pressure would lead
    straight back there.
    """
    state = replace(state, stride=1)
    if state.raised_from is None and (reading.pressure_broken or reading.pressure is None):
        return state
    length = min(max(2 * state.bar_length, rules.oks), rules.longest_bar)
    return replace(
        state,
        raised_from=None,
        bar=reading.levels,
        bar_left=length,
        bar_length=length,
        bar_pressure=reading.pressure or 0.0,
    )


def climb(rules: Rules, spec: ElasticitySpec, state: RuleState, reading: Reading) -> Levels:
    """Go up as far as the worst counted reading allows; blindly, step by step, without a pressure.

    New ground has to be on target; proven ground only has to be OK.
    """
    levels = reading.levels
    if len(state.pressures) < rules.oks:
        return levels
    price = max(state.pressures) / state.cost(spec, levels)
    bar = state.cost(spec, state.bar) if state.bar_left else math.inf
    if reading.pressure is not None and price * bar <= state.bar_pressure / 2:
        bar = math.inf
    proven = state.cost(spec, state.proven, otherwise=0.0)
    is_known_ground = state.cost(spec, levels) < proven
    if reading.pressure is None:
        steps, limit = state.stride if is_known_ground else 1, math.inf
    elif is_known_ground and proven < bar and price * proven <= 1:
        return state.proven or levels
    else:
        steps, limit = sum(spec.n_levels), rules.target / price if price else math.inf
    for _ in range(steps):
        dearer = [(up, state.cost(spec, up)) for up in steps_up(spec, levels, state.watch.scales)]
        affordable = [up for up, cost_up in dearer if cost_up <= limit and cost_up < bar]
        if not affordable:
            break
        levels = affordable[0]
    return levels


def remember(state: RuleState, reading: Reading, levels: Levels) -> RuleState:
    """Return the state after a decision."""
    if levels == reading.levels:
        return state
    is_raise = any(a > b for a, b in zip(levels, reading.levels, strict=True))
    return replace(
        state,
        since_change=0,
        pressures=(),
        watch=state.watch.restarted(),
        raised_from=reading.levels if is_raise else None,
        stride=2 * state.stride if is_raise else 1,
    )


class Rule(Agent):
    """Steps down when an SLO breaks, holds near a threshold, and climbs when all has been well for a while.

    Args:
        spec: the stream.
        oks, cool_down, target, probation, longest_bar: see `Rules`.
    """

    def __init__(
        self, spec: ElasticitySpec, oks: int, cool_down: int, target: float, probation: int, longest_bar: int
    ):
        super().__init__(spec)
        self._rules = Rules(oks, cool_down, target, probation, longest_bar)
        self._reader = Reader(spec)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; nothing here is random."""
        self._state = RuleState()
        self._reading: Reading | None = None

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return what `decide` says to this observation."""
        self._reading = self._reader.read(observation)
        levels, self._state = decide(self._rules, self.spec, self._state, self._reading)
        return np.array(levels, dtype=np.int64)

    def explain(self) -> dict[str, float]:
        """Return pressure and backlog as shares of warn_at (0 if unknown), OKs counted, and the bar."""
        reading, state = self._reading, self._state
        return {
            "pressure": (reading.pressure or 0.0) if reading else 0.0,
            "backlog": (reading.backlog or 0.0) if reading else 0.0,
            "oks": float(len(state.pressures)),
            "since_change": float(state.since_change),
            "barred_for": float(state.bar_left),
        }

    def _checkpoint(self) -> State:
        return {"state": packed(self._state)}

    def _restore(self, state: State) -> None:
        self._state = unpacked(RuleState, state["state"])
        self._reading = None
