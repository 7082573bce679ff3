"""Metrics, each a function of an interval's raw facts; NaN = unknown, which is not zero.

These are plain arithmetic on attributes that are numbers, so that the simulator compiles the very same
functions, and those of this module that they call, for its own record of facts, which has the attributes they
use: one formula, two doors.
"""

import math

from pipeline.interval import Interval


def queue_size(facts: Interval) -> float:
    """Tasks waiting at the interval's end, all streams."""
    return float(facts.queue_size)


def memory_usage(facts: Interval) -> float:
    """Bytes of the frames that the producer holds in queue and leases, as a share of its budget for them.

    Not the live RSS, which is a ratchet and has a part that no knob moves, nor the host's memory.
    """
    return facts.held_bytes / facts.budget_bytes


def latency_p50_ms(facts: Interval) -> float:
    """Median end-to-end latency; the age of the oldest undelivered frame if nothing was delivered."""
    return facts.latency_p50_ms


def latency_p95_ms(facts: Interval) -> float:
    """95th percentile of the end-to-end latency, likewise."""
    return facts.latency_p95_ms


def latency_p99_ms(facts: Interval) -> float:
    """99th percentile of the end-to-end latency, likewise."""
    return facts.latency_p99_ms


def drop_rate(facts: Interval) -> float:
    """Dropped, lost and late frames per frame asked for; may exceed 1 when old frames are dropped."""
    if facts.asked_for > 0:
        return facts.gone / facts.asked_for
    return 1.0 if facts.gone > 0 else math.nan


def drop_streak(facts: Interval) -> float:
    """Most frames of a stream in a row that were dropped, lost or late, see `Interval`."""
    return float(facts.drop_streak)


def load_capture(facts: Interval) -> float:
    """Share of the time that the capturing thread was busy: reading, decoding, skipping, scaling."""
    return facts.capture_s / facts.duration_s


def load_link(facts: Interval) -> float:
    """Frames/s asked for ÷ those that the workers' links can carry; may exceed 1.

    A link carries a frame in the time that one occupied its busier direction (`WorkerInterval.down_s`);
    unknown while no result has come that tells of it.
    """
    return facts.asked_for / facts.duration_s / facts.link_fps


def load_compute(facts: Interval) -> float:
    """Frames/s asked for ÷ those that live workers can compute, each at its own pace; may exceed 1.

    A worker's pace is the mean of the tasks that it finished in the interval; a task that has already run
    longer than that counts with what it has run so far, which is how a hang or saturation shows before it
    ends; one that finished nothing keeps its recent pace. If nobody finished anything, tasks in progress are
    the sample, a lower bound: known where it shows saturation, >= 1, for a lower one would read as spare.
    Unknown if there is none either. Infinite when frames are offered to no worker.
    """
    if facts.n_workers == 0:
        return math.inf if facts.asked_for > 0 else math.nan
    bound = facts.asked_for / facts.duration_s / facts.compute_fps
    return bound if facts.processed > 0 or bound >= 1 else math.nan


def load(facts: Interval) -> float:
    """That of the bottleneck: the largest of `load_capture`, `load_link` and `load_compute`.

    While the last is unknown, the others are a lower bound, and known where they show saturation, >= 1.
    """
    compute = load_compute(facts)
    highest = load_capture(facts)
    for stage in (load_link(facts), compute):
        if stage > highest:  # not where it is unknown
            highest = stage
    return math.nan if math.isnan(compute) and highest < 1 else highest


def delivered_fps(facts: Interval) -> float:
    """Frames/s emitted in time, per stream."""
    return facts.delivered / facts.duration_s / facts.n_streams


def processing_time_max_worker(facts: Interval) -> float:
    """Slowest live worker's service time ÷ (live workers ÷ offered frames/s).

    Its service time is the mean of what it finished in the interval, or what its task in progress has taken
    so far if that is longer; where none was finished that is a lower bound, known as for `load`.
    """
    if facts.n_workers == 0:
        return math.nan
    bound = facts.slowest_service_s * facts.asked_for / facts.duration_s / facts.n_workers
    return bound if facts.processed > 0 or bound >= 1 else math.nan


