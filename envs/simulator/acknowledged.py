"""What the producer makes of the collector's acknowledgements: `pipeline.producer.link` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.handing_out import replan
from envs.simulator.ledger import leave, tell_lost, tell_settings
from envs.simulator.lists import free_frame, release_job
from envs.simulator.occupancy import finished
from envs.simulator.outlook import measure
from envs.simulator.records import DELIVERED, GIVEN_UP, LOST, N_EPOCHS, N_UP, NONE, RECEIVED, TRIAL
from envs.simulator.transport import note_transport
from pipeline.interval import RECENT_TASKS


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
        judge(s, e, j, now_ns)
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
    """A result is safe at the collector: its lease or trial ends, and the worker has done a task."""
    job = e.jobs[j]
    worker = e.workers[job.worker]
    if job.frame == TRIAL:
        if not worker.known or worker.trial != job.id:
            return
        worker.trial = 0
    else:
        f = frame_of(s, e, j)
        if f == NONE or e.frames[f].place == RECEIVED:
            return
        leave(s, e, f)
        e.frames[f].place = RECEIVED
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
def judge(s, e, j, now_ns):
    """Set a frame's outcome."""
    f = frame_of(s, e, j)
    if f == NONE:
        return
    if e.frames[f].failed_ns > 0:
        e.i_recovered_ns = max(e.i_recovered_ns, now_ns - e.frames[f].failed_ns)
    leave(s, e, f)
    free_frame(s, e, f)
    job = e.jobs[j]
    if job.outcome == DELIVERED:
        note_delivery(s, e, j)
        return
    e.streams[job.stream].streak += 1
    if job.outcome == LOST:
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
    e.i_streak = max(e.i_streak, e.streams[job.stream].streak)
    e.streams[job.stream].streak = 0
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
