"""The replay world as a Gymnasium environment: `elasticbench/Replay-v0`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from envs.observe import NOTHING, UNKNOWN, frames_of, qoe_by
from envs.replay.table import Table
from envs.reward import qoe, reward
from envs.scenario import EventKind, Scenario
from envs.seeding import episode_seed
from envs.spec import ElasticitySpec
from pipeline.messages import Weights
from pipeline.service_times import uniform
from pipeline.slos import Slo, SloReading, with_threshold

PURPOSE_REPLAY = 101  # of a draw: which moment of a setting is met
STREAMS = "streams"  # a knob of this name sets the number of concurrent streams
NO_FRAMES = frames_of(NOTHING)

Observation = NDArray[np.float32]


class Replay(gym.Env[Any, Any]):
    """Each step meets one moment that was measured at the chosen setting.

    Observation and action: see `ElasticitySpec`. Nothing carries over from one step to the next but the
    levels: the rows are of a system at rest in its setting, what a change costs was not measured, and the
    likeness of neighbouring moments is lost. Which moment it is depends on the episode's seed and the
    step's number alone, so agents with different decisions meet the same moments (see `Table.draw`).

    info is as `envs.observe.judge` has it, with these differences:

    | info             | here                                                                           |
    |------------------|--------------------------------------------------------------------------------|
    | qoe_by           | by the knobs and their levels: nobody knows what was found                     |
    | metrics          | the table's and no others; NaN = not measured                                  |
    | delivered        | what the table measured of a knob, at most what was asked; else what was asked  |
    | settings         | the level in force by the knob's name, where it is a number                     |
    | streams          | the level in force of the knob `streams`, 1 where there is none                 |
    | frames           | no meaning: no frame is counted, all are 0                                      |
    | drops, workers   | no meaning: empty                                                               |
    | interval_s       | as configured; 0 after reset                                                    |
    | overrun, stale   | no meaning: always false                                                        |
    | deaths, restarts | no meaning: always 0                                                            |

    An episode is truncated after `steps`; it never terminates. All SLOs of the first observation are unknown.

    Args:
        spec: what agents see, of the same knobs as the table. Kept as `elasticity`.
        table: what was measured.
        steps: per episode, >= 1.
        delivered_by: knob -> the metric that says what was delivered of it.
        control_interval_s: what a step is said to last, > 0.
        scenario: nothing but changed thresholds can happen to measurements.
        initial_levels: level index per knob at the start; None = the highest.

    Raises:
        ValueError: an argument out of range; spec, table and scenario that do not fit each other.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    weights: ClassVar[Weights] = Weights.NONE  # there are no frames to find anything in

    def __init__(
        self,
        spec: ElasticitySpec,
        table: Table,
        steps: int,
        delivered_by: Mapping[str, str] | None = None,
        control_interval_s: float = 1.0,
        scenario: Scenario | None = None,
        initial_levels: Sequence[int] | None = None,
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps must be >= 1, got {steps} (env.steps)")
        if not 0 < control_interval_s < math.inf:
            raise ValueError(f"control_interval_s must be finite and > 0, got {control_interval_s}")
        self.elasticity = spec
        self.observation_space = spec.observation_space
        self.action_space = spec.action_space
        self._table = table
        self._steps = steps
        self._delivered_by = dict(delivered_by or {})
        self._interval_s = control_interval_s
        self._scenario = scenario or Scenario()
        self._initial = spec.checked_action(spec.highest if initial_levels is None else initial_levels)
        self._check_fit()
        self._seed = 0
        self._step = -1  # no episode yet
        self._levels = self._initial
        self._slos = spec.slos
        self._events = self._scenario.timeline(steps, control_interval_s, 0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; a seed of None draws one.

        Raises:
            ValueError: any options, for none are known.
        """
        super().reset(seed=seed)
        if options:
            raise ValueError(f"reset knows no options, got {sorted(options)}")
        self._seed = episode_seed(seed, self.np_random)
        self._step, self._levels, self._slos = 0, self._initial, self.elasticity.slos
        readings = dict.fromkeys((slo.metric for slo in self._slos), UNKNOWN)
        observation, info, _ = self._judge(readings, {}, interval_s=0.0)
        return observation, info

    def step(
        self, action: NDArray[np.int64] | Sequence[int]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Set the knobs, and meet one moment that was measured there.

        Raises:
            ValueError: an action outside the action space.
            ResetNeeded: no episode is running.
        """
        levels = self.elasticity.checked_action(action)
        if self._step < 0:
            raise gym.error.ResetNeeded("call reset() before step()")
        for event in self._events.get(self._step, ()):
            self.set_threshold(event.metric, event.value or math.nan)  # no other kind has passed the check
        changed = sum(now != then for now, then in zip(levels, self._levels, strict=True))
        measured = self._table.draw(levels, uniform(self._seed, PURPOSE_REPLAY, 0, self._step))
        self._levels, self._step = levels, self._step + 1
        readings = {slo.metric: slo.read(measured[slo.metric]) for slo in self._slos}
        observation, info, quality = self._judge(readings, measured, self._interval_s)
        earned = reward(readings.values(), quality, changed, len(levels))
        return observation, earned, False, self._step >= self._steps, info

    def set_threshold(self, metric: str, threshold: float) -> None:
        """Scenario: the SLO on this metric has another threshold from now on."""
        self._slos = with_threshold(self._slos, metric, threshold)

    def prospects(self) -> NDArray[np.float64]:
        """Mean reward of each step over all that was measured at each joint setting, if it is held.

        Shape (n_steps, n_settings), settings in C order of the level indices.
        """
        slos, expected = self.elasticity.slos, np.empty((0, 0))
        rewards = np.empty((self._steps, len(self._table.rows)))
        for step in range(self._steps):
            events = self._events.get(step, ())
            for event in events:
                slos = with_threshold(slos, event.metric, event.value or math.nan)
            if step == 0 or events:
                settings = np.ndindex(self._table.n_levels)
                expected = np.array([self._expected(levels, slos) for levels in settings])
            rewards[step] = expected
        return rewards

    # --- parts ---

    def _expected(self, levels: Sequence[int], slos: Sequence[Slo]) -> float:
        """Mean reward over a setting's rows."""
        earned = []
        for row in self._table.of_setting(levels):
            measured = dict(zip(self._table.metrics, row.tolist(), strict=True))
            readings = [slo.read(measured[slo.metric]) for slo in slos]
            quality = qoe(self.elasticity, list(self._delivered(levels, measured).values()))
            earned.append(reward(readings, quality, 0, len(levels)))
        return float(np.mean(earned))

    def _judge(
        self, readings: Mapping[str, SloReading], measured: Mapping[str, float], interval_s: float
    ) -> tuple[Observation, dict[str, Any], float]:
        """Observation, info and QoE of what was measured, {} for nothing yet."""
        spec = self.elasticity
        metrics = dict.fromkeys(self._table.metrics, math.nan) | dict(measured)
        delivered = self._delivered(self._levels, measured)
        by = qoe_by(spec, self._levels, list(delivered.values()), math.nan)
        quality = by[spec.quality]
        settings = self._settings()
        info = {
            "step": self._step,
            "metrics": metrics,
            "ratios": {name: reading.ratio for name, reading in readings.items()},
            "slos": {name: int(reading.state) for name, reading in readings.items()},
            "known": {name: reading.known for name, reading in readings.items()},
            "thresholds": {slo.metric: slo.threshold for slo in self._slos},
            "qoe": quality,
            "qoe_by": {str(measure): value for measure, value in by.items() if not math.isnan(value)},
            "delivered": delivered,
            "levels": {knob.name: level for knob, level in zip(spec.knobs, self._levels, strict=True)},
            "settings": settings,
            "streams": int(settings.get(STREAMS, 1)),
            "frames": dict(NO_FRAMES),
            "drops": {},
            "workers": {},
            "interval_s": interval_s,
            "overrun": False,
            "stale": False,
            "deaths": 0,
            "restarts": 0,
        }
        return spec.encode(self._levels, readings, metrics), info, quality

    def _delivered(self, levels: Sequence[int], measured: Mapping[str, float]) -> dict[str, float]:
        """Per knob, in its value's unit; NaN where nothing was measured yet, or not this."""
        values: dict[str, float] = {}
        for knob, level in zip(self.elasticity.knobs, levels, strict=True):
            asked = knob.value[level]
            metric = self._delivered_by.get(knob.name)
            got = asked if metric is None else measured.get(metric, math.nan)
            values[knob.name] = min(asked, got) if measured and not math.isnan(got) else math.nan
        return values

    def _settings(self) -> dict[str, float]:
        stands_for = (
            (knob.name, knob.levels[level])
            for knob, level in zip(self.elasticity.knobs, self._levels, strict=True)
        )
        return {name: value for name, value in stands_for if not isinstance(value, str)}

    def _check_fit(self) -> None:
        spec, table = self.elasticity, self._table
        if spec.n_levels != table.n_levels:
            raise ValueError(f"the spec has {spec.n_levels} levels per knob, the table {table.n_levels}")
        needed = {*(slo.metric for slo in spec.slos), *self._delivered_by.values()}
        if missing := sorted(needed - set(table.metrics)):
            raise ValueError(f"the table has no metric {', '.join(missing)}; it has {list(table.metrics)}")
        check_replayable(self._scenario, spec.slos)


def check_replayable(scenario: Scenario, slos: Sequence[Slo]) -> None:
    """Raise ValueError if a scenario has more than thresholds, or names an SLO that there is none of."""
    others = [event.kind.value for event in scenario.events if event.kind is not EventKind.THRESHOLD]
    others += [
        name
        for name in ("capacities", "load", "links", "tenants", "telemetry", "thermal")
        if getattr(scenario, name)
    ]
    if others or scenario.streams != 1:
        raise ValueError(
            "nothing but thresholds can change in a replayed world, got a scenario with "
            + ", ".join(dict.fromkeys(others) or [f"{scenario.streams} streams"])
        )
    scenario.check(n_workers=0, metrics=[slo.metric for slo in slos])
