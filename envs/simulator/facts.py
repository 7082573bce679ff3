"""The facts of a simulated interval, as metrics are made from them."""

import math
from typing import NamedTuple

from envs import hardware
from envs.simulator.compiling import compiled
from envs.simulator.ledger import n_queued
from envs.simulator.occupancy import is_running
from envs.simulator.records import N_EPOCHS, NONE
from envs.simulator.scoring import streaming_f1
from envs.simulator.transport import is_shared
from pipeline import interval
from pipeline.interval import RECENT_TASKS

MS_PER_NS = 1e-6  # as in the producer's meter


class Facts(NamedTuple):
    """The attributes of `pipeline.interval.Interval` that its metrics use."""

    duration_s: float
    source_fps: float
    fps: float
    n_streams: int
    capture_s: float
    offered: int
    asked_for: int
    delivered: int
    gone: int
    queue_size: int
    held_bytes: int
    budget_bytes: int
    host_used_bytes: int
    host_bytes: int
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    adapting_ms: float
    n_workers: int
    processed: int
    service_s: float
    busy_s: float
    busy_squares_s2: float
    compute_fps: float
    link_fps: float
    slowest_service_s: float
    recent_service_s: float
    slowest_recent_service_s: float
    power_w: float
    matched: float
    found: float
    present: float
    drop_streak: int
    recovery_ms: float


mean_power_w = compiled(hardware.mean_power_w)
frame_s = compiled(interval.frame_s)
link_s = compiled(interval.link_s)
combined_fps = compiled(interval.combined_fps)


@compiled
def percentile_ms(ordered, n, share):
    """As numpy.percentile has it, linear between neighbours, of n >= 1 times in ns, in order."""
    place = share * (n - 1)
    left = int(place)
    a, weight = ordered[left] * MS_PER_NS, place - left
    b = ordered[min(left + 1, n - 1)] * MS_PER_NS
    return b - (b - a) * (1.0 - weight) if weight >= 0.5 else a + (b - a) * weight


@compiled
def latencies_ms(s, e):
    """(p50, p95, p99); if nothing was delivered the age of the oldest frame in flight, NaN without one."""
    n = e.i_delivered
    if n > 0:
        ordered = e.latencies_ns[:n]
        ordered.sort()
        return (
            percentile_ms(ordered, n, 0.5),
            percentile_ms(ordered, n, 0.95),
            percentile_ms(ordered, n, 0.99),
        )
    age_ms = math.nan
    if e.oldest != NONE:
        age_ms = (e.now_ns - e.frames[e.oldest].captured_ns) * MS_PER_NS
    return age_ms, age_ms, age_ms


@compiled
def mean_recent_s(recent, n_recent):
    """Mean of the last tasks' service times, NaN if there were none."""
    n = min(n_recent, RECENT_TASKS)
    if n == 0:
        return math.nan
    total = 0
    for i in range(n):
        total += recent[i]
    return total / n * 1e-9


@compiled
def running_s(worker):
    """How long its task in progress had run when it last spoke; 0 = none that is known."""
    return worker.running_ns * 1e-9 if is_running(worker) else 0.0


@compiled
def compute_fps(e, n_live, processed, service_s):
    """As `Interval.compute_fps`, of what live workers finished and are at."""
    frames_s, n_running, runs_s, n = e.paces_s[:n_live], 0, 0.0, 0
    for w in range(e.n_workers):
        worker = e.workers[w]
        if not is_live(worker):
            continue
        if processed > 0:
            frames_s[n] = frame_s(
                worker.processed,
                worker.service_ns * 1e-9,
                running_s(worker),
                mean_recent_s(worker.recent, worker.n_recent),
                service_s / processed,
            )
        elif running_s(worker) > 0:
            n_running += 1
            runs_s += running_s(worker)
        n += 1
    if processed > 0:
        return combined_fps(frames_s)
    return n_live / (runs_s / n_running) if n_running > 0 else math.nan


@compiled
def link_fps(e, n_live, processed):
    """As `Interval.link_fps`, of the live workers' links; those that share a medium are one."""
    if processed == 0:
        return math.nan
    frames_s, n = e.paces_s[:n_live], 0
    for w in range(e.n_workers):
        if is_live(e.workers[w]) and first_sharing(e, w) == w:
            frames_s[n] = link_time_s(e, w)
            n += 1
    return combined_fps(frames_s[:n])


@compiled
def first_sharing(e, w):
    """The first live worker with the same link."""
    if not is_shared(e.workers[w]):
        return w
    first = 0
    while not (is_live(e.workers[first]) and e.workers[first].carrier == e.workers[w].carrier):
        first += 1
    return first


