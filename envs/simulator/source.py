"""Capturing as the simulator walks it: `pipeline.producer.capture` and `pipeline.pacing` frame by frame."""

from envs.simulator.compiling import compiled
from envs.simulator.handing_out import serve
from envs.simulator.ledger import enforce_bound, offer
from envs.simulator.records import N_FRAMES, N_JOBS, N_WINDOW, NEVER
from envs.simulator.schedule import pts_ns, slot


@compiled
def choose_next(s, e, now_ns):
    """The next frame of the source that the FPS knob lets through, and when it is to be taken."""
    rate = s.rates[e.fps_level]
    while True:
        if e.source_index >= s.n_source_frames:
            e.due_ns, e.source_ended_ns = NEVER, now_ns
            return
        due_ns = pts_ns(s.source_fps, e.source_index)
        if e.last_pts_ns < 0 or rate.takes_all or slot(rate, due_ns) > slot(rate, e.last_pts_ns):
            e.last_pts_ns = due_ns
            e.due_ns = max(due_ns, now_ns)
            return
        e.source_index += 1


@compiled
def has_room(s, e):
    """Whether there are records for what may follow from another frame, until the one after it."""
    if e.n_flight + e.n_streams > N_FRAMES:
        return False
    if e.n_jobs_used + 4 * e.n_flight + e.n_workers * s.batch + 64 > N_JOBS:
        return False
    if e.i_delivered + e.n_flight > N_FRAMES:
        return False
    for stream in range(e.n_streams):
        state = e.streams[stream]
        if state.offered_id - state.next_id >= N_WINDOW:
            return False
    return True


@compiled
def captured(s, e, now_ns):
    """A frame is taken under the settings of this moment; it is offered once it is prepared."""
    e.offer_index, e.offer_due_ns = e.source_index, e.last_pts_ns
    e.offer_epoch, e.offer_size, e.offer_grade = e.epoch, e.size_level, e.grade_level
    e.source_index += 1
    e.due_ns = NEVER
    e.offer_ns = now_ns + s.capture_ns
    if s.capture_ns == 0:
        offered(s, e, now_ns)


@compiled
def offered(s, e, now_ns):
    """Every stream offers the frame; then whoever waits gets a task."""
    e.offer_ns = NEVER
    e.i_capture_ns += s.capture_ns
    if not has_room(s, e):
        e.out_of_room = 1
        return
    for stream in range(e.n_streams):
        f = offer(s, e, stream, e.offer_index, e.offer_due_ns, e.offer_epoch, e.offer_size, e.offer_grade)
        enforce_bound(s, e, f, now_ns)
    serve(s, e, now_ns)
    choose_next(s, e, now_ns)
