"""How busy the workers' links were, as the producer learns it: `pipeline.producer.transport` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.records import N_WORKERS
from pipeline.producer.transport import OWN_SPANS, RECENT_SHIFT, SHARED_SPANS


@compiled
def begin_carrier(carrier):
    """Nothing was ever on it."""
    carrier.down_free_ns = carrier.up_free_ns = carrier.down.n = carrier.up.n = 0


@compiled
def begin_transport(e, worker):
    """A worker has registered; nothing is known of its link, unless others share it."""
    worker.delay_ns = worker.link_is_known = worker.recent_down_ns = worker.recent_up_ns = 0
    if not is_shared(worker):
        begin_carrier(e.carriers[worker.carrier])


@compiled
def is_shared(worker):
    """Whether others send over the same medium."""
    return worker.carrier >= N_WORKERS


@compiled
def carried(direction, most_spans, left_ns, arrived_ns):
    """Note a message that was on its way; for how long it alone was."""
    if arrived_ns <= left_ns:
        return 0
    last = direction.n - 1
    if last >= 0 and direction.from_ns[last] <= left_ns:
        until_ns = direction.until_ns[last]
        if left_ns <= until_ns:
            direction.until_ns[last] = max(until_ns, arrived_ns)
            return max(0, arrived_ns - until_ns)
        if most_spans == 1:
            direction.from_ns[last], direction.until_ns[last] = left_ns, arrived_ns
            return arrived_ns - left_ns
    return carried_apart(direction, most_spans, left_ns, arrived_ns)


@compiled
def carried_apart(direction, most_spans, left_ns, arrived_ns):
    """Likewise of one that left when nothing was known to be on its way, or before the newest did."""
    alone_ns, first_ns, last_ns, n_kept = arrived_ns - left_ns, left_ns, arrived_ns, 0
    for i in range(direction.n):
        from_ns, until_ns = direction.from_ns[i], direction.until_ns[i]
        if until_ns < left_ns or from_ns > arrived_ns:
            direction.from_ns[n_kept], direction.until_ns[n_kept] = from_ns, until_ns
            n_kept += 1
        else:
            alone_ns -= min(until_ns, arrived_ns) - max(from_ns, left_ns)
            first_ns, last_ns = min(first_ns, from_ns), max(last_ns, until_ns)
    insert(direction, n_kept, first_ns, last_ns)
    if direction.n > most_spans:  # the oldest is forgotten
        for i in range(1, direction.n):
            direction.from_ns[i - 1], direction.until_ns[i - 1] = direction.from_ns[i], direction.until_ns[i]
        direction.n -= 1
    return alone_ns


@compiled
def insert(direction, n, from_ns, until_ns):
    """Put a span in its place among n that it does not touch."""
    i = n
    while i > 0 and direction.from_ns[i - 1] > from_ns:
        direction.from_ns[i], direction.until_ns[i] = direction.from_ns[i - 1], direction.until_ns[i - 1]
        i -= 1
    direction.from_ns[i], direction.until_ns[i] = from_ns, until_ns
    direction.n = n + 1


@compiled
def note_transport(e, worker, job):
    """A result arrived: its frame and it kept the link busy."""
    carrier = e.carriers[worker.carrier]
    most_spans = SHARED_SPANS if is_shared(worker) else OWN_SPANS
    down_ns = carried(carrier.down, most_spans, job.sent_ns + worker.delay_ns, job.received_ns)
    up_ns = carried(carrier.up, most_spans, job.done_ns + worker.delay_ns, job.arrived_ns)
    worker.down_ns += down_ns
    worker.up_ns += up_ns
    if worker.link_is_known:
        worker.recent_down_ns += (down_ns - worker.recent_down_ns) >> RECENT_SHIFT
        worker.recent_up_ns += (up_ns - worker.recent_up_ns) >> RECENT_SHIFT
    else:
        worker.recent_down_ns, worker.recent_up_ns, worker.link_is_known = down_ns, up_ns, 1
