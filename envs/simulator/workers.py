"""A worker as the simulator walks it: its core's answers to what it is told, inference, and the way out.

A test holds it to the real cores, frame for frame.
"""

from envs.simulator.asking import LOADING, ask
from envs.simulator.compiling import compiled
from envs.simulator.draws import service_ns
from envs.simulator.lists import new_job, pop, push, release_job
from envs.simulator.records import (
    BUFFER,
    CHANGE,
    CONFIRMATION,
    N_GLOBAL_LISTS,
    N_WORKER_LISTS,
    NEVER,
    NONE,
    NOTHING,
    REPLY,
    STANDING,
    TRANSIT,
    UNREGISTERED,
    UPLINK,
    WAIT,
    WORK,
)
from envs.simulator.timers import refresh
from pipeline.worker.timing import FIRST_BACK_OFF_NS, LAST_BACK_OFF_NS, LEAST_WAIT_NS

RESULT_BYTES = 250  # header and some boxes; a frame comes on top of them where results carry it


@compiled
def list_of(w, which):
    """Index of a worker's list of jobs."""
    return N_GLOBAL_LISTS + w * N_WORKER_LISTS + which


@compiled
def woke(s, e, w, now_ns):
    """Nothing but time has passed: the reply may be overdue."""
    worker = e.workers[w]
    if worker.asked not in (NOTHING, STANDING) and now_ns >= worker.deadline_ns:
        which = list_of(w, REPLY)  # a late reply reaches nobody
        while e.heads[which] != NONE:
            release_job(s, e, pop(s, e, which))
        worker.reply_ns = NEVER
        worker.asked, worker.confirmed, worker.clock_ns = NOTHING, 0, NEVER
        worker.not_before_ns = now_ns + worker.back_off_ns
        worker.back_off_ns = min(2 * worker.back_off_ns, LAST_BACK_OFF_NS)
    ask(s, e, w, now_ns)


@compiled
def replied(s, e, w, now_ns):
    """The producer answered."""
    worker = e.workers[w]
    worker.reply_ns = NEVER
    asked, asked_n, asked_ns = worker.asked, worker.asked_n, worker.asked_ns
    worker.asked = NOTHING
    if worker.reply == WORK:
        accept(s, e, w, now_ns)
    elif worker.reply == WAIT and asked != STANDING:
        if asked_n == 0:
            worker.clock_ns = now_ns
        else:
            worker.not_before_ns = max(now_ns, asked_ns + LEAST_WAIT_NS)
    elif worker.reply == CHANGE:
        worker.told_epoch, worker.told_grade = worker.reply_epoch, worker.reply_grade
        if s.is_lazy:
            at_need(s, e, w, worker.reply_grade, worker.reply_size, now_ns)
    elif worker.reply == CONFIRMATION:
        confirmed(s, e, w, now_ns)
    elif worker.reply == UNREGISTERED:
        worker.confirmed = 0
    ask(s, e, w, now_ns)  # before inference hears of what came
    work(s, e, w)
    refresh(s, e, w)


@compiled
def accept(s, e, w, now_ns):
    """Tasks came: models that they need and that are not known yet are loaded before them."""
    worker, came, buffer = e.workers[w], list_of(w, REPLY), list_of(w, BUFFER)
    j = e.heads[came]
    while j != NONE:
        grade = e.jobs[j].grade
        if s.is_lazy and not (worker.grades >> grade) & 1:
            at_need(s, e, w, grade, NONE, now_ns)
        j = e.jobs[j].next
    while e.heads[came] != NONE:
        j = pop(s, e, came)
        e.jobs[j].received_ns = now_ns
        push(s, e, buffer, j)
        worker.in_hand += 1


@compiled
def confirmed(s, e, w, now_ns):
    """It is registered: load models, and measure the clock at once."""
    worker = e.workers[w]
    worker.confirmed, worker.clock_ns = 1, NEVER
    worker.told_epoch, worker.told_grade = worker.reply_epoch, worker.reply_grade
    worker.heartbeat_due_ns = now_ns
    worker.back_off_ns = FIRST_BACK_OFF_NS
    if s.is_lazy:
        at_need(s, e, w, worker.reply_grade, NONE, now_ns)
    elif worker.n_plans == 0:
        kind = s.kinds[worker.kind]
        push_loading(s, e, w, -1, s.n_grades * (kind.load_ns + s.n_sizes * kind.shape_ns), now_ns)


