"""The collector's core as the simulator walks it, and what the producer makes of its acknowledgements.

A test holds both to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.handing_out import replan
from envs.simulator.ledger import leave, tell_lost, tell_settings
from envs.simulator.lists import free_frame, new_job, pop, push, release_job
from envs.simulator.occupancy import finished
from envs.simulator.outlook import measure
from envs.simulator.records import (
    DELIVERED,
    DOWN,
    DROPPED,
    EARLY,
    GAP_DROPPED,
    GAP_LOST,
    GIVEN_UP,
    IN_FLIGHT,
    LATE,
    LOST,
    N_EPOCHS,
    N_GLOBAL_LISTS,
    N_UP,
    N_WINDOW,
    N_WORKER_LISTS,
    NEVER,
    NONE,
    RECEIPTS,
    RECEIVED,
    TRANSIT,
    UNKNOWN,
    VERDICTS,
)
from envs.simulator.scoring import show
from envs.simulator.timers import refresh
from envs.simulator.transport import note_transport
from pipeline.collector.core import ACK_NS, SYNC_NS, TICK_NS
from pipeline.interval import RECENT_TASKS

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
    """Look again at the first tick no earlier than this, nor than now."""
    when_ns = max(when_ns, e.now_ns)
    if when_ns < e.collector_tick_ns:  # else it is at least as early already
        e.collector_tick_ns = min(e.collector_tick_ns, -(-when_ns // TICK_NS) * TICK_NS)


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


# --- at the producer ---


@compiled
def up_came(s, e, now_ns):
    """The oldest message under way from the collector: acknowledgements, or a wish for news."""
    place = e.up_head
    e.up_head = (place + 1) % N_UP
    if e.up_is_sync[place]:
        tell_settings(s, e, now_ns)
        if e.count[GIVEN_UP] > 0:
            tell_lost(s, e, now_ns)
        return
    j = e.up_receipts[place]
    while j != NONE:
        after = e.jobs[j].next_receipt
        receive(s, e, j)
        release_job(s, e, j)
        j = after
    j = e.up_verdicts[place]
    while j != NONE:
        after = e.jobs[j].next
        judge(s, e, j)
        release_job(s, e, j)
        j = after
    replan(s, e, now_ns)


@compiled
def frame_of(s, e, j):
    """The producer's frame that a job is of; NONE if it has its outcome already."""
    job = e.jobs[j]
    if job.frame == NONE:
        f = e.oldest
        while f != NONE and not (e.frames[f].stream == job.stream and e.frames[f].id == job.id):
            f = e.frames[f].newer
        return f
    frame = e.frames[job.frame]
    return job.frame if frame.stream == job.stream and frame.id == job.id else NONE


@compiled
def receive(s, e, j):
    """A result is safe at the collector: its lease ends, and the worker has done a task."""
    f = frame_of(s, e, j)
    if f == NONE or e.frames[f].place == RECEIVED:
        return
    leave(s, e, f)
    e.frames[f].place = RECEIVED
    job = e.jobs[j]
    worker = e.workers[job.worker]
    worker.processed += 1
    worker.service_ns += job.service_ns
    if worker.known:
        finished(worker, job.done_ns, job.service_ns)
        note_transport(e, worker, job)
        measure(s, e, job)
    worker.recent[worker.n_recent % RECENT_TASKS] = job.service_ns
    worker.n_recent += 1
    e.recent[e.n_recent % RECENT_TASKS] = job.service_ns
    e.n_recent += 1


@compiled
def judge(s, e, j):
    """Set a frame's outcome."""
    f = frame_of(s, e, j)
    if f == NONE:
        return
    leave(s, e, f)
    free_frame(s, e, f)
    job = e.jobs[j]
    if job.outcome == DELIVERED:
        note_delivery(s, e, j)
    elif job.outcome == LOST:
        e.lost += 1
        e.i_lost += 1
    else:
        e.late += 1
        e.i_late += 1


@compiled
def note_delivery(s, e, j):
    """Into the interval's meters."""
    job = e.jobs[j]
    e.delivered += 1
    e.latencies_ns[e.i_delivered] = job.latency_ns
    e.i_delivered += 1
    e.by_grade[job.grade] += 1
    e.i_heights += s.heights_px[job.size]
    if job.epoch > e.effective_epoch:
        set_ns = e.set_ns[(e.effective_epoch + 1) % N_EPOCHS]
        e.i_adapted_ns = max(e.i_adapted_ns, job.captured_ns + job.latency_ns - set_ns)
        e.effective_epoch = job.epoch
    e.hops[0] += job.sent_ns - job.captured_ns
    e.hops[1] += job.received_ns - job.sent_ns
    e.hops[2] += job.started_ns - job.received_ns
    e.hops[3] += job.done_ns - job.started_ns
    e.hops[4] += job.arrived_ns - job.done_ns
    e.hops[5] += job.latency_ns - (job.arrived_ns - job.captured_ns)
