"""The walk: event by event through one control interval of one episode."""

import numpy as np

from envs import scenario
from envs.simulator.acknowledged import up_came
from envs.simulator.collector import collector_ticked, down_came, result_came
from envs.simulator.compiling import compiled
from envs.simulator.draws import content_seed, stream_seed
from envs.simulator.handing_out import tick_by
from envs.simulator.ledger import queue_bound, thin
from envs.simulator.occupancy import book
from envs.simulator.outlook import begin_outlook, bind_outlook
from envs.simulator.records import GET_WORK, HELD, N_EPOCHS, N_WORKERS, NEVER, NONE, UNKNOWN
from envs.simulator.scenario_events import happen, slow_down, start_worker, worker_in
from envs.simulator.scoring import begin_scoring, change_content, score_interval
from envs.simulator.source import captured, choose_next, offered
from envs.simulator.timers import (
    CAPTURE,
    COLLECTOR_TICK,
    DOWN_CAME,
    LEFT,
    OFFER,
    PRODUCER_TICK,
    REPLIED,
    REQUEST,
    RESULT,
    SERVED,
    UP_CAME,
    WAKE,
    find_next,
    key,
    refresh,
)
from envs.simulator.transport import begin_carrier
from envs.simulator.workapi import announce, plan_chores, producer_ticked, request_came
from envs.simulator.workers import left, replied, served, woke
from pipeline.collector.core import TICK_NS as COLLECTOR_TICK_NS
from pipeline.worker.timing import LEAST_REPLY_NS

heat_after = compiled(scenario.heat_after)


# --- the beginning ---


@compiled
def begin(systems, episodes, i, seed, thresholds):
    """Begin episode i: every worker is ready and has just asked for work, nothing is queued."""
    s, e = systems[episodes[i].system], episodes[i]
    begin_records(s, e, seed, thresholds)
    for w in range(s.n_workers):
        start_worker(s, e, w, w, w)
        worker = e.workers[w]
        worker.confirmed = worker.known = worker.ready = 1
        worker.held = HELD
        begin_outlook(e, w)
        worker.asked, worker.asked_n = GET_WORK, s.batch
        worker.deadline_ns = max(s.reply_ns, LEAST_REPLY_NS)
        worker.heartbeat_due_ns, worker.clock_ns = s.heartbeat_send_ns, 0
        worker.held_n, worker.held_seq, worker.known_seq = s.batch, w + 1, w + 1
        worker.n_plans = worker.n_ready = 1
        worker.told_grade, worker.loaded = s.grade_level, -1
        if s.is_lazy:
            worker.grades = worker.loaded = 1 << s.grade_level
            worker.asked_for = 1 << (s.grade_level * (s.n_sizes + 1))
        worker.wake_ns = worker.deadline_ns
        refresh(s, e, w)
    e.held_seq = e.known_seq = s.n_workers
    e.epoch = e.effective_epoch = 1
    announce(s, e, 0)
    plan_chores(s, e)
    tick_by(s, e, e.chores_ns)
    choose_next(s, e, 0)


@compiled
def begin_records(s, e, seed, thresholds):
    """An episode of which nothing has happened yet."""
    e.step = e.now_ns = 0
    e.passed_key = key(0, COLLECTOR_TICK)
    e.n_streams, e.n_workers, e.next_event = s.streams, s.n_workers, 0
    e.fps_level, e.size_level, e.grade_level = s.fps_level, s.size_level, s.grade_level
    e.previous_fps, e.previous_size, e.previous_grade = s.fps_level, s.size_level, s.grade_level
    e.source_index, e.last_pts_ns, e.source_ended_ns = 0, -1, NEVER
    e.due_ns = e.offer_ns = e.tick_ns = e.chores_ns = NEVER
    e.trial_ns = e.n_trials = 0
    e.held_bytes = e.n_flight = e.epoch = e.effective_epoch = 0
    e.oldest = e.newest = e.free_frame = e.free_job = NONE
    e.n_frames = e.n_jobs = e.n_jobs_used = e.out_of_room = 0
    e.bound = queue_bound(s, s.streams)
    e.has_begun, e.ack_ns, e.sync_ns, e.collector_tick_ns = 0, 0, 0, COLLECTOR_TICK_NS
    e.n_receipts = e.n_verdicts = e.up_head = e.up_tail = 0
    e.offered = e.delivered = e.dropped = e.thinned = e.lost = e.late = e.requeued = 0
    e.n_recent, e.ns_per_byte = 0, -1.0
    for which in range(4):
        e.head[which] = e.tail[which] = NONE
        e.count[which] = 0
    e.heads[:] = NONE
    e.tails[:] = NONE
    for slo in range(s.n_slos):
        e.thresholds[slo] = thresholds[slo]
    for i in range(2 * N_WORKERS):
        begin_carrier(e.carriers[i])
    for slot in range(N_WORKERS):
        e.workers[slot].told_slowdown, e.workers[slot].heat = 1.0, 0.0
    for stream in range(s.n_streams):
        state = e.streams[stream]
        state.next_id = state.offered_id = state.n_waiting = state.streak = 0
        state.missing_since_ns, state.handed_out_ns = NEVER, -1
        state.seed = np.int64(stream_seed(seed, stream))
        e.window[stream, :] = UNKNOWN
    e.content_seed = np.int64(content_seed(seed))
    begin_scoring(s, e)
    begin_interval(s, e)


