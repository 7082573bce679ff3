"""What a worker asks, and when, as the simulator walks it: of `pipeline.worker.core`, rule by rule.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.compiling import compiled
from envs.simulator.records import GET_WORK, NEVER, NONE, NOTHING, REGISTER, STANDING
from envs.simulator.timers import refresh
from pipeline.clock import FRESH_NS
from pipeline.worker.timing import LEAST_REPLY_NS

LOADING = -2  # a job's frame: none, models are loaded


@compiled
def is_ready(worker):
    """Whether everything asked of inference is loaded."""
    return worker.n_plans > 0 and worker.n_plans == worker.n_ready


@compiled
def can_ask(s, e, worker):
    """Whether it could take a task."""
    return worker.confirmed != 0 and is_ready(worker) and worker.in_hand < s.n_slots


@compiled
def ask(s, e, w, now_ns):
    """After whatever happened: send the next request if it is time, and plan when to look again."""
    worker = e.workers[w]
    if worker.alive and worker.asked in (NOTHING, STANDING) and now_ns >= worker.not_before_ns:
        choose_request(s, e, w, now_ns)
    if worker.asked not in (NOTHING, STANDING):
        worker.wake_ns = worker.deadline_ns
    elif worker.confirmed == 0 or can_ask(s, e, worker):
        worker.wake_ns = worker.not_before_ns
    else:
        worker.wake_ns = max(worker.not_before_ns, worker.heartbeat_due_ns)
    refresh(s, e, w)


@compiled
def choose_request(s, e, w, now_ns):
    """REGISTER, GET_WORK for tasks, as a heartbeat or to stand by for news, or nothing."""
    worker = e.workers[w]
    if worker.confirmed == 0:
        send_request(s, e, w, REGISTER, 0, now_ns)
        return
    may = can_ask(s, e, worker)
    if may and worker.clock_ns != NEVER and now_ns - worker.clock_ns < FRESH_NS:
        free_slots = s.n_slots - worker.in_hand
        send_request(s, e, w, GET_WORK, min(s.batch, free_slots), now_ns)
    elif may or now_ns >= worker.heartbeat_due_ns:
        send_request(s, e, w, GET_WORK, 0, now_ns)
    elif s.binds_at_hand_out and worker.asked == NOTHING:
        stand_by(s, e, w, now_ns)


@compiled
def stand_by(s, e, w, now_ns):
    """It wants nothing but news of the settings, and gives up waiting for it as soon as it wants more."""
    worker = e.workers[w]
    worker.asked = STANDING
    worker.heartbeat_due_ns = now_ns + s.heartbeat_send_ns
    worker.standing_ns = now_ns + s.kinds[worker.kind].delay_ns
    worker.standing_in_hand, worker.standing_ready = worker.in_hand, is_ready(worker)
    worker.standing_epoch = worker.told_epoch
    worker.standing_started_ns, worker.standing_running_ns = activity_of(e, worker, now_ns)
    worker.standing_delay_ns = delay_of(s, worker)


@compiled
def activity_of(e, worker, now_ns):
    """(since when it is at a task, how long that is), 0 and 0 if it is at none, or cannot say when."""
    j = worker.serving
    if j == NONE or e.jobs[j].frame == LOADING or worker.clock_ns == NEVER:
        return 0, 0
    return e.jobs[j].started_ns, max(0, now_ns - e.jobs[j].started_ns)


@compiled
def delay_of(s, worker):
    """How far away the producer is, one way, as far as the worker knows; 0 = it does not."""
    return s.kinds[worker.kind].delay_ns if worker.clock_ns != NEVER else 0


@compiled
def send_request(s, e, w, what, n, now_ns):
    """It is on its way to the producer."""
    worker = e.workers[w]
    wait_ns = s.reply_ns if what == GET_WORK and s.reply_ns > LEAST_REPLY_NS else LEAST_REPLY_NS
    if worker.asked == STANDING:
        worker.reply_ns = NEVER  # whatever answers that reaches nobody any more
    worker.asked, worker.asked_n, worker.asked_ns = what, n, now_ns
    worker.deadline_ns = now_ns + wait_ns
    worker.heartbeat_due_ns = now_ns + s.heartbeat_send_ns
    worker.request, worker.request_n = what, n
    worker.request_in_hand, worker.request_ready = worker.in_hand, is_ready(worker)
    worker.request_ns = now_ns + s.kinds[worker.kind].delay_ns
    worker.request_epoch = worker.told_epoch
    worker.request_started_ns, worker.request_running_ns = activity_of(e, worker, now_ns)
    worker.request_delay_ns = delay_of(s, worker)
