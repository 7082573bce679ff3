"""The producer's account of its frames as the simulator walks it: `pipeline.producer.ledger` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.lists import frame_append, frame_remove, free_frame, new_frame, new_job, push
from envs.simulator.records import (
    DOWN,
    DROPPED,
    FRESH,
    GIVEN_UP,
    IN_FLIGHT,
    LEASED,
    LOST,
    NONE,
    RECEIVED,
    RETURNED,
)
from envs.simulator.schedule import slot
from pipeline.producer import config

tasks_of = compiled(config.queue_bound)


@compiled
def queue_bound(s, n_streams):
    """Size of the task queue, at least one."""
    return max(1, tasks_of(s.queue_bound_s, s.source_fps, n_streams))


@compiled
def n_queued(s, e):
    """Tasks waiting."""
    return e.count[FRESH] + e.count[RETURNED]


@compiled
def offer(s, e, stream, index, captured_ns, epoch, size, grade):
    """Account a new frame of a stream and queue it."""
    f = new_frame(s, e)
    frame = e.frames[f]
    frame.stream, frame.id = stream, e.streams[stream].offered_id
    e.streams[stream].offered_id += 1
    frame.index, frame.captured_ns = index, captured_ns
    frame.epoch, frame.size, frame.grade = epoch, size, grade
    frame.attempts = frame.failed_ns = 0
    frame.bytes = s.frame_bytes[size]
    e.held_bytes += frame.bytes
    e.offered += 1
    e.i_offered += 1
    frame_append(s, e, FRESH, f)
    return f


@compiled
def release(s, e, f):
    """Its picture is no longer held."""
    e.held_bytes -= e.frames[f].bytes
    e.frames[f].bytes = 0


@compiled
def leave(s, e, f):
    """Take a frame in flight out of wherever it waits."""
    place = e.frames[f].place
    if place != RECEIVED:
        if place == LEASED:
            e.workers[e.frames[f].holder].n_leased -= 1
        frame_remove(s, e, f)
    release(s, e, f)


@compiled
def give_up(s, e, f):
    """It was out of its list already; now it waits for the collector's word."""
    frame_append(s, e, GIVEN_UP, f)
    release(s, e, f)


@compiled
def take_back(s, e, f, counts):
    """A lease ends without a result: queue the frame again, or give it up."""
    if e.frames[f].failed_ns == 0:
        e.frames[f].failed_ns = e.frames[f].leased_ns
    e.workers[e.frames[f].holder].n_leased -= 1
    frame_remove(s, e, f)
    if not counts:
        e.frames[f].attempts -= 1
    if e.frames[f].attempts > s.retries:
        give_up(s, e, f)
        return
    frame_append(s, e, RETURNED, f)
    if counts:
        e.requeued += 1


@compiled
def bind(s, e, f):
    """A frame takes the settings in force; its picture is scaled down where it is larger, never up."""
    frame = e.frames[f]
    frame.epoch, frame.grade = e.epoch, e.grade_level
    if frame.size > e.size_level:
        frame.size = e.size_level
        e.held_bytes -= frame.bytes - s.frame_bytes[frame.size]
        frame.bytes = s.frame_bytes[frame.size]


@compiled
def thin(s, e, now_ns):
    """Take out of the queue what a lower rate no longer asks for: one frame of a slot and stream stays."""
    rate = s.rates[e.fps_level]
    for i in range(s.n_streams):
        e.streams[i].kept_ns = e.streams[i].handed_out_ns
    f = e.head[FRESH]
    while f != NONE:
        after, frame = e.frames[f].next, e.frames[f]
        of = e.streams[frame.stream]
        if of.kept_ns < 0 or slot(rate, frame.captured_ns) > slot(rate, of.kept_ns):
            of.kept_ns = frame.captured_ns
        else:
            e.i_withdrawn += frame.id >= of.first_id
            e.thinned += 1
            e.i_thinned += 1
            take_out(s, e, f, now_ns)
        f = after


@compiled
def take_out(s, e, f, now_ns):
    """Nobody will process a frame that was queued; the collector is told."""
    tell_gap(s, e, e.frames[f].stream, e.frames[f].id, DROPPED, now_ns)
    leave(s, e, f)
    free_frame(s, e, f)


@compiled
def drop(s, e, f, now_ns):
    """The queue's policy has refused or evicted it."""
    e.streams[e.frames[f].stream].streak += 1
    take_out(s, e, f, now_ns)
    e.dropped += 1
    e.i_dropped += 1


@compiled
def enforce_bound(s, e, f, now_ns):
    """What the policy does once frame f has been offered."""
    if s.drops_newest:
        if e.count[FRESH] > e.bound:
            drop(s, e, f, now_ns)
        return
    while e.count[FRESH] > e.bound:
        drop(s, e, e.head[FRESH], now_ns)


# --- words to the collector ---


@compiled
def tell_gap(s, e, stream, id, outcome, now_ns):
    """This id will not come."""
    j = new_job(s, e)
    job = e.jobs[j]
    job.stream, job.id, job.outcome = stream, id, outcome
    job.arrived_ns = now_ns + s.message_ns
    push(s, e, DOWN, j)


@compiled
def tell_settings(s, e, now_ns):
    """News of the settings: the collector looks again at what is missing."""
    j = new_job(s, e)
    e.jobs[j].outcome = IN_FLIGHT
    e.jobs[j].arrived_ns = now_ns + s.message_ns
    push(s, e, DOWN, j)


@compiled
def tell_lost(s, e, now_ns):
    """Everything that was given up and not judged yet."""
    f = e.head[GIVEN_UP]
    while f != NONE:
        tell_gap(s, e, e.frames[f].stream, e.frames[f].id, LOST, now_ns)
        f = e.frames[f].next
