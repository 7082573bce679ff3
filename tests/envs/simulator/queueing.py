"""The simulator as a plain queue: Poisson arrivals, no links, and a bound that nothing reaches.

The source is switched off; a compiled driver offers frames at given times, and between them adds up, event
by event, how many frames are in the system. Everything else is the simulator's own walk.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.hardware import Device, GradeTimes, Hardware, Host, Origin
from envs.simulator.compiling import compiled
from envs.simulator.handing_out import serve
from envs.simulator.ledger import enforce_bound, n_queued, offer
from envs.simulator.records import EPISODE, N_GRADES, N_QUANTILES, N_SIZES, NONE
from envs.simulator.tables import systems_of
from envs.simulator.timers import find_next
from envs.simulator.walk import begin, begin_interval, run_until
from pipeline.messages import Binding, HandOut
from tests.envs.simulator.systems import LADDERS, spec, system

ROW_ARRIVALS = 2000  # of a row of sums; with the backlog still below records.N_FRAMES
# columns of the sums
ARRIVED, WAITED, DELIVERED, WAIT_NS, SERVICE_NS, NUMBER_AREA_NS, BUSY_AREA_NS, ELAPSED_NS, N_SUMS = range(9)
QUEUE_BOUND, SOURCE_FPS = 2000, 30.0
FLIGHT_NS = 10**9  # for what is in the system when arrivals end, again and again until nothing is


@compiled
def n_busy(s, e):
    """Workers that compute."""
    n = 0
    for w in range(e.n_workers):
        n += e.workers[w].serving != NONE
    return n


@compiled
def add_areas(s, e, duration_ns, row):
    """Frames in the system, and workers that are busy, over a time in which neither changes."""
    busy = n_busy(s, e)
    row[NUMBER_AREA_NS] += duration_ns * (n_queued(s, e) + busy)
    row[BUSY_AREA_NS] += duration_ns * busy


@compiled
def pass_time(s, e, from_ns, until_ns, row):
    """Every event before a time, and the areas up to it."""
    row[ELAPSED_NS] += until_ns - from_ns
    find_next(s, e)
    while e.next_ns < until_ns:
        happens_ns = e.next_ns
        add_areas(s, e, happens_ns - from_ns, row)
        run_until(s, e, happens_ns + 1)
        from_ns = happens_ns
        find_next(s, e)
    add_areas(s, e, until_ns - from_ns, row)
    run_until(s, e, until_ns)


@compiled
def close_row(s, e, row):
    """What the simulator's own meters have of the interval; they begin anew."""
    row[DELIVERED] += e.i_delivered
    row[WAIT_NS] += e.hops[0] + e.hops[1] + e.hops[2]
    row[SERVICE_NS] += e.hops[3]
    begin_interval(s, e)


