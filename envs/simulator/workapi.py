"""The producer's side of the Work-API as the simulator walks it: `pipeline.producer.workapi` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.handing_out import (
    answer,
    chores_by,
    find_unroutable,
    hand_out,
    is_held,
    make_up_work,
    next_held,
    remove,
    serve,
    tick_by,
    unroutable,
)
from envs.simulator.ledger import n_queued, take_back, tell_lost, tell_settings
from envs.simulator.occupancy import begin_occupancy
from envs.simulator.outlook import begin_outlook, told
from envs.simulator.records import (
    ANSWERED,
    CHANGE,
    CONFIRMATION,
    GIVEN_UP,
    HELD,
    LEASED,
    NEVER,
    NONE,
    NOT_HELD,
    REGISTER,
    STANDS,
    UNREGISTERED,
    WAIT,
    WORK,
)
from envs.simulator.timers import refresh
from envs.simulator.transport import begin_transport
from envs.simulator.turns import look_again_ns, place_of


@compiled
def request_came(s, e, w, now_ns):
    """REGISTER or GET_WORK: answer it, or hold it until there is a task."""
    worker = e.workers[w]
    if worker.standing_ns <= worker.request_ns:
        standing_came(s, e, w, now_ns)
        return
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
def standing_came(s, e, w, now_ns):
    """A worker that has enough to do, or cannot do anything yet, waits for news of the settings."""
    worker = e.workers[w]
    worker.standing_ns = NEVER
    if not worker.known:
        reply(s, e, w, UNREGISTERED, now_ns)
    else:
        note_spoken(
            worker,
            worker.standing_ready,
            worker.standing_started_ns,
            worker.standing_running_ns,
            worker.standing_delay_ns,
            now_ns,
        )
        told(worker, now_ns, worker.standing_in_hand)
        if worker.standing_epoch != e.epoch:
            reply_change(s, e, w, now_ns)
        else:
            hold(s, e, w, STANDS, now_ns)
    refresh(s, e, w)


@compiled
def note_spoken(worker, ready, started_ns, running_ns, delay_ns, now_ns):
    """What every request says of its worker."""
    worker.heard_ns, worker.started_ns, worker.running_ns = now_ns, started_ns, running_ns
    if delay_ns > 0:
        worker.delay_ns = delay_ns
    if ready:
        worker.ready = 1


@compiled
def register(s, e, w, now_ns):
    """A worker is new, or begins anew: what it had goes back."""
    worker = e.workers[w]
    if worker.known:
        remove(s, e, w, now_ns)
    e.known_seq += 1
    worker.known, worker.known_seq, worker.ready = 1, e.known_seq, 0
    worker.heard_ns = now_ns
    begin_occupancy(worker, now_ns)
    begin_transport(e, worker)
    begin_outlook(e, w)
    chores_by(s, e, now_ns + s.silent_ns + 1)
    worker.reply_epoch, worker.reply_grade = e.epoch, e.grade_level
    reply(s, e, w, CONFIRMATION, now_ns)


@compiled
def work_or_wait(s, e, w, now_ns):
    """GET_WORK of a worker that is registered."""
    worker = e.workers[w]
    note_spoken(
        worker,
        worker.request_ready,
        worker.request_started_ns,
        worker.request_running_ns,
        worker.request_delay_ns,
        now_ns,
    )
    told(worker, now_ns, worker.request_in_hand)
    if worker.request_epoch != e.epoch:
        reply_change(s, e, w, now_ns)
    elif worker.request_n == 0 or not worker.request_ready:
        reply(s, e, w, WAIT, now_ns)
    else:
        place = place_of(s, e, w, now_ns)
        if place == NONE:
            hold(s, e, w, HELD, now_ns)
            return
        size_bytes = hand_out(s, e, w, place, worker.request_n, now_ns)
        if worker.alive:
            answer(s, e, w, WORK, size_bytes, now_ns)
        else:
            unroutable(s, e, w, now_ns)
            serve(s, e, now_ns)


@compiled
def hold(s, e, w, state, now_ns):
    """A request waits for a task (HELD) or for news alone (STANDS), for less than a heartbeat."""
    e.held_seq += 1
    worker = e.workers[w]
    worker.held, worker.held_seq, worker.held_ns = state, e.held_seq, now_ns
    worker.held_n = worker.request_n
    chores_by(s, e, now_ns + s.held_ns)
    if state == HELD and s.plans_turns and n_queued(s, e) > 0:
        tick_by(s, e, look_again_ns(worker, now_ns))


@compiled
def reply(s, e, w, what, now_ns):
    """A reply without tasks; one to the dead ends the worker's registration. Refresh after it."""
    if e.workers[w].alive:
        answer(s, e, w, what, 0, now_ns)
    else:
        unroutable(s, e, w, now_ns)
        serve(s, e, now_ns)


