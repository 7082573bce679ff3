"""The producer's side of the Work-API as the simulator walks it: `pipeline.producer.workapi` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.ledger import n_queued, take_back, tell_lost, tell_settings
from envs.simulator.lists import frame_append, frame_remove, new_job, pop, push, release_job
from envs.simulator.occupancy import begin_occupancy
from envs.simulator.records import (
    ANSWERED,
    CHANGE,
    CONFIRMATION,
    FRESH,
    GIVEN_UP,
    HELD,
    IN_FLIGHT,
    LEASED,
    N_GLOBAL_LISTS,
    N_WORKER_LISTS,
    NEVER,
    NONE,
    NOT_HELD,
    REGISTER,
    REPLY,
    RETURNED,
    UNREGISTERED,
    WAIT,
    WORK,
)
from envs.simulator.timers import refresh
from pipeline.producer.config import TICK_NS

# --- requests ---


@compiled
def tick_by(s, e, when_ns):
    """Look again at the first tick no earlier than this."""
    if when_ns < e.tick_ns:  # else it is at least as early already
        e.tick_ns = min(e.tick_ns, -(-when_ns // TICK_NS) * TICK_NS)


@compiled
def answer(s, e, w, what, size_bytes, now_ns):
    """A reply leaves; its frames take their time on the link. Refresh after it."""
    worker = e.workers[w]
    worker.reply = what
    transfer_ns = int(size_bytes * worker.ns_per_byte + 0.5)
    worker.reply_ns = now_ns + s.kinds[worker.kind].delay_ns + transfer_ns


@compiled
def hand_out(s, e, w, n, now_ns):
    """Lease up to n tasks to a worker, frames that came back first; returns their bytes."""
    size_bytes = 0
    for _ in range(n):
        which = RETURNED if e.count[RETURNED] > 0 else FRESH
        f = e.head[which]
        if f == NONE:
            break
        frame_remove(s, e, f)
        frame_append(s, e, LEASED, f)
        frame = e.frames[f]
        frame.holder, frame.leased_ns = w, now_ns
        frame.attempts += 1
        e.workers[w].n_leased += 1
        size_bytes += frame.bytes
        j = new_job(s, e)
        job = e.jobs[j]
        job.frame, job.stream, job.id, job.index = f, frame.stream, frame.id, frame.index
        job.worker, job.grade, job.size = w, frame.grade, frame.size
        job.captured_ns, job.sent_ns, job.outcome = frame.captured_ns, now_ns, IN_FLIGHT
        push(s, e, N_GLOBAL_LISTS + w * N_WORKER_LISTS + REPLY, j)
        tick_by(s, e, now_ns + s.lease_ns + 1)
    return size_bytes


@compiled
def first_held(s, e, state):
    """The worker whose request has been in this state for longest; NONE if there is none."""
    found = NONE
    for w in range(e.n_workers):
        worker = e.workers[w]
        if worker.held == state and (found == NONE or worker.held_seq < e.workers[found].held_seq):
            found = w
    return found


@compiled
def make_up_work(s, e, now_ns):
    """The replies are made up before any of them leaves; those to the dead are noted, by new numbers."""
    first = first_held(s, e, HELD)
    while first != NONE and n_queued(s, e) > 0:
        e.workers[first].held = NOT_HELD
        size_bytes = hand_out(s, e, first, e.workers[first].held_n, now_ns)
        if e.workers[first].alive:
            answer(s, e, first, WORK, size_bytes, now_ns)
            refresh(s, e, first)
        else:
            e.held_seq += 1
            e.workers[first].held_seq = e.held_seq
        first = first_held(s, e, HELD)


@compiled
def find_unroutable(s, e, served, now_ns):
    """Replies to the dead come back, one after the other; whoever else waits gets what they had."""
    while e.held_seq > served:
        served += 1
        for w in range(e.n_workers):
            if e.workers[w].held_seq == served and not e.workers[w].alive:
                unroutable(s, e, w)
                make_up_work(s, e, now_ns)  # whose own dead have later numbers


@compiled
def serve(s, e, now_ns):
    """Hand queued tasks to the requests that have waited longest."""
    served = e.held_seq
    make_up_work(s, e, now_ns)
    find_unroutable(s, e, served, now_ns)


@compiled
def unroutable(s, e, w):
    """A reply did not go out: its tasks were never handed over, and the worker is gone."""
    which = N_GLOBAL_LISTS + w * N_WORKER_LISTS + REPLY
    while e.heads[which] != NONE:
        j = pop(s, e, which)
        take_back(s, e, e.jobs[j].frame, False)
        release_job(s, e, j)
    remove(s, e, w)


@compiled
def remove(s, e, w):
    """Forget a worker; its tasks go back to the queue, those handed out first before the others."""
    e.workers[w].known, e.workers[w].held = 0, NOT_HELD
    f = e.head[LEASED]
    while f != NONE:
        after = e.frames[f].next
        if e.frames[f].holder == w:
            take_back(s, e, f, True)
        f = after


@compiled
def request_came(s, e, w, now_ns):
    """REGISTER or GET_WORK: answer it, or hold it until there is a task."""
    worker = e.workers[w]
    worker.request_ns = NEVER
    worker.held = NOT_HELD
    if worker.request == REGISTER:
        register(s, e, w, now_ns)
    elif not worker.known:
        reply(s, e, w, UNREGISTERED, now_ns)
    else:
        work_or_wait(s, e, w, now_ns)
    refresh(s, e, w)


@compiled
def register(s, e, w, now_ns):
    """A worker is new, or begins anew: what it had goes back."""
    worker = e.workers[w]
    if worker.known:
        remove(s, e, w)
    e.known_seq += 1
    worker.known, worker.known_seq, worker.ready = 1, e.known_seq, 0
    worker.heard_ns, worker.epoch = now_ns, e.epoch
    begin_occupancy(worker, now_ns)
    tick_by(s, e, now_ns + s.silent_ns + 1)
    worker.reply_grade = e.grade_level
    reply(s, e, w, CONFIRMATION, now_ns)


@compiled
def work_or_wait(s, e, w, now_ns):
    """GET_WORK of a worker that is registered."""
    worker = e.workers[w]
    worker.heard_ns = now_ns
    worker.started_ns, worker.running_ns = worker.request_started_ns, worker.request_running_ns
    if worker.request_ready:
        worker.ready = 1
    if worker.epoch != e.epoch:
        reply_change(s, e, w, now_ns)
    elif worker.request_n == 0 or not worker.request_ready:
        reply(s, e, w, WAIT, now_ns)
    elif n_queued(s, e) == 0:
        hold(s, e, w, now_ns)
    else:
        size_bytes = hand_out(s, e, w, worker.request_n, now_ns)
        if worker.alive:
            answer(s, e, w, WORK, size_bytes, now_ns)
        else:
            unroutable(s, e, w)
            serve(s, e, now_ns)


@compiled
def hold(s, e, w, now_ns):
    """Nothing is queued: the request waits, for less than a heartbeat."""
    e.held_seq += 1
    worker = e.workers[w]
    worker.held, worker.held_seq, worker.held_ns = HELD, e.held_seq, now_ns
    worker.held_n = worker.request_n
    tick_by(s, e, now_ns + s.held_ns)


@compiled
def reply(s, e, w, what, now_ns):
    """A reply without tasks; one to the dead ends the worker's registration. Refresh after it."""
    if e.workers[w].alive:
        answer(s, e, w, what, 0, now_ns)
    else:
        unroutable(s, e, w)
        serve(s, e, now_ns)


