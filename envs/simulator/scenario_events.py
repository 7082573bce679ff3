"""What a scenario does to an episode: loads, links and thresholds change, workers come, go and slow down."""

from envs import scenario
from envs.simulator.compiling import compiled
from envs.simulator.ledger import queue_bound, tell_settings
from envs.simulator.occupancy import begin_occupancy
from envs.simulator.records import (
    JOIN_WORKER,
    LOSE_WORKER,
    N_WORKERS,
    NEVER,
    NONE,
    SET_LINKS,
    SET_STREAMS,
    SET_THRESHOLD,
    SLOW_WORKER,
)
from envs.simulator.timers import refresh
from envs.simulator.transport import begin_transport
from envs.simulator.workers import die
from pipeline.worker.timing import FIRST_BACK_OFF_NS

throttled = compiled(scenario.throttled)


@compiled
def start_worker(s, e, w, kind, slot):
    """A worker's program starts in a slot of the hardware; it has said nothing yet."""
    worker = e.workers[w]
    worker.alive, worker.kind, worker.slot = 1, kind, slot
    medium = s.kinds[kind].medium
    worker.carrier = w if medium == NONE else N_WORKERS + medium
    worker.confirmed = worker.asked = worker.in_hand = worker.n_plans = worker.n_ready = 0
    worker.not_before_ns, worker.back_off_ns, worker.clock_ns = 0, FIRST_BACK_OFF_NS, NEVER
    worker.heartbeat_due_ns = worker.asked_for = worker.grades = worker.loaded = worker.told_epoch = 0
    worker.request_ns = worker.standing_ns = worker.reply_ns = worker.done_ns = NEVER
    worker.left_ns = worker.result_ns = worker.wake_ns = NEVER
    worker.free_ns, worker.serving = 0, NONE
    worker.known = worker.ready = worker.held = worker.held_seq = worker.n_leased = 0
    worker.processed = worker.service_ns = worker.busy_ns = worker.down_ns = worker.up_ns = 0
    worker.n_recent = 0
    begin_occupancy(worker, 0)
    begin_transport(e, worker)
    worker.ns_per_byte = s.kinds[kind].ns_per_byte if e.ns_per_byte < 0.0 else e.ns_per_byte
    slow_down(s, e, w)
    refresh(s, e, w)


@compiled
def slow_down(s, e, w):
    """A worker is as slow as its slot was told to be, and as its heat makes it."""
    worker = e.workers[w]
    slot = e.workers[worker.slot]
    worker.slowdown = slot.told_slowdown
    if s.is_thermal:
        worker.slowdown *= throttled(slot.heat, s.throttles_from, s.slowdown)


@compiled
def worker_in(s, e, slot):
    """The living worker of a slot; NONE if it is empty."""
    for w in range(e.n_workers):
        if e.workers[w].alive and e.workers[w].slot == slot:
            return w
    return NONE


@compiled
def happen(s, e, event, now_ns):
    """One event of the scenario."""
    w = worker_in(s, e, event.worker)
    if event.kind == SET_STREAMS:
        if e.n_streams != int(event.value):
            e.n_streams = int(event.value)
            e.bound = queue_bound(s, e.n_streams)
            tell_settings(s, e, now_ns)
    elif event.kind == LOSE_WORKER:
        if w != NONE:
            die(s, e, w)
    elif event.kind == JOIN_WORKER:
        join(s, e, event.worker, now_ns)
    elif event.kind == SLOW_WORKER:
        e.workers[event.worker].told_slowdown = event.value
        if w != NONE:
            slow_down(s, e, w)
    elif event.kind == SET_LINKS:
        e.ns_per_byte = 8e3 / event.value
        for other in range(e.n_workers):
            e.workers[other].ns_per_byte = e.ns_per_byte
    elif event.kind == SET_THRESHOLD:
        e.thresholds[event.slo] = event.value


@compiled
def join(s, e, kind, now_ns):
    """A worker starts in the slot of a dead one like it, else in a new one."""
    n_slots = 0
    for w in range(e.n_workers):
        n_slots = max(n_slots, e.workers[w].slot + 1)
    slot = n_slots
    for vacant in range(s.n_workers):
        if s.kinds[vacant].device == s.kinds[kind].device and worker_in(s, e, vacant) == NONE:
            slot = vacant
            break
    start_worker(s, e, e.n_workers, kind, slot)
    e.workers[e.n_workers].wake_ns = now_ns + s.kinds[kind].start_ns
    refresh(s, e, e.n_workers)
    e.n_workers += 1
