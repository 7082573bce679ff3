"""Whose turn it is as the simulator walks it: `pipeline.producer.turns` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.ledger import n_queued
from envs.simulator.outlook import done_ns
from envs.simulator.records import HELD, NEVER, NONE
from pipeline.producer import outlook

near_from_ns = compiled(outlook.near_from_ns)
is_overdue = compiled(outlook.is_overdue)
n_done_before = compiled(outlook.n_done_before)
next_trial_ns = compiled(outlook.next_trial_ns)


@compiled
def place_of(s, e, w, now_ns):
    """Which of the queued frames this worker is to get, from 0; NONE: it is not its turn."""
    n = n_queued(s, e)
    if n == 0:
        return NONE
    if not s.plans_turns:
        return 0
    worker = e.workers[w]
    if worker.service_est_ns == 0:
        return 0 if worker.told_in_hand == 0 else NONE
    if now_ns < near_from(worker):
        return NONE
    place = n_before(s, e, w, n, now_ns)
    if place < n:
        return place
    return n - 1 if may_try(e, worker, now_ns) else NONE


@compiled
def n_before(s, e, w, enough, now_ns):
    """How many frames others will have done before it could be done with one; counted until enough."""
    n, until_ns = 0, done_ns(e.workers[w], now_ns)
    for v in range(e.n_workers):
        other = e.workers[v]
        if v == w or not other.known or other.service_est_ns == 0:
            continue
        first_ns = done_ns(other, now_ns)
        if first_ns >= until_ns:
            continue
        if other.held != HELD and is_overdue(now_ns, other.clear_ns, other.expected_free_ns):
            continue
        period_ns = max(other.service_est_ns, other.transfer_est_ns)
        if first_ns + (enough - n - 1) * period_ns < until_ns:  # spares most divisions
            return enough
        n += n_done_before(until_ns, first_ns, period_ns)
    return n


@compiled
def may_try(e, worker, now_ns):
    """Whether a worker that has brought nothing for long may try a frame out of its turn."""
    may_ns = max(e.trial_ns, worker.measured_ns + outlook.STALE_NS)
    return now_ns >= may_ns and worker.expected_free_ns <= now_ns


@compiled
def book_trial(e, worker, now_ns):
    """A worker that might try a frame gets one: the next trial has to wait."""
    if worker.service_est_ns > 0 and may_try(e, worker, now_ns):
        e.trial_ns = next_trial_ns(now_ns, done_ns(worker, now_ns))


@compiled
def near_from(worker):
    """From when on its next task comes just in time."""
    return near_from_ns(worker.expected_free_ns, worker.transfer_est_ns, worker.service_est_ns)


@compiled
def look_again_ns(worker, now_ns):
    """From when on it may be the turn of a worker whose turn it is not, if nothing but time passes."""
    return NEVER if worker.service_est_ns == 0 else max(now_ns, near_from(worker))


@compiled
def whose_turn(s, e, now_ns):
    """(A worker that asks and whose turn it is, or NONE; its place; how many there are; when to look again).

    Who is not to get anything is not either once others have got theirs: a frame that goes to another was
    before its own at best, and there is one fewer.
    """
    found, found_place, n_found, again_ns = NONE, NONE, 0, NEVER
    for w in range(e.n_workers):
        worker = e.workers[w]
        if worker.held == HELD:
            place = place_of(s, e, w, now_ns)
            if place != NONE:
                found, found_place = w, place
                n_found += 1
            else:
                again_ns = min(again_ns, look_again_ns(worker, now_ns))
    return found, found_place, n_found, again_ns