@compiled
def drive(systems, episodes, arrivals_ns, grades, sizes, sums):
    """Offer every frame at its time, then wait until all are delivered; the last row has what comes then."""
    s, e = systems[0], episodes[0]
    now_ns = 0
    for k in range(len(arrivals_ns)):
        row = sums[k // ROW_ARRIVALS]
        pass_time(s, e, now_ns, arrivals_ns[k], row)
        now_ns = arrivals_ns[k]
        f = offer(s, e, 0, k, now_ns, e.epoch, sizes[k], grades[k])
        enforce_bound(s, e, f, now_ns)
        serve(s, e, now_ns)
        row[ARRIVED] += 1
        row[WAITED] += n_queued(s, e) > 0  # nobody has taken it
        if (k + 1) % ROW_ARRIVALS == 0:
            close_row(s, e, row)
    while e.n_flight > 0:
        pass_time(s, e, now_ns, now_ns + FLIGHT_NS, sums[-1])
        now_ns += FLIGHT_NS
    close_row(s, e, sums[-1])


@dataclass(frozen=True, slots=True)
class Service:
    """Service times: piecewise uniform in equally likely cells, log-normal, or always the same.

    Attributes:
        mean_s, second_moment_s2: exact.
        sigma: of the logarithm, where there are no knots.
        knots_s: quantiles of each cell at equal steps of probability, shape (n_cells, N_QUANTILES), or None.
    """

    mean_s: float
    second_moment_s2: float
    sigma: float = 0.0
    knots_s: NDArray[np.float64] | None = None


def lognormal(mean_s: float, sigma: float) -> Service:
    """Always the mean if sigma is 0."""
    return Service(mean_s, mean_s**2 * math.exp(sigma**2), sigma)


def exponential(mean_s: float) -> Service:
    """Exponential, as 3,200 equally likely pieces within which it is uniform.

    The last piece, which has no end, gets one that keeps its mean; the whole is scaled to its mean exactly.
    """
    n_cells, n_pieces = N_GRADES * N_SIZES, N_GRADES * N_SIZES * (N_QUANTILES - 1)
    knots = -np.log1p(-np.arange(n_pieces) / n_pieces)
    knots = np.append(knots, knots[-1] + 2.0)  # an exponential beyond a has the mean a + 1
    a, b = knots[:-1], knots[1:]
    mean = np.mean((a + b) / 2)
    second = np.mean((a * a + a * b + b * b) / 3) / mean**2
    starts = np.arange(n_cells)[:, None] * (N_QUANTILES - 1)
    cells = knots[starts + np.arange(N_QUANTILES)] / mean
    return Service(mean_s, mean_s**2 * float(second), knots_s=mean_s * cells)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over batches, and its standard error."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True)
class Queue:
    """What was observed.

    Attributes:
        n_workers: servers.
        sums: of rows of ROW_ARRIVALS arrivals each, columns as above; the last row is what came after them.
    """

    n_workers: int
    sums: NDArray[np.int64]

    def total(self, column: int) -> int:
        """Over all rows."""
        return int(self.sums[:, column].sum())

    def ratio(self, top: int, bottom: int, n_batches: int = 50) -> Estimate:
        """Of two columns, from the means of batches that are long against the queue's memory."""
        rows = self.sums[:-1]
        batches = rows.reshape(n_batches, -1, rows.shape[1]).sum(axis=1)
        means = batches[:, top] / batches[:, bottom]
        return Estimate(float(means.mean()), float(means.std(ddof=1) / math.sqrt(n_batches)))

    @property
    def wait_s(self) -> Estimate:
        """Before service."""
        in_ns = self.ratio(WAIT_NS, DELIVERED)
        return Estimate(1e-9 * in_ns.mean, 1e-9 * in_ns.error)

    @property
    def wait_share(self) -> Estimate:
        """Of those who wait at all."""
        return self.ratio(WAITED, ARRIVED)

    @property
    def busy_share(self) -> Estimate:
        """Of the workers' time."""
        busy = self.ratio(BUSY_AREA_NS, ELAPSED_NS)
        return Estimate(busy.mean / self.n_workers, busy.error / self.n_workers)


def observe(service: Service, n_workers: int, arrivals_hz: float, n_arrivals: int, seed: int) -> Queue:
    """Simulate a queue with Poisson arrivals, empty at first and at last.

    Args:
        n_arrivals: a multiple of ROW_ARRIVALS.
        seed: of arrivals and service times.
    """
    rng = np.random.default_rng(seed)
    arrivals_ns = np.cumsum(np.rint(rng.exponential(1e9 / arrivals_hz, n_arrivals)).astype(np.int64))
    systems, episodes = _records(service, n_workers)
    grades, sizes = np.zeros((2, n_arrivals), np.int64)
    if service.knots_s is not None:  # a cell is a grade and a size
        grades, sizes = rng.integers(N_GRADES, size=n_arrivals), rng.integers(N_SIZES, size=n_arrivals)
    begin(systems, episodes, 0, seed, np.array([slo.threshold for slo in spec().slos]))
    sums = np.zeros((n_arrivals // ROW_ARRIVALS + 1, N_SUMS), np.int64)
    drive(systems, episodes, arrivals_ns, grades, sizes, sums)
    queue = Queue(n_workers, sums)
    assert queue.total(DELIVERED) == queue.total(ARRIVED) == n_arrivals, "a plain queue loses nothing"
    return queue


def _records(service: Service, n_workers: int) -> tuple[np.ndarray, np.ndarray]:
    """The system's record, with a worker that holds one frame at a time, and an episode's."""
    ms = {size: 1e3 * service.mean_s for size in ("32x18", "64x36")}
    times = {grade: GradeTimes(ms, Origin.ASSUMED, "this test") for grade in LADDERS.grades}
    device = Device(count=n_workers, times=times, sigma=service.sigma)
    plain = system(
        binding=Binding.CAPTURE,  # every frame has a grade and a size of its own
        hand_out=HandOut.FIRST_ASKS,  # one queue for all
        hardware=Hardware((device,), Host(message_ms=0.0)),
        queue_bound_s=QUEUE_BOUND / SOURCE_FPS,
    )
    systems = systems_of([plain], spec())
    systems["n_slots"], systems["n_source_frames"] = 1, 0
    if service.knots_s is not None:
        cells_ms = 1e3 * service.knots_s.reshape(N_GRADES, N_SIZES, N_QUANTILES)
        means_ms = (cells_ms[..., 1:] + cells_ms[..., :-1]).mean(axis=-1) / 2
        for kind in systems[0]["kinds"][:n_workers]:
            kind["mean_ms"], kind["n_quantiles"] = means_ms, N_QUANTILES
            kind["quantiles"] = cells_ms / means_ms[..., None]
    return systems, np.zeros(1, EPISODE)
