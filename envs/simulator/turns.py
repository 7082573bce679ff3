"""Whose turn it is as the simulator walks it: `pipeline.producer.turns` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.ledger import n_queued
from envs.simulator.outlook import done_ns
from envs.simulator.records import FRESH, HELD, NEVER, NONE, TRIAL
from pipeline.producer import outlook

near_from_ns = compiled(outlook.near_from_ns)
is_overdue = compiled(outlook.is_overdue)
n_done_before = compiled(outlook.n_done_before)


@compiled
def place_of(s, e, w, now_ns):
    """Which of the queued frames this worker is to get, from 0; NONE: it is not its turn; or TRIAL."""
    n = n_queued(s, e)
    if n == 0 or not s.plans_turns:
        return 0 if n > 0 else NONE
    worker = e.workers[w]
    if worker.service_est_ns == 0:
        return place_of_stranger(worker)
    if now_ns < near_from(worker):
        return NONE
    expect(e, now_ns)
    return place_in_plan(e, w, done_ns(worker, now_ns), n, now_ns)


@compiled
def place_of_stranger(worker):
    """Of one of which nothing is known: it is served as it asks, while it has nothing in hand."""
    return 0 if worker.told_in_hand == 0 else NONE


@compiled
def expect(e, now_ns):
    """Note when each worker would be done with one more task, as far as it is counted on; else never.

    From which of these times on the queue has nothing for its worker is not known yet.
    """
    first_ns = NEVER
    for w in range(e.n_workers):
        worker, when_ns = e.workers[w], NEVER
        if worker.known and worker.service_est_ns > 0:
            is_late = is_overdue(now_ns, worker.clear_ns, worker.expected_free_ns)
            if worker.held == HELD or not is_late:
                when_ns = done_ns(worker, now_ns)
        e.dones_ns[w] = when_ns
        first_ns = min(first_ns, when_ns)
    e.first_done_ns, e.too_late_ns = first_ns, NEVER


@compiled
def place_in_plan(e, w, until_ns, n, now_ns):
    """Its place among n frames if it would be done with one at a time; what others do is expected by now.

    TRIAL: it is not its turn, and it may be tried.
    """
    if until_ns <= e.first_done_ns:  # nobody is before it
        return 0
    if n > 1 and until_ns < e.too_late_ns:
        place = n_before(e, until_ns, n)
        if place < n:
            return place
        e.too_late_ns = until_ns  # who is later has no fewer before it
    return TRIAL if may_try(e, e.workers[w], now_ns) else NONE


@compiled
def n_before(e, until_ns, enough):
    """How many frames others will have done before a time; counted until enough."""
    n = 0
    for v in range(e.n_workers):
        first_ns = e.dones_ns[v]
        if first_ns >= until_ns:  # as is its own
            continue
        if n + 1 >= enough:
            return enough
        other = e.workers[v]
        period_ns = max(other.service_est_ns, other.transfer_est_ns)
        if first_ns + (enough - n - 1) * period_ns < until_ns:  # spares most divisions
            return enough
        n += n_done_before(until_ns, first_ns, period_ns)
    return n


@compiled
def may_try(e, worker, now_ns):
    """Whether a worker whose turn it is not may be tried."""
    may_ns = max(e.trial_ns, worker.measured_ns + outlook.STALE_NS)
    return now_ns >= may_ns and worker.expected_free_ns <= now_ns and e.count[FRESH] > 0


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
    """(Who asked first of those whose turn it is, or NONE; its place; how many they are; when to look again).

    Who is not to get anything is not either once others have got theirs: a frame that goes to another was
    before its own at best, and there is one fewer.
    """
    n, found, found_place, n_found, again_ns = n_queued(s, e), NONE, NONE, 0, NEVER
    is_expected = False
    for w in range(e.n_workers):
        worker = e.workers[w]
        if worker.held != HELD:
            continue
        if worker.service_est_ns == 0:
            place, near_ns = place_of_stranger(worker), NEVER
        else:
            place, near_ns = NONE, near_from(worker)
            if near_ns <= now_ns:
                if not is_expected:
                    expect(e, now_ns)
                    is_expected = True
                place = place_in_plan(e, w, e.dones_ns[w], n, now_ns)
        if place == NONE:
            again_ns = min(again_ns, max(now_ns, near_ns))
        else:
            n_found += 1
            if found == NONE or worker.held_seq < e.workers[found].held_seq:
                found, found_place = w, place
    return found, found_place, n_found, again_ns