@compiled
def reply_change(s, e, w, now_ns):
    """The settings as they are now."""
    worker = e.workers[w]
    worker.epoch = e.epoch
    worker.reply_grade, worker.reply_size = e.grade_level, e.size_level
    reply(s, e, w, CHANGE, now_ns)


@compiled
def announce(s, e, now_ns):
    """Settings changed: those who wait are told, in their order, and the collector."""
    for w in range(e.n_workers):
        if e.workers[w].held == HELD:
            e.workers[w].held = ANSWERED
    w = first_held(s, e, ANSWERED)
    while w != NONE:
        e.workers[w].held = NOT_HELD
        reply_change(s, e, w, now_ns)
        refresh(s, e, w)
        w = first_held(s, e, ANSWERED)
    tell_settings(s, e, now_ns)


# --- time ---


@compiled
def producer_ticked(s, e, now_ns):
    """Take tasks back from the silent and from expired leases, answer those who waited long enough."""
    given_up = e.count[GIVEN_UP]
    for _ in range(e.n_workers):
        silent = longest_known_silent(s, e, now_ns)
        if silent == NONE:
            break
        remove(s, e, silent)
        refresh(s, e, silent)
    while e.head[LEASED] != NONE and e.frames[e.head[LEASED]].leased_ns < now_ns - s.lease_ns:
        take_back(s, e, e.head[LEASED], True)
    for w in range(e.n_workers):
        if e.workers[w].held == HELD and now_ns - e.workers[w].held_ns >= s.held_ns:
            e.workers[w].held = ANSWERED
    served = e.held_seq
    make_up_work(s, e, now_ns)
    w = first_held(s, e, ANSWERED)
    while w != NONE:
        e.workers[w].held = NOT_HELD
        reply(s, e, w, WAIT, now_ns)
        refresh(s, e, w)
        w = first_held(s, e, ANSWERED)
    find_unroutable(s, e, served, now_ns)
    if e.count[GIVEN_UP] > given_up:
        tell_lost(s, e, now_ns)
    plan_tick(s, e)


@compiled
def longest_known_silent(s, e, now_ns):
    """Of the workers that have fallen silent, the one that registered first; NONE if there is none."""
    found = NONE
    for w in range(e.n_workers):
        worker = e.workers[w]
        is_silent = worker.known and now_ns - worker.heard_ns > s.silent_ns
        if is_silent and (found == NONE or worker.known_seq < e.workers[found].known_seq):
            found = w
    return found


@compiled
def plan_tick(s, e):
    """The next tick at which anything can be due."""
    e.tick_ns = NEVER
    for w in range(e.n_workers):
        worker = e.workers[w]
        if worker.known:
            tick_by(s, e, worker.heard_ns + s.silent_ns + 1)
        if worker.held == HELD:
            tick_by(s, e, worker.held_ns + s.held_ns)
    if e.head[LEASED] != NONE:
        tick_by(s, e, e.frames[e.head[LEASED]].leased_ns + s.lease_ns + 1)
