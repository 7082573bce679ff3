"""How the vehicles of the traffic scene drive."""

from itertools import pairwise

import numpy as np

from pipeline.sources.traffic.flow import LANES, TrafficFlow
from pipeline.sources.traffic.vehicles import FLEET


def test_nobody_drives_into_the_one_ahead():
    flow = TrafficFlow(np.random.default_rng(5))
    for _ in range(1500):
        flow.step(0.2)
        for lane in LANES:
            queue = sorted((v for v in flow.vehicles if v.lane == lane), key=lambda v: -v.front_m)
            assert all(ahead.rear_m - behind.front_m > 0.5 for ahead, behind in pairwise(queue))


def test_the_road_is_in_use_from_the_start_and_by_both_directions():
    vehicles = TrafficFlow(np.random.default_rng(0)).vehicles
    assert len(vehicles) >= 6
    assert {vehicle.lane.is_oncoming for vehicle in vehicles} == {True, False}


def test_vehicles_are_given_from_far_to_near():
    distances_m = [vehicle.z_m for vehicle in TrafficFlow(np.random.default_rng(1)).vehicles]
    assert distances_m == sorted(distances_m, reverse=True)


def test_denser_traffic_is_slower():
    flow = TrafficFlow(np.random.default_rng(2))
    crowds: list[tuple[int, float]] = []
    for _ in range(300):
        flow.step(1.0)
        speeds = [vehicle.speed_m_s for vehicle in flow.vehicles]
        crowds.append((len(speeds), float(np.mean(speeds))))
    counts, speeds_m_s = np.array(crowds).T
    assert np.corrcoef(counts, speeds_m_s)[0, 1] < -0.3
    assert speeds_m_s.min() > 1.0


def test_shares_of_the_fleet_sum_to_one_and_cars_are_most():
    shares = {
        label: sum(m.share for m in FLEET if m.body.label == label) for label in ("car", "bus", "truck")
    }
    assert sum(shares.values()) == 1.0
    assert shares["car"] > 0.7