@compiled
def begin_interval(s, e):
    """The meters begin anew."""
    e.i_offered = e.i_withdrawn = e.i_delivered = e.i_dropped = e.i_thinned = e.i_lost = e.i_late = 0
    e.i_capture_ns = e.i_heights = e.i_adapted_ns = e.i_scored = e.i_streak = e.i_recovered_ns = 0
    e.i_f1 = 0.0
    for stream in range(s.n_streams):
        e.streams[stream].first_id = e.streams[stream].offered_id
    e.hops[:] = 0
    e.by_grade[:] = 0
    for w in range(e.n_workers):
        e.workers[w].processed = e.workers[w].service_ns = e.workers[w].busy_ns = 0
        e.workers[w].down_ns = e.workers[w].up_ns = 0


@compiled
def set_levels(s, e, fps, size, grade, now_ns):
    """The agent's settings come into force."""
    e.previous_fps, e.previous_size, e.previous_grade = e.fps_level, e.size_level, e.grade_level
    if fps != e.fps_level or size != e.size_level or grade != e.grade_level:
        is_lower = fps < e.fps_level
        e.fps_level, e.size_level, e.grade_level = fps, size, grade
        e.epoch += 1
        for w in range(e.n_workers):
            bind_outlook(s, e, w)
        e.set_ns[e.epoch % N_EPOCHS] = now_ns
        if is_lower and s.binds_at_hand_out and not s.rates[fps].takes_all:
            thin(s, e, now_ns)
        announce(s, e, now_ns)


# --- one interval ---


@compiled
def walk(s, e, events, fps, size, grade):
    """One control interval under these levels; what is due at its very end is the next one's."""
    began_ns = e.step * s.interval_ns
    begin_interval(s, e)
    if s.has_accuracy and e.step > 0:
        change_content(s, e)
    while e.next_event < e.n_events and events[e.next_event].step <= e.step:
        happen(s, e, events[e.next_event], began_ns)
        e.next_event += 1
    if s.decision_ns > 0:
        run_until(s, e, began_ns + s.decision_ns)
    set_levels(s, e, fps, size, grade, began_ns + s.decision_ns)
    run_until(s, e, began_ns + s.interval_ns)
    if s.has_accuracy:
        score_interval(s, e)
    for w in range(e.n_workers):
        if e.workers[w].known:
            book(e.workers[w], e.now_ns)
    if s.is_thermal:
        heat_up(s, e)
    e.step += 1


@compiled
def heat_up(s, e):
    """Every slot follows the busy share of the worker in it."""
    duration_s = s.interval_ns * 1e-9
    for slot in range(N_WORKERS):
        w = worker_in(s, e, slot)
        counts = w != NONE and e.workers[w].known and e.workers[w].ready
        busy_share = e.workers[w].busy_ns * 1e-9 / duration_s if counts else 0.0
        e.workers[slot].heat = heat_after(e.workers[slot].heat, busy_share, duration_s, s.tau_s)
        if w != NONE:
            slow_down(s, e, w)


@compiled
def run_until(s, e, until_ns):
    """Every event before a time, in order."""
    while True:
        w = find_next(s, e)
        if e.next_ns >= until_ns:
            e.now_ns = until_ns
            return
        if e.out_of_room:
            return
        e.now_ns = e.next_ns
        e.passed_key = max(e.passed_key, key(e.next_ns, e.next_rank))
        dispatch(s, e, w, e.next_rank, e.next_ns)


@compiled
def dispatch(s, e, w, rank, now_ns):
    """One event."""
    if rank == REQUEST:
        request_came(s, e, w, now_ns)
    elif rank == REPLIED:
        replied(s, e, w, now_ns)
    elif rank == SERVED:
        served(s, e, w, now_ns)
    elif rank == RESULT:
        result_came(s, e, w, now_ns)
    elif rank == CAPTURE:
        captured(s, e, now_ns)
    elif rank == OFFER:
        offered(s, e, now_ns)
    elif rank == UP_CAME:
        up_came(s, e, now_ns)
    elif rank == DOWN_CAME:
        down_came(s, e, now_ns)
    elif rank == LEFT:
        left(s, e, w, now_ns)
    elif rank == WAKE:
        woke(s, e, w, now_ns)
    elif rank == PRODUCER_TICK:
        producer_ticked(s, e, now_ns)
    else:
        collector_ticked(s, e, now_ns)
