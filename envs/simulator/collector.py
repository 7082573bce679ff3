"""The collector's core as the simulator walks it: `pipeline.collector.core` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.lists import new_job, pop, push, release_job
from envs.simulator.records import (
    DELIVERED,
    DOWN,
    DROPPED,
    EARLY,
    GAP_DROPPED,
    GAP_LOST,
    IN_FLIGHT,
    LATE,
    LOST,
    N_GLOBAL_LISTS,
    N_UP,
    N_WINDOW,
    N_WORKER_LISTS,
    NEVER,
    NONE,
    RECEIPTS,
    TRANSIT,
    TRIAL,
    UNKNOWN,
    VERDICTS,
)
from envs.simulator.scoring import show
from envs.simulator.timers import COLLECTOR_TICK, next_tick_ns, refresh
from pipeline.collector.core import ACK_NS, SYNC_NS, TICK_NS

# --- results and gaps ---


@compiled
def result_came(s, e, w, now_ns):
    """The oldest result under way from a worker has arrived."""
    worker, which = e.workers[w], N_GLOBAL_LISTS + w * N_WORKER_LISTS + TRANSIT
    j = pop(s, e, which)
    head = e.heads[which]
    worker.result_ns = e.jobs[head].arrived_ns if head != NONE else NEVER
    refresh(s, e, w)
    if e.has_begun:
        take(s, e, j, now_ns)
        acknowledge(s, e, now_ns)
    else:  # the episode's settings are still under way: they will prove it
        push(s, e, EARLY, j)


@compiled
def take(s, e, j, now_ns):
    """Put a result in its place, unless there is one already."""
    job = e.jobs[j]
    if job.frame == TRIAL:
        push_receipt(s, e, j)
        return
    stream = e.streams[job.stream]
    place = job.id % N_WINDOW
    if job.id < stream.next_id or e.window[job.stream, place] >= 0:
        release_job(s, e, j)  # a duplicate
        return
    e.window[job.stream, place] = j
    stream.n_waiting += 1
    job.users += 1
    push_receipt(s, e, j)
    advance(s, e, job.stream, now_ns)


@compiled
def push_receipt(s, e, j):
    """The producer will hear that this result is safe."""
    e.jobs[j].next_receipt = NONE
    if e.tails[RECEIPTS] == NONE:
        e.heads[RECEIPTS] = j
    else:
        e.jobs[e.tails[RECEIPTS]].next_receipt = j
    e.tails[RECEIPTS] = j
    e.n_receipts += 1
    tick_by(s, e, e.ack_ns)


@compiled
def push_verdict(s, e, j, outcome):
    """The producer will hear what became of this frame."""
    e.jobs[j].outcome = outcome
    push(s, e, VERDICTS, j)
    e.n_verdicts += 1
    tick_by(s, e, e.ack_ns)


@compiled
def advance(s, e, stream, now_ns):
    """Say everything of a stream that can be said now, in order of ids."""
    state, window = e.streams[stream], e.window[stream]
    deadline_ns = s.gap_deadline_ns
    while True:
        place = state.next_id % N_WINDOW
        found = window[place]
        if found >= 0:
            job = e.jobs[found]
            job.latency_ns = now_ns - job.captured_ns
            state.n_waiting -= 1
            if s.has_accuracy:
                show(s, e, found, now_ns)
            push_verdict(s, e, found, DELIVERED)
        elif found == GAP_LOST:
            pass_over(s, e, stream, state.next_id, LOST)
        elif found == UNKNOWN:
            if state.n_waiting == 0:
                return
            if state.missing_since_ns == NEVER:
                state.missing_since_ns = now_ns
                tick_by(s, e, now_ns + deadline_ns + 1)
            if now_ns - state.missing_since_ns <= deadline_ns:
                return
            pass_over(s, e, stream, state.next_id, LATE)
            state.next_id += 1  # and what is missing behind it is as overdue
            continue
        window[place] = UNKNOWN
        state.next_id += 1
        state.missing_since_ns = NEVER


@compiled
def pass_over(s, e, stream, id, outcome):
    """There is no result, but a verdict."""
    j = new_job(s, e)
    e.jobs[j].stream, e.jobs[j].id, e.jobs[j].frame = stream, id, NONE
    push_verdict(s, e, j, outcome)


@compiled
def down_came(s, e, now_ns):
    """The oldest message under way from the producer: a gap, or news of the settings."""
    j = pop(s, e, DOWN)
    job = e.jobs[j]
    if job.outcome == IN_FLIGHT:
        e.has_begun = 1
        for stream in range(s.n_streams):
            advance(s, e, stream, now_ns)
        while e.heads[EARLY] != NONE:
            take(s, e, pop(s, e, EARLY), now_ns)
    else:
        place = job.id % N_WINDOW
        if job.id >= e.streams[job.stream].next_id and e.window[job.stream, place] < 0:
            e.window[job.stream, place] = GAP_DROPPED if job.outcome == DROPPED else GAP_LOST
        advance(s, e, job.stream, now_ns)
    release_job(s, e, j)


# --- time, and words to the producer ---


@compiled
def tick_by(s, e, when_ns):
    """Look again at the first tick no earlier than this."""
    if when_ns < e.collector_tick_ns:  # else it is at least as early already
        tick_ns = next_tick_ns(e, when_ns, TICK_NS, COLLECTOR_TICK)
        e.collector_tick_ns = min(e.collector_tick_ns, tick_ns)


@compiled
def collector_ticked(s, e, now_ns):
    """Look for what is overdue, acknowledge, and ask for news."""
    for stream in range(s.n_streams):
        advance(s, e, stream, now_ns)
    e.collector_tick_ns = NEVER
    for stream in range(s.n_streams):
        if e.streams[stream].missing_since_ns != NEVER:
            tick_by(s, e, e.streams[stream].missing_since_ns + s.gap_deadline_ns + 1)
    acknowledge(s, e, now_ns)
    if now_ns >= e.sync_ns:
        e.sync_ns = now_ns + SYNC_NS
        send_up(s, e, NONE, NONE, 1, now_ns)
    tick_by(s, e, e.sync_ns)
    if e.n_receipts > 0 or e.n_verdicts > 0:
        tick_by(s, e, e.ack_ns)


@compiled
def acknowledge(s, e, now_ns):
    """Receipts and verdicts leave together, in batches; a message has room for all there can be."""
    if (e.n_receipts == 0 and e.n_verdicts == 0) or now_ns < e.ack_ns:
        return
    e.ack_ns = now_ns + ACK_NS
    send_up(s, e, e.heads[RECEIPTS], e.heads[VERDICTS], 0, now_ns)
    e.heads[RECEIPTS] = e.tails[RECEIPTS] = e.heads[VERDICTS] = e.tails[VERDICTS] = NONE
    e.n_receipts = e.n_verdicts = 0


@compiled
def send_up(s, e, receipts, verdicts, is_sync, now_ns):
    """A message to the producer leaves."""
    place = e.up_tail
    e.up_ns[place] = now_ns + s.message_ns
    e.up_receipts[place], e.up_verdicts[place], e.up_is_sync[place] = receipts, verdicts, is_sync
    e.up_tail = (place + 1) % N_UP
