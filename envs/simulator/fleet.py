"""Episodes side by side: what the environment and its vector form have in common."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from envs.scenario import Event
from envs.seeding import episode_seed
from envs.simulator import records
from envs.simulator.draws import content_seed, stream_seed
from envs.simulator.info import Info
from envs.simulator.judging import judge_beginning, step_some
from envs.simulator.system import System
from envs.simulator.tables import fill_events, systems_of
from envs.simulator.verdicts import VERDICT, rules_of
from envs.simulator.walk import begin
from envs.spec import ElasticitySpec
from envs.telemetry import Reception
from envs.video import check_ladders
from pipeline.allowance import usable_cores

WORTH_THREADS = 64  # episodes; fewer are stepped sooner than threads are woken

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
        self.records = systems_of(systems, spec)
        self._rules = rules_of(spec)
        self._thresholds = np.array([slo.threshold for slo in spec.slos])
        self.episodes = np.zeros(n, records.EPISODE)
        self.events = np.zeros((n, max(1, *(s.most_events for s in systems))), records.EVENT)
        self.verdicts = np.zeros(n, VERDICT)
        self._n_threads = len(usable_cores())
        self._threads = ThreadPoolExecutor(self._n_threads, "simulator")
        self._out_of_room = self.verdicts["out_of_room"]
        self._observed = self.verdicts["observation"][:, : len(spec.observation_space.low)]
        self._receptions = list[Reception | None]([None] * n)
        is_exact = all(system.scenario.telemetry is None for system in systems)
        self.observations = self._observed if is_exact else self._observed.copy()
        self.received_rewards = dict[int, float]()  # of the episodes whose telemetry is not exact and prompt
        self.info = Info(spec, systems[0], self.verdicts)

    def begin(self, i: int, rng: np.random.Generator, seed: int | None) -> None:
        """Begin episode i with a system and, unless it is given, a seed that are drawn."""
        drawn = episode_seed(seed, rng)
        k = int(rng.integers(len(self.systems))) if len(self.systems) > 1 else 0
        self.episodes[i]["system"] = k
        begin(self.records, self.episodes, i, drawn, self._thresholds)
        self.episodes[i]["n_events"] = fill_events(self.events[i], self._timeline(k, drawn), self._spec)
        judge_beginning(self._rules, self.episodes, self.verdicts, i)
        telemetry = self.systems[k].scenario.telemetry
        self._receptions[i] = None if telemetry is None else Reception(telemetry, self._spec, drawn)
        self.received_rewards.pop(i, None)
        self._receive(i, math.nan)

    def draw_from(self, seeds: Sequence[int]) -> None:
        """Let each episode's frames take the time that they would in one of its seed, from now on."""
        streams = range(records.N_STREAMS)
        drawn = [[np.uint64(stream_seed(seed, i)).astype(np.int64) for i in streams] for seed in seeds]
        self.episodes["streams"]["seed"] = drawn
        contents = [np.uint64(content_seed(seed)).astype(np.int64) for seed in seeds]
        self.episodes["content_seed"] = contents

    def step(self, actions: NDArray[np.int64]) -> None:
        """One control interval of every episode; actions have shape (n, n_knobs) and are legal.

        Raises:
            RuntimeError: more is in flight than there is room for.
        """
        n = len(self.episodes)
        if n < WORTH_THREADS:
            self._step_some(actions, 0, n)
        else:
            borders = [n * part // self._n_threads for part in range(self._n_threads + 1)]
            parts = [self._threads.submit(self._step_some, actions, *ends) for ends in pairwise(borders)]
            for part in parts:
                part.result()
        if self.observations is not self._observed:
            for i in range(n):
                self._receive(i, self.verdicts["reward"].item(i))
        if self._out_of_room.any():
            raise RuntimeError(
                f"more than {records.N_FRAMES} frames are in flight, or {records.N_WINDOW} of one stream: "
                "shorten the lease or the queue (env.queue_bound_s)"
            )

    def _step_some(self, actions: NDArray[np.int64], first: int, last: int) -> None:
        shared = self.records, self._rules, self.episodes, self.verdicts, self.events
        step_some(*shared, actions, first, last)

    def _receive(self, i: int, reward: float) -> None:
        """Have the agent of episode i see what reaches it of what was observed."""
        reception = self._receptions[i]
        if reception is not None:
            self.observations[i], self.received_rewards[i] = reception.receive(self._observed[i], reward)
        elif self.observations is not self._observed:
            self.observations[i] = self._observed[i]

    def _timeline(self, k: int, seed: int) -> Timeline:
        system = self.systems[k]
        scenario = system.scenario
        if scenario.is_drawn:
            return scenario.timeline(system.steps, system.control_interval_s, seed)
        if k not in self._timelines:
            self._timelines[k] = scenario.timeline(system.steps, system.control_interval_s, seed)
        return self._timelines[k]
