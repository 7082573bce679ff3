"""What happens next: the order of events, ties included. The walk and the reference test's agenda obey it.

Events of the same time happen in the order of their ranks, those of one rank in the order of the workers;
what follows from one at the same time takes its place among those that are still to come. A tick comes once
in its period: what happens at its time, but behind it, waits for the next.
"""

from envs.simulator.compiling import compiled
from envs.simulator.records import DOWN, NONE

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
N_RANKS = 16  # room for them, and a power of two


@compiled
def key(when_ns, rank):
    """An event as one number: what happens first has the least."""
    return when_ns * N_RANKS + rank


@compiled
def next_tick_ns(e, when_ns, period_ns, rank):
    """The first tick no earlier than a time that is still to come."""
    tick_ns = -(-max(when_ns, e.now_ns) // period_ns) * period_ns
    return tick_ns if key(tick_ns, rank) > e.passed_key else tick_ns + period_ns


@compiled
def refresh(s, e, w):
    """A time of worker w has changed: find its next event again."""
    worker = e.workers[w]
    next_key = key(min(worker.request_ns, worker.standing_ns), REQUEST)
    next_key = min(next_key, key(worker.reply_ns, REPLIED))
    next_key = min(next_key, key(worker.done_ns, SERVED))
    next_key = min(next_key, key(worker.left_ns, LEFT))
    next_key = min(next_key, key(worker.result_ns, RESULT))
    e.next_keys[w] = min(next_key, key(worker.wake_ns, WAKE))


@compiled
def find_next(s, e):
    """Write the next event's time and rank into the episode; returns its worker, if it has one."""
    next_key, found = min(key(e.due_ns, CAPTURE), key(e.offer_ns, OFFER)), NONE
    head = e.heads[DOWN]
    if head != NONE:
        next_key = min(next_key, key(e.jobs[head].arrived_ns, DOWN_CAME))
    if e.up_head != e.up_tail:
        next_key = min(next_key, key(e.up_ns[e.up_head], UP_CAME))
    next_key = min(next_key, key(e.tick_ns, PRODUCER_TICK))
    next_key = min(next_key, key(e.collector_tick_ns, COLLECTOR_TICK))
    for w in range(e.n_workers):
        found = w if e.next_keys[w] < next_key else found
        next_key = min(next_key, e.next_keys[w])
    e.next_ns, e.next_rank = next_key // N_RANKS, next_key % N_RANKS
    return found