@compiled
def link_time_s(e, first):
    """How long a frame occupies the link of this live worker and all that share it."""
    processed, down_s, up_s, recent_s, n_known = 0, 0.0, 0.0, 0.0, 0
    for w in range(first, e.n_workers):
        worker = e.workers[w]
        if is_live(worker) and worker.carrier == e.workers[first].carrier:
            processed += worker.processed
            down_s += worker.down_ns * 1e-9
            up_s += worker.up_ns * 1e-9
            if worker.link_is_known:
                n_known += 1
                recent_s += max(worker.recent_down_ns, worker.recent_up_ns) * 1e-9
    return link_s(processed, down_s, up_s, recent_s / n_known if n_known > 0 else math.nan)


@compiled
def is_live(worker):
    """Whether it counts."""
    return worker.known != 0 and worker.ready != 0


@compiled
def larger(a, b):
    """The larger one; NaN counts as none."""
    if math.isnan(a):
        return b
    return a if math.isnan(b) else max(a, b)


@compiled
def adapting_ms(e):
    """As `Interval.adapting_ms`: of settings that were seen to work, or are still waited for; NaN if none."""
    longest_ns = e.i_adapted_ns
    if e.effective_epoch < e.epoch:
        longest_ns = max(longest_ns, e.now_ns - e.set_ns[(e.effective_epoch + 1) % N_EPOCHS])
    return longest_ns * MS_PER_NS if longest_ns > 0 else math.nan


@compiled
def drop_streak(s, e):
    """As `Interval.drop_streak`."""
    longest = e.i_streak
    for stream in range(s.n_streams):
        longest = max(longest, e.streams[stream].streak)
    return longest


@compiled
def recovery_ms(e):
    """As `Interval.recovery_ms`: of frames that have their outcome, or wait for it; 0 if there were none."""
    longest_ns = e.i_recovered_ns
    f = e.oldest
    while f != NONE:
        if e.frames[f].failed_ns > 0:
            longest_ns = max(longest_ns, e.now_ns - e.frames[f].failed_ns)
        f = e.frames[f].newer
    return longest_ns * MS_PER_NS


@compiled
def facts_of(s, e):
    """The facts of the interval that has just ended."""
    duration_s = s.interval_ns * 1e-9
    n_live, processed, service_s, busy_s, busy_squares_s2, power_w = 0, 0, 0.0, 0.0, 0.0, 0.0
    slowest_s, slowest_recent_s = math.nan, math.nan
    for w in range(e.n_workers):
        worker = e.workers[w]
        if not is_live(worker):
            continue
        worker_service_s, worker_busy_s = worker.service_ns * 1e-9, worker.busy_ns * 1e-9
        n_live += 1
        processed += worker.processed
        service_s += worker_service_s
        busy_s += worker_busy_s
        busy_squares_s2 += worker_busy_s * worker_busy_s
        if worker.processed > 0:
            slowest_s = larger(slowest_s, worker_service_s / worker.processed)
        if is_running(worker) and worker.running_ns > 0:
            slowest_s = larger(slowest_s, running_s(worker))
        slowest_recent_s = larger(slowest_recent_s, mean_recent_s(worker.recent, worker.n_recent))
        kind = s.kinds[worker.kind]
        if kind.has_power:
            power_w += mean_power_w(worker_busy_s / duration_s, kind.idle_w, kind.busy_w)
        else:
            power_w = math.nan
    if n_live == 0:
        power_w = math.nan
    p50_ms, p95_ms, p99_ms = latencies_ms(s, e)
    f1 = streaming_f1(s, e)
    is_known = not math.isnan(f1)
    n_objects = 1.0 if is_known else 0.0  # as if there had been one, and one detection
    matched = f1 if is_known else 0.0
    return Facts(
        duration_s,
        s.source_fps,
        s.rates[e.fps_level].fps,
        e.n_streams,
        e.i_capture_ns * 1e-9,
        e.i_offered,
        e.i_offered - e.i_withdrawn,
        e.i_delivered,
        e.i_dropped + e.i_lost + e.i_late,
        n_queued(s, e),
        e.held_bytes,
        s.budget_bytes,
        s.host_used_bytes,
        s.host_bytes,
        p50_ms,
        p95_ms,
        p99_ms,
        adapting_ms(e),
        n_live,
        processed,
        service_s,
        busy_s,
        busy_squares_s2,
        compute_fps(e, n_live, processed, service_s),
        link_fps(e, n_live, processed),
        slowest_s,
        mean_recent_s(e.recent, e.n_recent),
        slowest_recent_s,
        power_w,
        matched,
        n_objects,
        n_objects,
        drop_streak(s, e),
        recovery_ms(e),
    )
