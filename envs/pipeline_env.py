"""The real pipeline as a Gymnasium environment: `elasticbench/Pipeline-v0`."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import gymnasium as gym
import msgspec
import numpy as np
from numpy.typing import NDArray

from envs.cluster import Cluster
from envs.control_grid import ControlGrid, sleep_until
from envs.energy import PowerSensor
from envs.guards import NO_GUARDS, Gate, Guards
from envs.hardware import Hardware
from envs.observe import NOTHING, Judged, Snapshot, judge, latest_f1
from envs.pipeline_world import PipelineWorld, check_scenario
from envs.scenario import Event, Scenario
from envs.seeding import episode_seed
from envs.spec import ElasticitySpec
from envs.telemetry import RECEIVED, Reception
from envs.video import check_ladders, ladders_of, worst_weights
from pipeline.control import UnansweredError
from pipeline.interval import Interval
from pipeline.messages import State, Status, Telemetry, Weights
from pipeline.program import ClusterError
from pipeline.settings import Ladders

logger = logging.getLogger(__name__)

Observation = NDArray[np.float32]

SCORING = ("scored", "matched", "found", "present", "scoring_s")
DESERTED = "no worker was live any more when the run ended, though the scenario had left some"


class PipelineEnv(gym.Env[Any, Any]):
    """A running pipeline, one control interval per step.

    Observation and action: see `ElasticitySpec`; info: see `envs.observe.judge`, and after a step
    info["source"], what was wrong with the source so far, see `pipeline.sources.base.SourceReport`, and
    info["scoring"], what streaming F1 was made of and what that cost, see `Interval`; and
    info["power_source"], see `PowerSource`, "" = nobody knows the power. All SLOs of the first observation
    are unknown.

    Time: the control grid begins when the producer has begun the episode, t0 + k · interval on a monotonic
    clock, and every step ends on it. Frames keep arriving while the agent thinks. An agent that thinks past
    a grid point gets the next one: `interval_s` is then as long as it was, and `overrun` is set.

    | the episode ends | when                                                                            |
    |------------------|---------------------------------------------------------------------------------|
    | truncated        | `steps` have been made, or the source has ended                                 |
    | terminated       | the producer is gone, or the collector or every worker, and not to be started    |
    |                  | again; control is unanswered; the source has failed; or at the end no worker has |
    |                  | been live for a while, though the scenario left some: info["error"] says why     |

    At the end of every step a worker or a collector that died by itself is started again, as often as the
    cluster allows; `info` counts deaths and restarts. A scenario may kill all workers: the pipeline then
    lives on, with its SLOs broken. `reset` replaces lost workers, ends added ones and keeps the others with
    the models they have loaded; devices are cool and as fast as ever. `close`, and any exception that leaves
    `reset` or `step`, ends every process.

    Args:
        spec: what agents see; knobs as `envs.video.video_spec` makes them, for the producer's own source.
            Kept as `elasticity`, for Gymnasium has another `spec`.
        cluster: makes the pipeline when it is first needed, and again once it is dead.
        steps: control intervals per episode, >= 1.
        control_interval_s: > 0.
        scenario: what happens meanwhile.
        initial_levels: level index per knob at the start; None = the highest.
        ready_timeout_s: how long workers may take to load their models.
        on_progress: is told what start-up waits for.
        hardware: whose workers the cluster's are, for their power; None = not known.
        sensor: of the power of their machine, which then counts in place of the hardware's.
        guards: limits to what decisions do; `info["levels"]` says what is in force.
        shadow: set nothing, and leave an episode alone that is running already; somebody else steers.
        clock, sleep_until: monotonic time in ns.

    Raises:
        ValueError: an argument out of range.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(
        self,
        spec: ElasticitySpec,
        cluster: Callable[[], Cluster],
        steps: int,
        control_interval_s: float = 1.0,
        scenario: Scenario | None = None,
        initial_levels: Sequence[int] | None = None,
        ready_timeout_s: float = 180.0,
        on_progress: Callable[[str], None] = logger.info,
        hardware: Hardware | None = None,
        sensor: PowerSensor | None = None,
        guards: Guards = NO_GUARDS,
        shadow: bool = False,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep_until: Callable[[int], None] = sleep_until,
    ) -> None:
        if steps < 1:
            raise ValueError(f"steps must be >= 1, got {steps} (env.steps)")
        self.elasticity = spec
        self.observation_space = spec.observation_space
        self.action_space = spec.action_space
        self._make_cluster = cluster
        self._cluster: Cluster | None = None
        self._steps = steps
        self._grid = ControlGrid(control_interval_s, clock, sleep_until)
        self._scenario = scenario or Scenario()
        self._interval_s = control_interval_s
        self._hardware, self._sensor = hardware, sensor
        self._gate = Gate(guards, spec)
        self._shadow = shadow
        self._initial = spec.checked_action(spec.highest if initial_levels is None else initial_levels)
        self._ready_timeout_s = ready_timeout_s
        self._on_progress = on_progress
        self._ladders: Ladders | None = None  # set once the producer has told them
        self._step = 0
        self._levels = self._initial
        self._world: PipelineWorld | None = None  # of the episode
        self._totals = NOTHING  # of the episode, as they were known last
        self._f1 = math.nan  # likewise
        self._events: dict[int, tuple[Event, ...]] = {}
        self._weights = Weights.NONE
        self._reception: Reception | None = None  # of the episode

    # --- Gymnasium ---

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode: start what is not running, wait for every worker, restart the source.

        Args:
            seed: of the episode, also the source's; None draws one.
            options: none are known.

        Raises:
            ClusterError, ControlError: the pipeline cannot be had.
            ValueError: the producer's ladders are not the spec's, or the scenario cannot happen to it.
        """
        super().reset(seed=seed)
        if options:
            raise ValueError(f"reset knows no options, got {sorted(options)}")
        try:
            self._begin(episode_seed(seed, self.np_random))
        except BaseException:
            self.close()
            raise
        judged = judge(self.elasticity, self._snapshot(self._levels))
        observation, told = self._received(judged)
        return observation, judged.info | told

    def step(
        self, action: NDArray[np.int64] | Sequence[int]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Set the knobs, wait for the next grid point, and judge the interval that ended there.

        Raises:
            ValueError: an action outside the action space.
            ResetNeeded: no episode is running.
        """
        levels = self.elasticity.checked_action(action)
        if self._cluster is None:
            raise gym.error.ResetNeeded("call reset() before step(): no pipeline is running")
        try:
            return self._advance(self._cluster, levels)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End every process; idempotent."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()

    # --- beyond Gymnasium ---

    def status(self) -> Status:
        """Who is there and with which weights, and what the stream is; after `reset`."""
        return self._running.control.status()

    @property
    def weights(self) -> Weights:
        """The worst of the workers', as of the last `reset`."""
        return self._weights

    # --- parts of reset and step ---

    @property
    def _running(self) -> Cluster:
        if self._cluster is None:
            raise gym.error.ResetNeeded("call reset() first: no pipeline is running")
        return self._cluster

    def _begin(self, seed: int) -> None:
        cluster = self._usable_cluster()
        status = cluster.wait_ready(self._ready_timeout_s, self._on_progress)
        self._weights = worst_weights(status)
        self._ladders = ladders_of(status)
        check_ladders(self.elasticity, self._ladders)
        self._events = self._scenario.timeline(self._steps, self._interval_s, seed)
        telemetry = self._scenario.telemetry
        self._reception = None if telemetry is None else Reception(telemetry, self.elasticity, seed)
        self._world = PipelineWorld(
            cluster, self._scenario, self.elasticity.slos, self._hardware, self._sensor
        )
        self._levels = self._initial
        self._gate.begin()
        if self._shadow and status.state is State.RUNNING:
            self._levels = status.levels
        else:
            cluster.control.start(seed, self._initial, self._scenario.streams)
        self._grid.begin()
        self._step, self._totals, self._f1 = 0, NOTHING, math.nan

    def _usable_cluster(self) -> Cluster:
        """The running one with its first workers again, or a new one."""
        if self._cluster is not None:
            try:
                self._cluster.mend()
                self._cluster.restore()
                return self._cluster
            except ClusterError as error:
                logger.warning("the pipeline is started anew: %s", error)
                self.close()
        cluster = self._make_cluster()
        check_scenario(self._scenario, len(cluster.workers), self.elasticity.slos)
        self._cluster = cluster
        cluster.start()
        return cluster

    def _advance(
        self, cluster: Cluster, levels: tuple[int, ...]
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        assert self._world is not None, "made by reset"
        previous = self._levels
        try:
            for event in self._events.get(self._step, ()):
                logger.info("step %d: %s", self._step, event)
                event.apply(self._world)
            if not self._shadow:
                levels = self._gate.admitted(levels, previous)
                if levels != previous or self._step == 0:
                    cluster.control.set_levels(levels)
                self._levels = levels
            overrun = self._grid.wait()
            cluster.mend()
            telemetry = cluster.control.telemetry(close=True)
            interval = self._world.after(telemetry.interval)
        except (ClusterError, UnansweredError) as error:
            self._step += 1
            return self._dead(previous, str(error))
        if self._shadow:
            self._levels = telemetry.levels
        self._step, self._totals = self._step + 1, telemetry.totals
        judged = judge(self.elasticity, self._snapshot(previous, telemetry, interval, overrun))
        self._f1 = latest_f1(judged.info["metrics"], self._f1)
        is_over, error = self._step >= self._steps or telemetry.state is State.ENDED, telemetry.error
        if is_over and not error and self._world.is_deserted:
            error = DESERTED
        info = {
            **judged.info,
            "source": msgspec.structs.asdict(telemetry.source),
            "scoring": {name: getattr(interval, name) for name in SCORING},
            "power_source": "" if math.isnan(interval.power_w) else str(self._world.power_source),
        }
        if error:
            info["error"] = error
        observation, told = self._received(judged, judged.reward)
        return observation, judged.reward, error != "", is_over and error == "", info | told

    def _received(self, judged: Judged, reward: float = math.nan) -> tuple[Observation, dict[str, float]]:
        """Return what reaches the agent of what was observed, and what the info says of the reward."""
        if self._reception is None:
            return judged.observation, {}
        observation, received = self._reception.receive(judged.observation, reward)
        return observation, {RECEIVED: received}

    def _snapshot(
        self,
        previous: tuple[int, ...],
        telemetry: Telemetry | None = None,
        interval: Interval | None = None,
        overrun: bool = False,
    ) -> Snapshot:
        assert self._ladders is not None and self._world is not None
        known: dict[str, Any] = {}
        if telemetry is not None:
            known = {
                "interval": interval,
                "report_age_s": telemetry.report_age_s,
                "interval_s": telemetry.interval.duration_s,
                "overrun": overrun,
            }
        return Snapshot(
            step=self._step,
            levels=self._levels,
            previous=previous,
            settings=self._ladders.settings(self._levels),
            streams=self._world.streams,
            slos=self._world.slos,
            totals=self._totals,
            f1_before=self._f1,
            deaths=self._world.deaths,
            restarts=self._world.restarts,
            **known,
        )

    def _dead(
        self, previous: tuple[int, ...], error: str
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        logger.error("the pipeline is dead: %s", error)
        self.close()
        judged: Judged = judge(self.elasticity, self._snapshot(previous))
        return judged.observation, judged.reward, True, False, {**judged.info, "error": error}
