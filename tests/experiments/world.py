"""A stand-in world without processes: a real spec, real info, figures that follow from the levels alone."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.base import Agent
from envs.observe import Snapshot, judge
from envs.spec import ElasticitySpec
from envs.video import video_spec
from pipeline.interval import Interval, WorkerInterval
from pipeline.messages import Totals
from pipeline.settings import Ladders, ladders_for
from pipeline.slos import parse_slo

LADDERS: Ladders = ladders_for(640, 360, 30.0, ["n", "s"])
SPEC: ElasticitySpec = video_spec(LADDERS, [parse_slo("latency_p95_ms<=1000"), parse_slo("load<=1")])
SERVICE_S = 0.05  # of a frame at the highest setting; the others take as much less as they cost
N_WORKERS = 1


def interval(levels: tuple[int, ...]) -> Interval:
    """One second at these levels: all frames are delivered, late if the worker is overloaded."""
    settings = LADDERS.settings(levels)
    offered = round(settings.fps)
    share = settings.height / 360 * (1.0 if settings.grade else 0.3)
    service_s = SERVICE_S * share
    latency_ms = 1e3 * service_s * max(1.0, offered * service_s) ** 4
    return Interval(
        duration_s=1.0,
        source_fps=30.0,
        fps=settings.fps,
        n_streams=1,
        offered=offered,
        delivered=offered,
        dropped={"drop_oldest": 0},
        lost=0,
        late=0,
        queue_size=0,
        held_bytes=0,
        budget_bytes=2,
        host_used_bytes=1,
        host_bytes=2,
        latencies_ms=(latency_ms / 2, latency_ms, 2 * latency_ms),
        oldest_undelivered_ms=None,
        delivered_height_px=settings.height,
        delivered_by_grade=(offered, 0) if settings.grade == 0 else (0, offered),
        workers=(
            WorkerInterval(
                name="worker-0",
                processed=offered,
                service_s=offered * service_s,
                busy_s=offered * service_s,
                in_hand=0,
            ),
        ),
        recent_service_s=service_s,
        hops_ms={},
    )


class World(gym.Env):
    """An episode of `steps` seconds, as fast as it can be computed."""

    weights = "stood in for"

    def __init__(self, steps: int, dies_at: int | None = None) -> None:
        self.elasticity = SPEC
        self.observation_space, self.action_space = SPEC.observation_space, SPEC.action_space
        self._steps, self._dies_at = steps, dies_at
        self._step, self._levels, self._offered = 0, SPEC.highest, 0

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None):
        """Begin again at the highest setting."""
        super().reset(seed=seed)
        self._step, self._levels, self._offered = 0, SPEC.highest, 0
        judged = judge(SPEC, self._snapshot(self._levels, None))
        return judged.observation, judged.info

    def step(self, action: NDArray[np.int64]):
        """One second."""
        previous, self._levels = self._levels, tuple(int(level) for level in action)
        self._step += 1
        past = interval(self._levels)
        self._offered += past.offered
        judged = judge(SPEC, self._snapshot(previous, past))
        if self._step == self._dies_at:
            return judged.observation, -1.0, True, False, {**judged.info, "error": "the producer is gone"}
        return judged.observation, judged.reward, False, self._step >= self._steps, judged.info

    def _snapshot(self, previous: tuple[int, ...], past: Interval | None) -> Snapshot:
        return Snapshot(
            step=self._step,
            levels=self._levels,
            previous=previous,
            settings=LADDERS.settings(self._levels),
            streams=1,
            interval=past,
            totals=Totals(
                offered=self._offered,
                delivered=self._offered,
                dropped={"drop_oldest": 0},
                thinned=0,
                lost=0,
                lost_by={},
                late=0,
                in_flight=0,
                requeued=0,
            ),
            report_age_s=0.0 if past else math.inf,
            interval_s=1.0 if past else 0.0,
        )


class Script(Agent):
    """Plays a list of joint levels, the last one for ever; by default the lowest."""

    def __init__(
        self, spec: ElasticitySpec, script: Sequence[tuple[int, ...]] = (), figure: float = 0.5
    ) -> None:
        super().__init__(spec)
        self.script, self.figure, self.n_decisions = script or [spec.lowest], figure, 0

    def reset(self, seed: int) -> None:
        """From the first line."""
        self.n_decisions = 0

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """The next line."""
        levels = self.script[min(self.n_decisions, len(self.script) - 1)]
        self.n_decisions += 1
        return np.asarray(levels)

    def explain(self) -> dict[str, float]:
        """A constant."""
        return {"expected_capacity": self.figure}
