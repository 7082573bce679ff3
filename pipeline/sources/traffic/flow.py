"""Who drives where in the traffic scene: vehicles that follow each other along the lanes."""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.content import Swing
from pipeline.sources.traffic.vehicles import FLEET, Model, Paint

FLOW = 0  # what of a seed's random numbers are for traffic
LANE_WIDTH_M = 3.5
LANES_EACH_WAY = 2
MEDIAN_HALF_M = 0.65
NEAR_Z_M = 21.0  # a front here is below the picture, even the highest one
FAR_Z_M = 200.0  # a near end here is behind the crest, even the highest one
LONGEST_STEP_S = 0.1
RUN_UP_S = 25.0  # driven before the first picture, so that the road is not empty
ACCELERATION_M_S2, BRAKING_M_S2 = (
    1.6,
    2.2,
)  # usual values of the Intelligent Driver Model, as are the next two
HEADWAY_S, STANDING_GAP_M = 1.1, 2.5
HARDEST_BRAKING_M_S2 = 8.0
SPEED_M_S = {"car": (16.0, 2.0), "bus": (13.0, 1.0), "truck": (13.5, 1.2)}  # wished for: mean, spread
SLOWEST_M_S = 8.0  # wished for
JAM_SPEED_SHARE = 0.4  # of the wished speed, where traffic is densest
SPARSE_GAP_M, DENSE_GAP_M = 120.0, 10.0  # mean extra distance between two that enter
ENTRY_HEADWAY_S = 0.4
ASIDE_M = 0.3  # off the lane's middle, at most
DENSITY_PERIODS_S = (53.0, 139.0)  # of two waves, so that it does not repeat soon


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: x of its middle, and whether its traffic comes towards the camera."""

    x_m: float
    is_oncoming: bool


LANES = tuple(
    Lane(side * (MEDIAN_HALF_M + LANE_WIDTH_M * (i + 0.5)), is_oncoming=side < 0)
    for side in (-1, 1)
    for i in range(LANES_EACH_WAY)
)
PAINTED_SHARES = [model.share / len(model.paints) for model in FLEET for _ in model.paints]
PAINTED_MODELS: list[tuple[Model, Paint]] = [(model, paint) for model in FLEET for paint in model.paints]


@dataclass(slots=True)
class Vehicle:
    """One vehicle on the road.

    Attributes:
        track: its number, in order of appearance.
        aside_m: how far right of its lane's middle it is.
        front_m: how far its front has come from where it entered.
        speed_m_s, wish_m_s: its speed, and the one that it would like.
    """

    model: Model
    paint: Paint
    lane: Lane
    track: int
    aside_m: float
    front_m: float
    speed_m_s: float
    wish_m_s: float

    @property
    def rear_m(self) -> float:
        return self.front_m - self.model.body.length_m

    @property
    def x_m(self) -> float:
        return self.lane.x_m + self.aside_m

    @property
    def z_m(self) -> float:
        """Distance of its near end from the camera."""
        return FAR_Z_M - self.front_m if self.lane.is_oncoming else NEAR_Z_M + self.rear_m


class TrafficFlow:
    """The vehicles of all lanes; the same generator and the same steps give the same traffic.

    Args:
        rng: decides who comes.
        density: of the traffic that enters over time, in [0, 1]; None = it varies by waves of its own.
        pace: how many times as fast as traffic drives it does, > 0.
    """

    def __init__(self, rng: np.random.Generator, density: Swing | None = None, pace: float = 1.0):
        self._rng = rng
        self._density, self._pace = density, pace
        self._phases = rng.uniform(0, 2 * math.pi, (2, len(DENSITY_PERIODS_S)))
        self._queues: dict[Lane, list[Vehicle]] = {lane: [] for lane in LANES}  # the first one leads
        self._reserve = {lane: float(rng.exponential()) for lane in LANES}  # how far the next one keeps off
        self._n_entered = 0
        self._now_s = -RUN_UP_S / pace
        self.step(RUN_UP_S / pace)

    @property
    def vehicles(self) -> list[Vehicle]:
        """List all on the road, from far to near."""
        everyone = (vehicle for queue in self._queues.values() for vehicle in queue)
        return sorted(everyone, key=lambda vehicle: -vehicle.z_m)

    def density(self, is_oncoming: bool) -> float:
        """Say how dense the traffic of one direction is that enters now, in [0, 1]."""
        if self._density is not None:
            return self._density.at(max(0.0, self._now_s))
        phases = self._phases[int(is_oncoming)]
        waves = (
            math.sin(2 * math.pi * self._now_s / period_s + phase)
            for period_s, phase in zip(DENSITY_PERIODS_S, phases, strict=True)
        )
        return 0.5 + 0.5 * sum(waves) / len(DENSITY_PERIODS_S)

    def step(self, elapsed_s: float) -> None:
        """Let so much time pass."""
        driven_s = self._pace * elapsed_s
        n_steps = math.ceil(driven_s / LONGEST_STEP_S)
        for _ in range(n_steps):
            densities = {is_oncoming: self.density(is_oncoming) for is_oncoming in (False, True)}
            for lane, queue in self._queues.items():
                density = densities[lane.is_oncoming]
                _drive(queue, driven_s / n_steps, 1.0 - (1.0 - JAM_SPEED_SHARE) * density)
                self._replace(lane, queue, density)
            self._now_s += elapsed_s / n_steps

    def _replace(self, lane: Lane, queue: list[Vehicle], density: float) -> None:
        """Take out who has left the scene, and let the next one in where there is room."""
        if queue and queue[0].rear_m > FAR_Z_M - NEAR_Z_M:
            del queue[0]
        mean_gap_m = DENSE_GAP_M + (SPARSE_GAP_M - DENSE_GAP_M) * (1.0 - density) ** 2
        gap_m = STANDING_GAP_M + self._reserve[lane] * mean_gap_m
        if not queue or queue[-1].rear_m > gap_m + ENTRY_HEADWAY_S * queue[-1].speed_m_s:
            queue.append(self._enter(lane, queue[-1].speed_m_s if queue else math.inf))

    def _enter(self, lane: Lane, ahead_m_s: float) -> Vehicle:
        rng = self._rng
        model, paint = PAINTED_MODELS[rng.choice(len(PAINTED_MODELS), p=PAINTED_SHARES)]
        wish_m_s = max(SLOWEST_M_S, float(rng.normal(*SPEED_M_S[model.body.label])))
        aside_m = float(rng.uniform(-ASIDE_M, ASIDE_M))
        self._reserve[lane] = float(rng.exponential())
        self._n_entered += 1
        return Vehicle(model, paint, lane, self._n_entered, aside_m, 0.0, min(wish_m_s, ahead_m_s), wish_m_s)


def _drive(queue: list[Vehicle], elapsed_s: float, pace: float) -> None:
    """Move a lane's vehicles; `pace` scales the speeds wished for.

    Source: the Intelligent Driver Model, Treiber, Hennecke and Helbing, Phys. Rev. E 62, 1805 (2000).
    """
    comfort = 2.0 * math.sqrt(ACCELERATION_M_S2 * BRAKING_M_S2)
    ahead_rear_m, ahead_m_s = math.inf, 0.0
    for vehicle in queue:
        speed = vehicle.speed_m_s
        gap_m = max(0.1, ahead_rear_m - vehicle.front_m)
        wanted_m = STANDING_GAP_M + max(0.0, speed * HEADWAY_S + speed * (speed - ahead_m_s) / comfort)
        push = 1.0 - (speed / (vehicle.wish_m_s * pace)) ** 4 - (wanted_m / gap_m) ** 2
        change = max(-HARDEST_BRAKING_M_S2, ACCELERATION_M_S2 * push)
        vehicle.speed_m_s = max(0.0, speed + change * elapsed_s)
        vehicle.front_m += vehicle.speed_m_s * elapsed_s
        ahead_rear_m, ahead_m_s = vehicle.rear_m, vehicle.speed_m_s
