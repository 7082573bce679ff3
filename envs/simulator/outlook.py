"""What the producer expects of a worker as the simulator walks it: `pipeline.producer.outlook` rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from pipeline.producer import outlook

smoothed = compiled(outlook.smoothed)
scaled = compiled(outlook.scaled)
free_after = compiled(outlook.free_after)
next_done_ns = compiled(outlook.next_done_ns)


@compiled
def begin_outlook(e, w):
    """Nothing is known of a worker that has registered."""
    worker = e.workers[w]
    worker.service_est_ns = worker.transfer_est_ns = worker.expected_free_ns = worker.clear_ns = 0
    worker.told_in_hand = worker.measured_ns = worker.last_grade = worker.last_size = worker.trial = 0
    e.services_ns[w, :, :] = 0
    e.transfers_ns[w, :] = 0


@compiled
def bind_outlook(s, e, w):
    """What is expected under the settings in force; what was never measured is scaled from the last."""
    worker, services_ns, transfers_ns = e.workers[w], e.services_ns[w], e.transfers_ns[w]
    grade, size, last_grade, last_size = e.grade_level, e.size_level, worker.last_grade, worker.last_size
    last_ns = services_ns[last_grade, last_size]
    if last_ns == 0:
        return
    worker.service_est_ns = services_ns[grade, size]
    if worker.service_est_ns == 0:
        of_size_ns = scaled(last_ns, s.frame_bytes[size], s.frame_bytes[last_size])
        worker.service_est_ns = scaled(of_size_ns, s.grade_costs[grade], s.grade_costs[last_grade])
    worker.transfer_est_ns = transfers_ns[size]
    if worker.transfer_est_ns == 0:
        last_ns = transfers_ns[last_size]
        worker.transfer_est_ns = scaled(last_ns, s.frame_bytes[size], s.frame_bytes[last_size])


@compiled
def measure(s, e, job):
    """A result has come."""
    w, grade, size = job.worker, job.grade, job.size
    worker = e.workers[w]
    service_ns = smoothed(e.services_ns[w, grade, size], max(1, job.service_ns))
    transfer_ns = smoothed(e.transfers_ns[w, size], max(1, job.received_ns - job.sent_ns))
    e.services_ns[w, grade, size], e.transfers_ns[w, size] = service_ns, transfer_ns
    worker.last_grade, worker.last_size, worker.measured_ns = grade, size, e.now_ns
    if grade == e.grade_level and size == e.size_level:
        worker.service_est_ns, worker.transfer_est_ns = service_ns, transfer_ns
    else:
        bind_outlook(s, e, w)


@compiled
def told(worker, now_ns, in_hand):
    """It asks: what was under way to it has come."""
    worker.told_in_hand, worker.clear_ns = in_hand, now_ns
    worker.expected_free_ns = free_after(
        worker.expected_free_ns, now_ns, in_hand, worker.started_ns, worker.service_est_ns
    )


@compiled
def done_ns(worker, now_ns):
    """When it would be done with the next task."""
    return next_done_ns(
        now_ns, worker.clear_ns, worker.expected_free_ns, worker.transfer_est_ns, worker.service_est_ns
    )


@compiled
def hand(worker, now_ns):
    """A task is on its way to it."""
    worker.expected_free_ns = done_ns(worker, now_ns)
    worker.clear_ns = max(now_ns, worker.clear_ns) + worker.transfer_est_ns
