"""Linked lists and recycled places in the simulator's records: every operation takes constant time."""

from envs.simulator.compiling import compiled
from envs.simulator.records import FREE, NONE

# --- frames: each is in one of four lists at most ---


@compiled
def frame_append(s, e, which, f):
    """Put frame f at the end of a list."""
    frames = e.frames
    last = e.tail[which]
    frames[f].place = which
    frames[f].previous, frames[f].next = last, NONE
    if last == NONE:
        e.head[which] = f
    else:
        frames[last].next = f
    e.tail[which] = f
    e.count[which] += 1


@compiled
def frame_remove(s, e, f):
    """Take frame f out of the list that it is in; its place is for the caller to set."""
    frames = e.frames
    which, before, after = frames[f].place, frames[f].previous, frames[f].next
    if before == NONE:
        e.head[which] = after
    else:
        frames[before].next = after
    if after == NONE:
        e.tail[which] = before
    else:
        frames[after].previous = before
    e.count[which] -= 1


@compiled
def new_frame(s, e):
    """A place for a frame, at the end of those in flight; the caller made sure that there is one."""
    frames = e.frames
    f = e.free_frame
    if f != NONE:
        e.free_frame = frames[f].next
    else:
        f = e.n_frames
        e.n_frames += 1
    frames[f].older, frames[f].newer = e.newest, NONE
    if e.newest == NONE:
        e.oldest = f
    else:
        frames[e.newest].newer = f
    e.newest = f
    e.n_flight += 1
    return f


@compiled
def free_frame(s, e, f):
    """The frame has its outcome, and is in no list."""
    frames = e.frames
    older, newer = frames[f].older, frames[f].newer
    if older == NONE:
        e.oldest = newer
    else:
        frames[older].newer = newer
    if newer == NONE:
        e.newest = older
    else:
        frames[newer].older = older
    e.n_flight -= 1
    frames[f].place, frames[f].id = FREE, NONE
    frames[f].next = e.free_frame
    e.free_frame = f


# --- jobs: first in, first out ---


@compiled
def push(s, e, which, j):
    """Put job j at the end of a list."""
    e.jobs[j].next = NONE
    last = e.tails[which]
    if last == NONE:
        e.heads[which] = j
    else:
        e.jobs[last].next = j
    e.tails[which] = j


@compiled
def pop(s, e, which):
    """The first job of a list, which must have one."""
    j = e.heads[which]
    e.heads[which] = e.jobs[j].next
    if e.heads[which] == NONE:
        e.tails[which] = NONE
    return j


@compiled
def new_job(s, e):
    """A place for a job with one user; the caller made sure that there is one."""
    j = e.free_job
    if j != NONE:
        e.free_job = e.jobs[j].next
    else:
        j = e.n_jobs
        e.n_jobs += 1
    e.jobs[j].users = 1
    e.n_jobs_used += 1
    return j


@compiled
def release_job(s, e, j):
    """One user fewer; with the last one its place is free."""
    e.jobs[j].users -= 1
    if e.jobs[j].users == 0:
        e.jobs[j].next = e.free_job
        e.free_job = j
        e.n_jobs_used -= 1
