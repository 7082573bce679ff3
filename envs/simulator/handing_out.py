"""Who gets which task, and what becomes of it if that cannot be reached: of `pipeline.producer.workapi`.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.ledger import bind, n_queued, take_back, tell_lost
from envs.simulator.lists import frame_append, frame_remove, new_job, pop, push, release_job
from envs.simulator.records import (
    FRESH,
    GIVEN_UP,
    HELD,
    IN_FLIGHT,
    LEASED,
    N_GLOBAL_LISTS,
    N_WORKER_LISTS,
    NONE,
    NOT_HELD,
    REPLY,
    RETURNED,
    STANDS,
    WORK,
)
from envs.simulator.timers import refresh
from envs.simulator.transport import is_shared
from pipeline.producer.config import TICK_NS


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
    left_ns = now_ns + int(size_bytes * worker.ns_per_byte + 0.5)
    if is_shared(worker) and left_ns > now_ns:  # it leaves after those of others
        carrier = e.carriers[worker.carrier]
        left_ns += max(0, carrier.down_free_ns - now_ns)
        carrier.down_free_ns = left_ns
    worker.reply_ns = left_ns + s.kinds[worker.kind].delay_ns


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
        if which == FRESH:
            e.streams[frame.stream].handed_out_ns = frame.captured_ns
        if s.binds_at_hand_out:
            bind(s, e, f)
        frame.holder, frame.leased_ns = w, now_ns
        frame.attempts += 1
        e.workers[w].n_leased += 1
        size_bytes += frame.bytes
        j = new_job(s, e)
        job = e.jobs[j]
        job.frame, job.stream, job.id, job.index = f, frame.stream, frame.id, frame.index
        job.worker, job.epoch, job.grade, job.size = w, frame.epoch, frame.grade, frame.size
        job.captured_ns, job.sent_ns, job.outcome = frame.captured_ns, now_ns, IN_FLIGHT
        push(s, e, N_GLOBAL_LISTS + w * N_WORKER_LISTS + REPLY, j)
        tick_by(s, e, now_ns + s.lease_ns + 1)
    return size_bytes


@compiled
def is_held(worker):
    """Whether its request waits for an answer."""
    return worker.held == HELD or worker.held == STANDS


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
                unroutable(s, e, w, now_ns)
                make_up_work(s, e, now_ns)  # whose own dead have later numbers


@compiled
def serve(s, e, now_ns):
    """Hand queued tasks to the requests that have waited longest."""
    served = e.held_seq
    make_up_work(s, e, now_ns)
    find_unroutable(s, e, served, now_ns)


@compiled
def unroutable(s, e, w, now_ns):
    """A reply did not go out: its tasks were never handed over, and the worker is gone."""
    which = N_GLOBAL_LISTS + w * N_WORKER_LISTS + REPLY
    while e.heads[which] != NONE:
        j = pop(s, e, which)
        take_back(s, e, e.jobs[j].frame, False)
        release_job(s, e, j)
    remove(s, e, w, now_ns)


@compiled
def remove(s, e, w, now_ns):
    """Forget a worker; its tasks go back to the queue, those handed out first before the others."""
    e.workers[w].known, e.workers[w].held = 0, NOT_HELD
    given_up = e.count[GIVEN_UP]
    f = e.head[LEASED]
    while f != NONE:
        after = e.frames[f].next
        if e.frames[f].holder == w:
            take_back(s, e, f, True)
        f = after
    if e.count[GIVEN_UP] > given_up:
        tell_lost(s, e, now_ns)
