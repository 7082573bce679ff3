"""Where theory knows the answer, the simulator agrees with it: Erlang, Pollaczek and Khinchine, Little."""

import math
from itertools import product

import pytest

from tests.cases import nightly_but
from tests.envs.simulator.queueing import (
    BUSY_AREA_NS,
    NUMBER_AREA_NS,
    SERVICE_NS,
    WAIT_NS,
    Estimate,
    Service,
    exponential,
    lognormal,
    observe,
)

MEAN_S = 0.010
N_ARRIVALS = 2_000_000
ERRORS = 4.0  # standard errors: one in 16,000 lies beyond, and seeds are fixed
LARGEST_ERROR = 0.02  # relative: a test that allows for more would prove little


def assert_agrees(observed: Estimate, expected: float) -> None:
    """Within sampling error, and that is small."""
    assert observed.error < LARGEST_ERROR * expected
    assert abs(observed.mean - expected) < ERRORS * observed.error


def erlang_c(n_workers: int, offered: float) -> float:
    """Probability of waiting in M/M/c; `offered` = arrival rate x mean service time, < n_workers."""
    terms = [offered**k / math.factorial(k) for k in range(n_workers + 1)]
    waiting = terms[-1] * n_workers / (n_workers - offered)
    return waiting / (sum(terms[:-1]) + waiting)


def mean_wait_mmc_s(n_workers: int, offered: float) -> float:
    """Mean wait in M/M/c."""
    return erlang_c(n_workers, offered) * MEAN_S / (n_workers - offered)


def mean_wait_mg1_s(service: Service, arrivals_hz: float) -> float:
    """Mean wait in M/G/1, by Pollaczek and Khinchine."""
    return arrivals_hz * service.second_moment_s2 / 2 / (1 - arrivals_hz * service.mean_s)


def test_the_exponential_of_these_tests_is_one_within_a_thousandth():
    assert exponential(MEAN_S).second_moment_s2 == pytest.approx(2 * MEAN_S**2, rel=1e-3)


def test_erlang_c_by_hand():
    assert erlang_c(1, 0.5) == pytest.approx(0.5)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)  # 1 / (1 + 1 + 1)


@pytest.mark.parametrize(
    ("n_workers", "load"),
    nightly_but([(1, 0.85), (2, 0.7), (4, 0.5)], product((1, 2, 4), (0.5, 0.7, 0.85))),
)
def test_many_exponential_servers_wait_as_erlang_says(n_workers, load):
    offered = load * n_workers
    seed = 100 * n_workers + round(100 * load)  # each case has a seed of its own
    queue = observe(exponential(MEAN_S), n_workers, offered / MEAN_S, N_ARRIVALS, seed)
    assert_agrees(queue.wait_share, erlang_c(n_workers, offered))
    assert_agrees(queue.wait_s, mean_wait_mmc_s(n_workers, offered))
    assert_agrees(queue.busy_share, load)


@pytest.mark.parametrize(
    ("sigma", "load"),
    nightly_but([(0.0, 0.85), (0.3, 0.7), (0.8, 0.5)], product((0.0, 0.3, 0.8), (0.5, 0.7, 0.85))),
)
def test_one_server_waits_as_pollaczek_and_khinchine_say(sigma, load):
    """Deterministic service (M/D/1) and log-normal."""
    service = lognormal(MEAN_S, sigma)
    seed = round(1000 * sigma + 100 * load)
    queue = observe(service, 1, load / MEAN_S, N_ARRIVALS, seed)
    assert_agrees(queue.wait_s, mean_wait_mg1_s(service, load / MEAN_S))
    assert_agrees(queue.wait_share, load)
    assert_agrees(queue.busy_share, load)


@pytest.mark.parametrize("n_workers", [1, 4])
def test_littles_law_holds_to_the_nanosecond(n_workers):
    """Between empty and empty, frames in the system x time is the sum of their times in it."""
    queue = observe(lognormal(MEAN_S, 0.5), n_workers, 0.8 * n_workers / MEAN_S, 20_000, seed=3)
    assert queue.total(NUMBER_AREA_NS) == queue.total(WAIT_NS) + queue.total(SERVICE_NS)
    assert queue.total(BUSY_AREA_NS) == queue.total(SERVICE_NS)
