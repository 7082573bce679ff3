"""When workers were busy, as the producer learns it: `pipeline.producer.occupancy` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from pipeline.producer.occupancy import MOST_BOOKED


@compiled
def begin_occupancy(worker, since_ns):
    """A worker has registered; what it did before is not booked."""
    worker.started_ns = worker.running_ns = worker.result_done_ns = 0
    worker.n_booked = 1
    worker.booked_from_ns[0], worker.booked_until_ns[0] = 0, since_ns


@compiled
def is_running(worker):
    """Whether no result has come yet of what it said it was at."""
    return worker.started_ns > 0 and worker.started_ns >= worker.result_done_ns


@compiled
def finished(worker, done_ns, service_ns):
    """A result arrived: what is not booked yet of its service time is."""
    began_ns, ahead_ns, n_kept = done_ns - service_ns, 0, 0
    for i in range(worker.n_booked):
        from_ns, until_ns = worker.booked_from_ns[i], worker.booked_until_ns[i]
        ahead_ns += max(0, min(done_ns, until_ns) - max(began_ns, from_ns))
        if until_ns > done_ns:
            worker.booked_from_ns[n_kept], worker.booked_until_ns[n_kept] = from_ns, until_ns
            n_kept += 1
    worker.n_booked = n_kept
    worker.result_done_ns = max(worker.result_done_ns, done_ns)
    worker.busy_ns += service_ns - ahead_ns


@compiled
def book(worker, now_ns):
    """What has passed of the task in progress and is not booked yet is."""
    if not is_running(worker):
        return
    n = worker.n_booked
    last_ns = worker.booked_until_ns[n - 1] if n > 0 else 0
    from_ns = max(worker.started_ns, last_ns)
    if now_ns <= from_ns:
        return
    worker.busy_ns += now_ns - from_ns
    if n > 0 and last_ns == from_ns:
        worker.booked_until_ns[n - 1] = now_ns
        return
    if n == MOST_BOOKED:  # the oldest is forgotten
        for i in range(1, n):
            worker.booked_from_ns[i - 1] = worker.booked_from_ns[i]
            worker.booked_until_ns[i - 1] = worker.booked_until_ns[i]
        n -= 1
    worker.booked_from_ns[n], worker.booked_until_ns[n] = from_ns, now_ns
    worker.n_booked = n + 1
