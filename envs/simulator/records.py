"""The simulator's memory: one record per system, one per episode, so that a copy of it is a clone.

All whole numbers are int64 and all times in ns. Everything of an episode lies within its one record, at
fixed places: the walk's functions then pass two pointers, where arrays would cost more than the work itself.
Records are large, and NumPy's zeros take no memory before they are written to.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.interval import HOPS, RECENT_TASKS
from pipeline.producer.occupancy import MOST_BOOKED
from pipeline.producer.transport import SHARED_SPANS

NEVER = 1 << 58  # so that an event's time and rank are one number
NONE = -1  # no frame, no job
TRIAL = -3  # in place of a frame: a copy of one, to learn how long a worker takes

# the most of each that a record has room for
N_WORKERS, N_STREAMS, N_SLOS = 16, 16, 20
N_FPS, N_SIZES, N_GRADES, N_QUANTILES = 32, 16, 5, 41
N_FRAMES = 4096  # in flight at the producer
N_JOBS = 16384  # at workers, under way, at the collector
N_WINDOW = 4096  # between a stream's next id at the collector and its newest
N_AGES = 128  # of what is shown, in frames of the source; older results are taken for as old as the last
N_EPOCHS = 128  # settings that may wait for their first result at a time
N_UP = 16  # messages under way from collector to producer at most: one every 50 ms, for at most 200 ms

# where a frame is; the first four are lists
FRESH, RETURNED, LEASED, GIVEN_UP, RECEIVED, FREE = range(6)
# what a frame came to
IN_FLIGHT, DELIVERED, DROPPED, LOST, LATE = range(5)
# what a window of the collector knows of an id, if not a job; to it a thinned frame is a dropped one
UNKNOWN, GAP_DROPPED, GAP_LOST = -1, -2, -3
# lists of jobs: four of the episode, then four of each worker
DOWN, EARLY, RECEIPTS, VERDICTS, N_GLOBAL_LISTS = range(5)
REPLY, BUFFER, UPLINK, TRANSIT, N_WORKER_LISTS = range(5)
# requests and replies of the Work-API
NOTHING, REGISTER, GET_WORK, STANDING = range(4)
WORK, WAIT, CHANGE, CONFIRMATION, UNREGISTERED = range(5)
# of a request for work; STANDS: for no task, only for news
NOT_HELD, HELD, STANDS, ANSWERED = range(4)
# kinds of scenario events, in the order of `EventKind`
SET_STREAMS, LOSE_WORKER, JOIN_WORKER, SLOW_WORKER, SET_LINKS, SET_THRESHOLD = range(6)


def _record(ints: str, floats: str = "", arrays: Sequence[tuple[str, Any, Any]] = ()) -> np.dtype:
    fields: list[Any] = [(name, np.int64) for name in ints.split()]
    fields += [(name, np.float64) for name in floats.split()]
    return np.dtype([*fields, *arrays], align=True)


# --- what is simulated, and does not change ---

RATE = _record("numerator denominator takes_all", "fps")
KIND = _record(  # of worker: one per worker of the hardware
    "device medium delay_ns handling_ns start_ns load_ns shape_ns has_power",
    "capacity ns_per_byte sigma correlation idle_w busy_w",
    (
        ("mean_ms", np.float64, (N_GRADES, N_SIZES)),
        ("n_quantiles", np.int64, (N_GRADES, N_SIZES)),  # 0 = log-normal
        ("quantiles", np.float64, (N_GRADES, N_SIZES, N_QUANTILES)),  # as multiples of the mean
    ),
)
SYSTEM = _record(
    "n_steps n_workers n_streams n_sizes n_grades n_slos n_slots batch interval_ns decision_ns"
    " heartbeat_send_ns silent_ns held_ns reply_ns lease_ns retries gap_deadline_ns message_ns"
    " capture_ns drops_newest is_lazy binds_at_hand_out plans_turns"
    " returns_frames n_source_frames budget_bytes host_used_bytes host_bytes streams"
    " fps_level size_level grade_level is_thermal has_accuracy",
    "source_fps queue_bound_s tau_s throttles_from slowdown scene_sd second_sd second_correlation"
    " calm_offset rush_offset content_period_s",
    (
        ("rates", RATE, (N_FPS,)),
        ("frame_bytes", np.int64, (N_SIZES,)),
        ("heights_px", np.int64, (N_SIZES,)),
        ("grade_costs", np.int64, (N_GRADES,)),
        ("f1_sums", np.float64, (N_GRADES, N_SIZES, N_AGES + 1)),  # of F1, over the ages below
        ("kinds", KIND, (N_WORKERS,)),
    ),
)

# --- what happens in an episode ---

DIRECTION = _record(  # of a link: when it was busy, apart from each other, ascending; one more for a moment
    "n", arrays=(("from_ns", np.int64, (SHARED_SPANS + 1,)), ("until_ns", np.int64, (SHARED_SPANS + 1,)))
)
CARRIER = _record(  # a worker's own link, or what several share: when a shared one is free; when it was busy
    "down_free_ns up_free_ns", arrays=(("down", DIRECTION, ()), ("up", DIRECTION, ()))
)
EVENT = _record("step kind worker slo", "value")
WORKER = _record(
    "alive kind slot carrier"
    # its core
    " confirmed asked asked_n asked_ns deadline_ns in_hand heartbeat_due_ns not_before_ns back_off_ns"
    " clock_ns n_plans n_ready asked_for grades loaded told_epoch told_grade"
    # messages under way
    " request_ns request request_n request_in_hand request_ready request_epoch"
    " request_started_ns request_running_ns request_delay_ns"
    " standing_ns standing_in_hand standing_ready standing_epoch"
    " standing_started_ns standing_running_ns standing_delay_ns"
    " reply_ns reply reply_epoch reply_grade reply_size wake_ns"
    # inference and the way to the collector
    " free_ns serving done_ns left_ns result_ns"
    # as the producer sees it
    " known ready heard_ns known_seq held held_ns held_n held_seq n_leased"
    " started_ns running_ns result_done_ns n_booked"
    " delay_ns link_is_known recent_down_ns recent_up_ns"
    # what the producer expects of it under the settings in force
    " service_est_ns transfer_est_ns expected_free_ns clear_ns told_in_hand measured_ns last_grade last_size"
    " trial"
    # meters of the interval
    " processed service_ns busy_ns down_ns up_ns n_recent",
    # in force; the last two are of the slot with this number, whoever works in it
    "slowdown ns_per_byte told_slowdown heat",
    (
        ("recent", np.int64, (RECENT_TASKS,)),
        ("booked_from_ns", np.int64, (MOST_BOOKED,)),
        ("booked_until_ns", np.int64, (MOST_BOOKED,)),
    ),
)
FRAME = _record(
    "stream id index captured_ns epoch grade size bytes attempts place holder leased_ns failed_ns"
    " previous next older newer"
)
JOB = _record(
    "frame stream id index worker epoch grade size captured_ns sent_ns received_ns started_ns done_ns"
    " arrived_ns service_ns duration_ns outcome latency_ns users next next_receipt"
)
STREAM = _record(
    "next_id offered_id n_waiting missing_since_ns seed handed_out_ns kept_ns first_id"
    # source frames that are scored, and the one that is shown
    " scored shown shown_grade shown_size"
    " streak"  # frames in a row that nobody got, to the last whose outcome is known
)
EPISODE = _record(
    # the world
    "system step now_ns n_streams n_workers n_events next_event next_ns next_rank passed_key"
    # settings in force and before, and those of the frame that is being captured
    " epoch fps_level size_level grade_level previous_fps previous_size previous_grade"
    " source_index last_pts_ns due_ns offer_ns offer_index offer_due_ns offer_size offer_grade offer_epoch"
    " source_ended_ns"
    # the last settings that a delivered frame was worked under
    " effective_epoch"
    # the producer
    " held_bytes n_flight oldest newest tick_ns chores_ns held_seq known_seq bound first_done_ns too_late_ns"
    " trial_ns n_trials"
    # free places: recycled ones, then those never used
    " free_frame n_frames free_job n_jobs n_jobs_used out_of_room"
    # the collector, and its messages to the producer
    " has_begun ack_ns collector_tick_ns sync_ns n_receipts n_verdicts up_head up_tail"
    # what the content is drawn by
    " content_seed"
    # totals of the episode
    " offered delivered dropped thinned lost late requeued"
    # meters of the interval
    " i_capture_ns i_offered i_withdrawn i_delivered i_dropped i_thinned i_lost i_late i_heights"
    " i_adapted_ns i_scored i_streak i_recovered_ns n_recent",
    "ns_per_byte"  # of every link; negative: of each its own
    " scene content i_f1",  # offsets of the logit of F1: of the episode, of this moment; F1 of the interval
    (
        ("head", np.int64, (4,)),
        ("tail", np.int64, (4,)),
        ("count", np.int64, (4,)),
        ("hops", np.int64, (len(HOPS),)),
        ("by_grade", np.int64, (N_GRADES,)),
        ("thresholds", np.float64, (N_SLOS,)),
        ("set_ns", np.int64, (N_EPOCHS,)),  # when settings came into force, by epoch modulo N_EPOCHS
        ("heads", np.int64, (N_GLOBAL_LISTS + N_WORKERS * N_WORKER_LISTS,)),
        ("tails", np.int64, (N_GLOBAL_LISTS + N_WORKERS * N_WORKER_LISTS,)),
        ("next_keys", np.int64, (N_WORKERS,)),  # of each worker's next event
        ("paces_s", np.float64, (N_WORKERS,)),  # room to count with, as is the next
        ("dones_ns", np.int64, (N_WORKERS,)),  # when each worker would be done with one more task
        ("up_ns", np.int64, (N_UP,)),
        ("up_receipts", np.int64, (N_UP,)),
        ("up_verdicts", np.int64, (N_UP,)),
        ("up_is_sync", np.int64, (N_UP,)),
        ("recent", np.int64, (RECENT_TASKS,)),
        ("streams", STREAM, (N_STREAMS,)),
        ("carriers", CARRIER, (2 * N_WORKERS,)),  # each worker's own, then what is shared
        ("workers", WORKER, (N_WORKERS,)),  # those after the hardware's own have joined
        # what the producer expects of each worker by grade and size; 0 = it has not done any of these
        ("services_ns", np.int64, (N_WORKERS, N_GRADES, N_SIZES)),
        ("transfers_ns", np.int64, (N_WORKERS, N_SIZES)),
        ("frames", FRAME, (N_FRAMES,)),
        ("jobs", JOB, (N_JOBS,)),
        ("window", np.int64, (N_STREAMS, N_WINDOW)),  # job, or why there is none, by id modulo N_WINDOW
        ("latencies_ns", np.int64, (N_FRAMES,)),
    ),
)