@compiled
def reply_change(s, e, w, now_ns):
    """The settings as they are now."""
    worker = e.workers[w]
    worker.reply_epoch = e.epoch
    worker.reply_grade, worker.reply_size = e.grade_level, e.size_level
    reply(s, e, w, CHANGE, now_ns)


@compiled
def answered(worker, now_ns):
    """It will be told something, no task, and will ask again: it is counted on from now."""
    worker.held, worker.clear_ns = ANSWERED, max(worker.clear_ns, now_ns)


@compiled
def announce(s, e, now_ns):
    """Settings changed: those who wait are told, in their order, and the collector."""
    for w in range(e.n_workers):
        if is_held(e.workers[w]):
            answered(e.workers[w], now_ns)
    w = next_held(s, e, ANSWERED, 0)
    while w != NONE:
        e.workers[w].held = NOT_HELD
        reply_change(s, e, w, now_ns)
        refresh(s, e, w)
        w = next_held(s, e, ANSWERED, 0)
    tell_settings(s, e, now_ns)


# --- time ---


@compiled
def producer_ticked(s, e, now_ns):
    """Hand out what waits, after and before the chores if some may be due; plan the next tick."""
    e.tick_ns = NEVER
    if now_ns >= e.chores_ns:
        do_chores(s, e, now_ns)
        plan_chores(s, e)
    else:
        serve(s, e, now_ns)
    tick_by(s, e, e.chores_ns)


@compiled
def do_chores(s, e, now_ns):
    """Take tasks back from the silent and from expired leases, answer those who waited long enough."""
    for _ in range(e.n_workers):
        silent = longest_known_silent(s, e, now_ns)
        if silent == NONE:
            break
        remove(s, e, silent, now_ns)
        refresh(s, e, silent)
    given_up = e.count[GIVEN_UP]
    while e.head[LEASED] != NONE and e.frames[e.head[LEASED]].leased_ns < now_ns - s.lease_ns:
        take_back(s, e, e.head[LEASED], True)
    if e.count[GIVEN_UP] > given_up:
        tell_lost(s, e, now_ns)
    for w in range(e.n_workers):
        if is_held(e.workers[w]) and now_ns - e.workers[w].held_ns >= s.held_ns:
            answered(e.workers[w], now_ns)
    served = e.held_seq
    make_up_work(s, e, now_ns)
    w = next_held(s, e, ANSWERED, 0)
    while w != NONE:
        e.workers[w].held = NOT_HELD
        reply(s, e, w, WAIT, now_ns)
        refresh(s, e, w)
        w = next_held(s, e, ANSWERED, 0)
    find_unroutable(s, e, served, now_ns)


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
def plan_chores(s, e):
    """When a tick may next find any."""
    when_ns = NEVER
    for w in range(e.n_workers):
        worker = e.workers[w]
        if worker.known:
            when_ns = min(when_ns, worker.heard_ns + s.silent_ns + 1)
        if is_held(worker):
            when_ns = min(when_ns, worker.held_ns + s.held_ns)
    if e.head[LEASED] != NONE:
        when_ns = min(when_ns, e.frames[e.head[LEASED]].leased_ns + s.lease_ns + 1)
    e.chores_ns = when_ns
