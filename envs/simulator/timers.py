"""What happens next: the order of events, ties included.

Events of the same time happen in the order of their ranks, those of one rank in the order of the workers.
"""

from envs.simulator.compiling import compiled
from envs.simulator.records import DOWN, NEVER, NONE

(
    CAPTURE,
    OFFER,
    REQUEST,
    REPLIED,
    SERVED,
    LEFT,
    RESULT,
    DOWN_CAME,
    UP_CAME,
    WAKE,
    PRODUCER_TICK,
    COLLECTOR_TICK,
) = range(12)


@compiled
def refresh(s, e, w):
    """A time of worker w has changed: find its next event again."""
    worker = e.workers[w]
    next_ns, rank = min(worker.request_ns, worker.standing_ns), REQUEST
    if worker.reply_ns < next_ns:
        next_ns, rank = worker.reply_ns, REPLIED
    if worker.done_ns < next_ns:
        next_ns, rank = worker.done_ns, SERVED
    if worker.left_ns < next_ns:
        next_ns, rank = worker.left_ns, LEFT
    if worker.result_ns < next_ns:
        next_ns, rank = worker.result_ns, RESULT
    if worker.wake_ns < next_ns:
        next_ns, rank = worker.wake_ns, WAKE
    worker.next_ns, worker.next_rank = next_ns, rank


@compiled
def find_next(s, e):
    """Write the next event's time and rank into the episode; returns its worker, if it has one."""
    next_ns, rank, found = e.due_ns, CAPTURE, NONE
    if e.offer_ns < next_ns:
        next_ns, rank = e.offer_ns, OFFER
    for w in range(e.n_workers):
        worker = e.workers[w]
        if worker.next_ns < next_ns or (worker.next_ns == next_ns and worker.next_rank < rank):
            next_ns, rank, found = worker.next_ns, worker.next_rank, w
    head = e.heads[DOWN]
    down_ns = e.jobs[head].arrived_ns if head != NONE else NEVER
    if down_ns < next_ns or (down_ns == next_ns and rank > DOWN_CAME):
        next_ns, rank = down_ns, DOWN_CAME
    up_ns = e.up_ns[e.up_head] if e.up_head != e.up_tail else NEVER
    if up_ns < next_ns or (up_ns == next_ns and rank > UP_CAME):
        next_ns, rank = up_ns, UP_CAME
    if e.tick_ns < next_ns:
        next_ns, rank = e.tick_ns, PRODUCER_TICK
    if e.collector_tick_ns < next_ns:
        next_ns, rank = e.collector_tick_ns, COLLECTOR_TICK
    e.next_ns, e.next_rank = next_ns, rank
    return found