def offered_fps(facts: Interval) -> float:
    """Frames/s offered, all streams."""
    return facts.offered / facts.duration_s


def processed_fps(facts: Interval) -> float:
    """Frames/s finished by live workers, all streams."""
    return facts.processed / facts.duration_s


def service_ms(facts: Interval) -> float:
    """Mean service time over the frames that live workers finished."""
    return 1e3 * (facts.service_s / facts.processed) if facts.processed > 0 else math.nan


def utilisation(facts: Interval) -> float:
    """Mean share of the interval that a live worker was busy, as far as heartbeats and results tell."""
    return facts.busy_s / facts.n_workers / facts.duration_s if facts.n_workers > 0 else math.nan


def utilisation_balance(facts: Interval) -> float:
    """How evenly live workers are busy, each by its own capacity: 1 = all alike, 1 / n = one of n alone.

    (sum u)^2 / (n sum u^2), u the share of the time that a worker was busy; unknown where nobody was.
    Source: Jain, Chiu and Hawe, A Quantitative Measure of Fairness, DEC-TR-301, 1984.
    """
    squares = facts.n_workers * facts.busy_squares_s2
    return facts.busy_s * facts.busy_s / squares if squares > 0 else math.nan


def live_workers(facts: Interval) -> float:
    """Workers that have registered, are ready and have not fallen silent."""
    return float(facts.n_workers)


def time_to_adapt_ms(facts: Interval) -> float:
    """From the setting of knobs to the first emitted frame processed under it; while none is, until now."""
    return facts.adapting_ms


def recovery_ms(facts: Interval) -> float:
    """How long frames that a worker had not brought took to their outcome, see `Interval`; 0 = none was."""
    return facts.recovery_ms


def response_ms(facts: Interval) -> float:
    """As `time_to_adapt_ms`, and 0 where no setting waited to be shown: what an SLO is on."""
    return 0.0 if math.isnan(facts.adapting_ms) else facts.adapting_ms


def error_rate(facts: Interval) -> float:
    """Attempts at tasks that failed, and workers that gave up, as a share of all attempts that ended."""
    attempts = facts.failed + facts.processed
    return facts.failed / attempts if attempts > 0 else math.nan


def unknown_share(facts: Interval) -> float:
    """Share of latency and load that the interval does not tell: 0, 1/2 or 1."""
    return (math.isnan(latency_p95_ms(facts)) + math.isnan(load(facts))) / 2


def power_w(facts: Interval) -> float:
    """Mean power of the live workers over the interval."""
    return facts.power_w


def energy_per_frame_j(facts: Interval) -> float:
    """Energy that the live workers took for each delivered frame; infinite where none was delivered."""
    used_j = facts.power_w * facts.duration_s
    return used_j / facts.delivered if facts.delivered > 0 else used_j * math.inf


def energy_per_object_j(facts: Interval) -> float:
    """Energy that they took for each object that a detection showed, once for each source frame, likewise."""
    if not facts.matches:
        return math.nan
    used_j = facts.power_w * facts.duration_s
    return used_j / facts.matched if facts.matched > 0 else used_j * math.inf


# Those of the published predecessor: its queue bound is in frames of the knob's own rate, its memory the
# host's, its times the last RECENT_TASKS tasks' whatever interval they fell in.


def queue_s(facts: Interval) -> float:
    """Tasks waiting, in seconds of one stream's frames at the knob's present rate."""
    return facts.queue_size / facts.fps


def host_memory(facts: Interval) -> float:
    """Share of the host's memory in use: at READY, and what is held in queue and leases."""
    return (facts.host_used_bytes + facts.held_bytes) / facts.host_bytes


def task_time_share(facts: Interval) -> float:
    """Mean of the last RECENT_TASKS service times ÷ the time between two frames of one stream."""
    return facts.recent_service_s * facts.fps


def task_time_share_max_worker(facts: Interval) -> float:
    """Slowest live worker's mean of its own last RECENT_TASKS service times ÷ the time between two frames."""
    return facts.slowest_recent_service_s * facts.fps
