"""What a scenario does to a running pipeline over one episode, and what its devices consume."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import structs

from envs.cluster import Cluster
from envs.energy import PowerSensor, PowerSource
from envs.hardware import Hardware
from envs.scenario import OF_A_WORKER, EventKind, Scenario, heat_after, throttled
from pipeline.conditions import AS_STARTED, Conditions
from pipeline.interval import Interval
from pipeline.slos import Slo, with_threshold


class PipelineWorld:
    """A cluster as the `World` of a scenario; devices are the cluster's slots.

    A worker that takes the place of a dead one inherits its device, with its heat.

    Args:
        cluster: as it is at an episode's start: its configured workers, nothing done to them.
        scenario: what happens.
        slos: in force at the start.
        hardware: whose worker i is in slot i; None = not known, e.g. workers that were started elsewhere.
        sensor: of the power of the machine that the workers run on; None = it goes by the hardware.

    Attributes:
        streams: concurrent streams at present.
        slos: in force at present.
        is_deserted: no worker has been live of late, though the scenario had left some.
    """

    def __init__(
        self,
        cluster: Cluster,
        scenario: Scenario,
        slos: tuple[Slo, ...],
        hardware: Hardware | None,
        sensor: PowerSensor | None = None,
    ) -> None:
        self.streams = scenario.streams
        self.slos = slos
        self.is_deserted = False
        self._cluster = cluster
        self._n_meant = len(cluster.workers) or 1  # to work; those that run elsewhere no scenario can kill
        self._had_workers = True
        self._n_died, self._n_restarted = cluster.restarts.n_deaths, cluster.restarts.n_restarts
        self._kinds = None if hardware is None else hardware.workers
        self._sensor = sensor
        if sensor is not None:
            sensor.read_w()  # what was before is not of this episode
        self._thermal = scenario.thermal
        self._like = {slot: slot for slot in range(len(cluster.workers))}  # slot -> worker of the hardware
        self._slowdown = defaultdict[int, float](lambda: 1.0)  # by slot, of the scenario's events
        self._heat = defaultdict[int, float](float)  # by slot
        self._mbit_s: float | None = None  # of every link; None = as at the start
        self._told: dict[int, Conditions] = {}

    @property
    def deaths(self) -> int:
        """Workers and collectors that died in this episode though nobody meant them to."""
        return self._cluster.restarts.n_deaths - self._n_died

    @property
    def restarts(self) -> int:
        """Those of them that were started again."""
        return self._cluster.restarts.n_restarts - self._n_restarted

    @property
    def power_source(self) -> PowerSource:
        """Say where the power of an interval is from, if it is known."""
        return PowerSource.PROFILE if self._sensor is None else self._sensor.source

    def set_streams(self, streams: int) -> None:
        """Carry this many concurrent streams."""
        self._cluster.control.set_streams(streams)
        self.streams = streams

    def lose_worker(self, worker: int) -> None:
        """Kill -9."""
        self._cluster.kill_worker(worker)
        self._n_meant -= 1

    def join_worker(self, worker: int) -> None:
        """One more worker with the options of this one; it counts once its models are loaded."""
        slot = self._cluster.add_worker(self._cluster.workers[worker])
        self._n_meant += 1
        self._like[slot] = worker
        self._tell(slot)

    def slow_worker(self, worker: int, slowdown: float) -> None:
        """A native worker idles after computing, an emulated one sleeps longer; heat comes on top."""
        self._slowdown[worker] = slowdown
        self._tell(worker)

    def set_links(self, mbit_s: float) -> None:
        """Workers hold back what they receive and send for as long as such a link would."""
        self._mbit_s = mbit_s
        for slot in self._like:
            self._tell(slot)

    def set_threshold(self, metric: str, threshold: float) -> None:
        """Judge by another threshold."""
        self.slos = with_threshold(self.slos, metric, threshold)

    def after(self, interval: Interval) -> Interval:
        """Let the devices heat up or cool down over an interval; returns it with their power."""
        self._look_for_workers(bool(interval.workers))
        slots = self._cluster.slots
        shares = {
            slots[worker.name]: worker.busy_s / interval.duration_s
            for worker in interval.workers
            if worker.name in slots  # or it is dead, and another one is in its slot
        }
        if self._thermal is not None:
            for slot in self._like:
                share, heat = shares.get(slot, 0.0), self._heat[slot]
                self._heat[slot] = heat_after(heat, share, interval.duration_s, self._thermal.tau_s)
                self._tell(slot)
        return structs.replace(interval, power_w=self._power_w(shares))

    def _power_w(self, shares: Mapping[int, float]) -> float:
        """Of this machine, or by the share of the time that each slot was busy; NaN if nothing is known."""
        if self._sensor is not None:
            return self._sensor.read_w()
        if self._kinds is None or not shares:
            return math.nan
        return float(sum(self._kinds[self._like[slot]].power_w(share) for slot, share in shares.items()))

    def _look_for_workers(self, has_workers: bool) -> None:
        """It is decided when the last one goes: one that joins later may take its time to load its models."""
        if has_workers:
            self.is_deserted = False
        elif self._had_workers:
            self.is_deserted = self._n_meant > 0
        self._had_workers = has_workers

    def _tell(self, slot: int) -> None:
        hot = 1.0
        if self._thermal is not None:
            hot = throttled(self._heat[slot], self._thermal.throttles_from, self._thermal.slowdown)
        conditions = Conditions(self._slowdown[slot] * hot, self._mbit_s)
        if conditions != self._told.get(slot, AS_STARTED):
            self._cluster.set_conditions(slot, conditions)
            self._told[slot] = conditions


def check_scenario(scenario: Scenario, n_workers: int, slos: Sequence[Slo]) -> None:
    """Raise ValueError if a scenario cannot happen to a pipeline of which `n_workers` were started here.

    Args:
        scenario: what is to happen.
        n_workers: 0 if all of it runs elsewhere.
        slos: those it is judged by.
    """
    kinds = {event.kind for event in scenario.events}
    hurts = kinds & {*OF_A_WORKER, EventKind.LINKS}
    patterned = scenario.links or scenario.tenants or scenario.thermal or scenario.capacities
    if n_workers == 0 and (hurts or patterned):
        raise ValueError(
            "the scenario changes workers, their devices or links, but those of a pipeline that runs "
            "elsewhere are not ours to change; leave out env.control"
        )
    scenario.check(n_workers, [slo.metric for slo in slos])
