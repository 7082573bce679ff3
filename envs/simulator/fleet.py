"""Episodes side by side: what the environment and its vector form have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.scenario import Event
from envs.simulator import records
from envs.simulator.info import Info
from envs.simulator.judging import judge_beginning, step_all
from envs.simulator.system import System
from envs.simulator.tables import fill_events, systems_of
from envs.simulator.verdicts import rules_of, verdicts_of
from envs.simulator.walk import begin
from envs.spec import ElasticitySpec
from envs.video import check_ladders

MAX_SEED = 2**31  # of an episode that was not given one

Timeline = Mapping[int, Sequence[Event]]


class Fleet:
    """n episodes of the same spec, each of one of several systems.

    Args:
        spec: knobs as `envs.video.video_spec` makes them.
        systems: at least one, all with the spec's ladders and the same source.
        n: episodes, >= 1.

    Raises:
        ValueError: no system, or one that does not fit the spec, its own scenario, or the room there is.
    """

    def __init__(self, spec: ElasticitySpec, systems: Sequence[System], n: int) -> None:
        if not systems:
            raise ValueError("a simulator needs at least one system, got none")
        for system in systems:
            check_ladders(spec, system.ladders)
            system.scenario.check(system.cluster.n_workers, [slo.metric for slo in spec.slos])
            if (system.source_fps, system.source_size) != (systems[0].source_fps, systems[0].source_size):
                raise ValueError("systems must have the same source, got sources that differ in size or rate")
        self._spec = spec
        self.systems = tuple(systems)
        self._timelines: dict[int, Timeline] = {}  # of the systems whose events do not depend on the seed
        self._records = systems_of(systems, spec)
        self._rules = rules_of(spec)
        self._thresholds = np.array([slo.threshold for slo in spec.slos])
        self.episodes = np.zeros(n, records.EPISODE)
        self._events = np.zeros((n, max(1, *(s.most_events for s in systems))), records.EVENT)
        n_workers = max(system.most_workers for system in systems)
        self.verdicts = verdicts_of(spec, n, n_workers)
        self.info = Info(spec, systems[0], self.verdicts, self.episodes)

    def begin(self, i: int, rng: np.random.Generator, seed: int | None) -> None:
        """Begin episode i with a system and, unless it is given, a seed that are drawn."""
        drawn = int(rng.integers(MAX_SEED)) if seed is None else seed
        k = int(rng.integers(len(self.systems))) if len(self.systems) > 1 else 0
        self.episodes[i]["system"] = k
        begin(self._records, self.episodes, i, drawn, self._thresholds)
        self.episodes[i]["n_events"] = fill_events(self._events[i], self._timeline(k, drawn), self._spec)
        judge_beginning(self._records, self._rules, self.episodes, i, self.verdicts)

    def step(self, actions: NDArray[np.int64]) -> None:
        """One control interval of every episode; actions have shape (n, n_knobs) and are legal.

        Raises:
            RuntimeError: more is in flight than there is room for.
        """
        step_all(self._records, self._rules, self.episodes, self._events, actions, self.verdicts)
        if self.episodes["out_of_room"].any():
            raise RuntimeError(
                f"more than {records.N_FRAMES} frames are in flight, or {records.N_WINDOW} of one stream: "
                "shorten the lease or the queue (env.queue_bound_s)"
            )

    def _timeline(self, k: int, seed: int) -> Timeline:
        system = self.systems[k]
        scenario = system.scenario
        if scenario.load is not None or scenario.links is not None:
            return scenario.timeline(system.steps, system.control_interval_s, seed)
        if k not in self._timelines:
            self._timelines[k] = scenario.timeline(system.steps, system.control_interval_s, seed)
        return self._timelines[k]


def checked_actions(actions: Any, spec: ElasticitySpec, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Level indices of this shape, the last axis being the knobs.

    Raises:
        ValueError: another shape, not integers, or a level that does not exist.
    """
    levels = np.asarray(actions)
    n_levels = spec.n_levels
    is_whole = levels.shape == shape and levels.dtype.kind in "iu"
    if not is_whole or (levels < 0).any() or (levels >= n_levels).any():
        raise ValueError(f"an action is one integer below {n_levels} per knob, got {actions!r}")
    return levels.astype(np.int64, copy=False)