@compiled
def at_need(s, e, w, grade, size, now_ns):
    """LAZY: have inference load a grade, and warm it at a size unless that is NONE; once for each pair."""
    worker = e.workers[w]
    bit = grade * (s.n_sizes + 1) + size + 1
    if (worker.asked_for >> bit) & 1:
        return
    kind = s.kinds[worker.kind]
    duration_ns = kind.shape_ns if size != NONE else 0
    if not (worker.grades >> grade) & 1:
        duration_ns += kind.load_ns
    worker.asked_for |= 1 << bit
    worker.grades |= 1 << grade
    push_loading(s, e, w, 1 << grade, duration_ns, now_ns)


@compiled
def push_loading(s, e, w, grades, duration_ns, now_ns):
    """Inference loads grades (bits) after what it was told before; no task is asked for meanwhile."""
    j = new_job(s, e)
    job = e.jobs[j]
    job.frame, job.grade, job.received_ns, job.duration_ns = LOADING, grades, now_ns, duration_ns
    push(s, e, list_of(w, BUFFER), j)
    e.workers[w].n_plans += 1


# --- inference, and the way to the collector ---


@compiled
def work(s, e, w):
    """Begin with the next job if inference is idle. Refresh after it."""
    worker, buffer = e.workers[w], list_of(w, BUFFER)
    if worker.serving != NONE or e.heads[buffer] == NONE:
        return
    j = pop(s, e, buffer)
    job = e.jobs[j]
    job.started_ns = max(job.received_ns, worker.free_ns)
    if job.frame == LOADING:
        job.service_ns = job.duration_ns
    else:
        regrade(s, worker, job)
        job.service_ns = service_ns(s, e, w, job.grade, job.size, job.stream, job.index)
    worker.serving, worker.done_ns = j, job.started_ns + job.service_ns


@compiled
def regrade(s, worker, job):
    """A task that begins takes the grade that the worker was told of since, if that is loaded."""
    is_news = s.binds_at_hand_out and worker.told_epoch > job.epoch
    if is_news and (worker.loaded >> worker.told_grade) & 1:
        job.epoch, job.grade = worker.told_epoch, worker.told_grade


@compiled
def served(s, e, w, now_ns):
    """Inference has done its job: the result waits for the link, the next job begins."""
    worker = e.workers[w]
    j = worker.serving
    worker.serving, worker.done_ns, worker.free_ns = NONE, NEVER, now_ns
    if e.jobs[j].frame == LOADING:
        worker.loaded |= e.jobs[j].grade
        worker.n_ready += 1
        release_job(s, e, j)
        work(s, e, w)
        ask(s, e, w, now_ns)
        return
    e.jobs[j].done_ns = now_ns
    worker.free_ns += s.kinds[worker.kind].handling_ns
    push(s, e, list_of(w, UPLINK), j)
    work(s, e, w)
    if worker.left_ns == NEVER:
        send_results(s, e, w, now_ns)
    refresh(s, e, w)


@compiled
def send_results(s, e, w, now_ns):
    """The first result that waits begins to leave; without a limit it is gone at once. Refresh after it."""
    worker, uplink = e.workers[w], list_of(w, UPLINK)
    while e.heads[uplink] != NONE:
        size_bytes = RESULT_BYTES
        if s.returns_frames:
            size_bytes += s.frame_bytes[e.jobs[e.heads[uplink]].size]
        takes_ns = int(size_bytes * worker.ns_per_byte + 0.5)
        if takes_ns > 0:
            carrier = e.carriers[worker.carrier]
            worker.left_ns = carrier.up_free_ns = max(now_ns, carrier.up_free_ns) + takes_ns
            break
        send_result(s, e, w, now_ns)


@compiled
def send_result(s, e, w, now_ns):
    """A result is on its way, and its slot is free."""
    worker = e.workers[w]
    j = pop(s, e, list_of(w, UPLINK))
    e.jobs[j].arrived_ns = now_ns + s.kinds[worker.kind].delay_ns
    push(s, e, list_of(w, TRANSIT), j)
    if worker.result_ns == NEVER:
        worker.result_ns = e.jobs[j].arrived_ns
    worker.in_hand -= 1
    ask(s, e, w, now_ns)


@compiled
def left(s, e, w, now_ns):
    """The link has carried a result; the next one follows."""
    e.workers[w].left_ns = NEVER
    send_result(s, e, w, now_ns)
    send_results(s, e, w, now_ns)
    refresh(s, e, w)


@compiled
def die(s, e, w):
    """kill -9: what it has is gone, what it has sent is not."""
    worker = e.workers[w]
    worker.alive = 0
    for which in (REPLY, BUFFER, UPLINK):
        while e.heads[list_of(w, which)] != NONE:
            release_job(s, e, pop(s, e, list_of(w, which)))
    if worker.serving != NONE:
        release_job(s, e, worker.serving)
    worker.serving = NONE
    worker.reply_ns = worker.done_ns = worker.left_ns = worker.wake_ns = NEVER
    refresh(s, e, w)
