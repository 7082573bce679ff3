"""Who gets which task, and what becomes of it if that cannot be reached: of `pipeline.producer.workapi`.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.ledger import bind, n_queued, take_back, tell_lost
from envs.simulator.lists import frame_append, frame_remove, new_job, pop, push, release_job
from envs.simulator.outlook import done_ns, hand
from envs.simulator.records import (
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
    REPLY,
    RETURNED,
    STANDS,
    TRIAL,
    WORK,
)
from envs.simulator.timers import PRODUCER_TICK, next_tick_ns, refresh
from envs.simulator.transport import is_shared
from envs.simulator.turns import look_again_ns, place_of, whose_turn
from pipeline.producer import outlook
from pipeline.producer.config import TICK_NS

next_trial_ns = compiled(outlook.next_trial_ns)


@compiled
def tick_by(s, e, when_ns):
    """Look again at the first tick no earlier than this."""
    if when_ns < e.tick_ns:  # else it is at least as early already
        e.tick_ns = min(e.tick_ns, next_tick_ns(e, when_ns, TICK_NS, PRODUCER_TICK))


@compiled
def chores_by(s, e, when_ns):
    """From then on a tick may find more to do than to hand out what waits."""
    e.chores_ns = min(e.chores_ns, when_ns)
    tick_by(s, e, when_ns)


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
def queued(e, place):
    """The queued frame that has so many before it; those that came back are the first."""
    which = RETURNED
    if place >= e.count[RETURNED]:
        which, place = FRESH, place - e.count[RETURNED]
    f = e.head[which]
    for _ in range(place):
        f = e.frames[f].next
    return f


@compiled
def is_first_of_its_stream(e, f):
    """Whether no earlier frame of its stream is in the same list."""
    before = e.frames[f].previous
    while before != NONE and e.frames[before].stream != e.frames[f].stream:
        before = e.frames[before].previous
    return before == NONE


@compiled
def hand_out(s, e, w, place, n, now_ns):
    """Lease up to n tasks to a worker, that at a place of the queue first, or try it; returns their bytes."""
    size_bytes = 0
    for i in range(n):
        if i > 0:
            place = place_of(s, e, w, now_ns)
        if place == NONE:
            break
        f = e.tail[FRESH] if place == TRIAL else queued(e, place)
        if place == TRIAL:
            begin_trial(e, e.workers[w], now_ns)
        else:
            lease(s, e, f, w, now_ns)
        hand(e.workers[w], now_ns)
        if s.binds_at_hand_out:
            bind(s, e, f)
        frame = e.frames[f]
        size_bytes += frame.bytes
        j = new_job(s, e)
        job = e.jobs[j]
        job.frame, job.stream, job.id, job.index = f, frame.stream, frame.id, frame.index
        if place == TRIAL:
            job.frame, job.id = TRIAL, e.n_trials
        job.worker, job.epoch, job.grade, job.size = w, frame.epoch, frame.grade, frame.size
        job.captured_ns, job.sent_ns, job.outcome = frame.captured_ns, now_ns, IN_FLIGHT
        push(s, e, N_GLOBAL_LISTS + w * N_WORKER_LISTS + REPLY, j)
    return size_bytes


@compiled
def lease(s, e, f, w, now_ns):
    """A worker gets a frame of the queue."""
    frame = e.frames[f]
    if frame.place == FRESH and is_first_of_its_stream(e, f):
        e.streams[frame.stream].handed_out_ns = frame.captured_ns
    frame_remove(s, e, f)
    frame_append(s, e, LEASED, f)
    frame.holder, frame.leased_ns = w, now_ns
    frame.attempts += 1
    e.workers[w].n_leased += 1
    chores_by(s, e, now_ns + s.lease_ns + 1)


@compiled
def begin_trial(e, worker, now_ns):
    """It gets a copy; the next trial has to wait."""
    e.n_trials += 1
    worker.trial = e.n_trials
    e.trial_ns = next_trial_ns(now_ns, done_ns(worker, now_ns))


@compiled
def is_held(worker):
    """Whether its request waits for an answer."""
    return worker.held == HELD or worker.held == STANDS


@compiled
def next_held(s, e, state, after):
    """The worker whose request has been in this state for longest, of those with a number behind `after`."""
    found, seq = NONE, NEVER
    for w in range(e.n_workers):
        worker = e.workers[w]
        if worker.held == state and after < worker.held_seq < seq:
            found, seq = w, worker.held_seq
    return found


@compiled
def make_up_work(s, e, now_ns):
    """The replies are made up before any of them leaves; those to the dead are noted, by new numbers."""
    if n_queued(s, e) == 0:
        return
    if s.plans_turns:
        w, place, n_turns, again_ns = whose_turn(s, e, now_ns)
    else:
        w, place, n_turns, again_ns = next_held(s, e, HELD, 0), 0, e.n_workers, NEVER
    while w != NONE:
        seq = e.workers[w].held_seq
        if place != NONE:
            make_up(s, e, w, place, now_ns)
        if n_turns == 1 or n_queued(s, e) == 0:
            break
        w = next_held(s, e, HELD, seq)
        place = place_of(s, e, w, now_ns) if w != NONE else NONE
    if n_queued(s, e) > 0:
        tick_by(s, e, again_ns if n_turns <= 1 else replan_ns(s, e, now_ns))


@compiled
def make_up(s, e, w, place, now_ns):
    """The reply to a request that is held, with the frame at this place of the queue."""
    worker = e.workers[w]
    size_bytes = hand_out(s, e, w, place, worker.held_n, now_ns)
    worker.held = NOT_HELD
    if worker.alive:
        answer(s, e, w, WORK, size_bytes, now_ns)
        refresh(s, e, w)
    else:
        e.held_seq += 1
        worker.held_seq = e.held_seq


@compiled
def replan_ns(s, e, now_ns):
    """When frames that wait though somebody asks are to be looked at again, not before now_ns."""
    when_ns = NEVER
    if s.plans_turns and n_queued(s, e) > 0:
        for w in range(e.n_workers):
            if e.workers[w].held == HELD:
                when_ns = min(when_ns, look_again_ns(e.workers[w], now_ns))
    return when_ns


@compiled
def replan(s, e, now_ns):
    """Hand out what estimates that have changed let somebody have; who asks first has it already."""
    if s.plans_turns:
        serve(s, e, now_ns)


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
        if e.jobs[j].frame != TRIAL:
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
    tick_by(s, e, replan_ns(s, e, now_ns))
