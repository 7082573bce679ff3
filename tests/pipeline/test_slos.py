"""The SLO catalogue on intervals made by hand."""

import math

import pytest
from msgspec.structs import replace

from pipeline.catalogue import measure
from pipeline.findings import Matches
from pipeline.interval import Interval, WorkerInterval, percentiles_ms
from pipeline.slos import RATIO_CAP, Sense, Slo, SloState, parse_slo, read_slos, video_slo


def interval(**changes) -> Interval:
    """Two workers, 20 of 30 offered frames processed and delivered in two seconds, 4 dropped."""
    values = dict(
        duration_s=2.0,
        source_fps=30.0,
        fps=15.0,
        n_streams=1,
        offered=30,
        delivered=20,
        dropped={"drop_oldest": 3},
        lost=1,
        late=0,
        queue_size=45,
        held_bytes=300,
        budget_bytes=1000,
        host_used_bytes=3700,
        host_bytes=10_000,
        latencies_ms=(100.0, 800.0, 900.0),
        oldest_undelivered_ms=1500.0,
        delivered_height_px=360.0,
        delivered_by_grade=(20, 0, 0),
        workers=(
            WorkerInterval(name="a", processed=15, service_s=1.5, busy_s=1.5, in_hand=1),
            WorkerInterval(name="b", processed=5, service_s=1.5, busy_s=1.5, in_hand=1),
        ),
        recent_service_s=0.1,
        hops_ms={},
    )
    return Interval(**{**values, **changes})


def test_every_metric_of_an_ordinary_interval():
    figures = measure(interval())
    assert figures["queue_size"] == 45
    assert figures["memory_usage"] == 0.3
    assert figures["latency_p95_ms"] == 800
    assert figures["drop_rate"] == pytest.approx(4 / 30)
    assert figures["load"] == figures["load_compute"] == pytest.approx(15 / (10 + 1 / 0.3))  # ÷ both paces
    assert figures["delivered_fps"] == 10
    assert figures["processing_time_max_worker"] == pytest.approx(0.3 / (2 / 15))
    assert figures["service_ms"] == pytest.approx(150)
    assert figures["utilisation"] == pytest.approx(0.75)


def test_the_predecessors_metrics_count_at_the_knobs_own_rate_and_by_recent_tasks():
    workers = tuple(
        replace(interval().workers[0], name=name, recent_service_s=recent_s)
        for name, recent_s in (("a", 0.2), ("b", 0.4), ("new", math.nan))
    )
    figures = measure(interval(workers=workers))
    assert figures["queue_s"] == 45 / 15
    assert figures["host_memory"] == 0.4  # 3700 in use, 300 held, of 10,000 bytes
    assert figures["task_time_share"] == pytest.approx(0.1 * 15)
    assert figures["task_time_share_max_worker"] == pytest.approx(0.4 * 15)


def test_streaming_f1_is_over_all_classes_and_unknown_where_nothing_was_there_and_nothing_was_found():
    by_class = {"car": Matches(matched=6, found=8, present=10), "bus": Matches(matched=0, found=2, present=0)}
    assert measure(interval(matches=by_class))["streaming_f1"] == pytest.approx(2 * 6 / (10 + 10))
    assert measure(interval(matches={"bus": Matches(0, 2, 0)}))["streaming_f1"] == 0
    assert measure(interval(matches={"bus": Matches()}))["streaming_f1"] is None
    assert measure(interval())["streaming_f1"] is None


def test_unknown_is_not_zero():
    idle = (WorkerInterval(name="a", processed=0, service_s=0.0, busy_s=0.0, in_hand=1),)
    figures = measure(interval(latencies_ms=None, workers=idle, delivered=0))
    assert figures["latency_p95_ms"] == 1500  # the age of the oldest frame instead
    assert figures["load"] is None and figures["service_ms"] is None
    assert measure(interval(latencies_ms=None, oldest_undelivered_ms=None))["latency_p95_ms"] is None


def test_a_worker_that_did_nothing_enters_no_average():
    idle = WorkerInterval(name="c", processed=0, service_s=0.0, busy_s=0.0, in_hand=0)
    figures = measure(interval(workers=(*interval().workers, idle)))
    assert figures["service_ms"] == pytest.approx(150)


def test_a_task_that_has_run_longer_than_the_mean_counts_with_what_it_has_run():
    a, b = interval().workers
    shorter = replace(b, running_s=0.14)
    assert measure(interval(workers=(a, shorter))) == measure(interval())
    longer = replace(b, running_s=3.0)
    figures = measure(interval(workers=(a, longer)))
    assert figures["load"] == pytest.approx(15 / (10 + 1 / 0.75)), "b's tasks take (1.5 + 3) / 6 s"
    assert figures["processing_time_max_worker"] == pytest.approx(3.0 / (2 / 15))
    assert figures["service_ms"] == pytest.approx(150), "of what was finished"


def test_where_nothing_was_finished_tasks_in_progress_are_the_sample():
    idle = WorkerInterval(name="a", processed=0, service_s=0.0, busy_s=0.0, in_hand=1)
    workers = (idle, replace(idle, name="b", running_s=1.0), replace(idle, name="c", running_s=2.0))
    figures = measure(interval(workers=workers))
    assert figures["load"] == pytest.approx(15 * 1.5 / 3) and figures["service_ms"] is None


def test_a_task_that_has_just_begun_is_no_sign_of_spare():
    begun = WorkerInterval(name="a", processed=0, service_s=0.0, busy_s=0.1, running_s=0.1, in_hand=1)
    figures = measure(interval(workers=(begun, replace(begun, name="b"))))
    assert figures["load"] is None and figures["processing_time_max_worker"] is None
    longer = replace(begun, name="b", running_s=0.4)
    figures = measure(interval(workers=(begun, longer)))
    assert figures["load"] == pytest.approx(15 * 0.25 / 2), (
        "however long they take, it is more than can be done"
    )
    assert figures["processing_time_max_worker"] == pytest.approx(0.4 / (2 / 15))


def test_a_worker_that_finished_nothing_keeps_its_recent_pace_while_others_finish():
    a, _ = interval().workers  # 10 frames/s
    idle = WorkerInterval(name="b", processed=0, service_s=0.0, busy_s=0.0, in_hand=0, recent_service_s=0.5)
    unknown, stuck = replace(idle, recent_service_s=math.nan), replace(idle, running_s=1.0)
    for b, fps in ((idle, 10 + 2), (unknown, 10 + 10), (stuck, 10 + 1)):
        assert measure(interval(workers=(a, b)))["load_compute"] == pytest.approx(15 / fps)


def test_a_mixed_cluster_at_saturation_has_a_load_of_one():
    fast = WorkerInterval(name="fast", processed=96, service_s=2.0, busy_s=2.0, in_hand=1)
    slow = WorkerInterval(name="slow", processed=4, service_s=2.0, busy_s=2.0, in_hand=1)
    assert measure(interval(workers=(fast, slow), offered=100))["load"] == pytest.approx(1.0)


def test_a_link_carries_frames_as_fast_as_its_busier_direction():
    a, b = interval().workers
    a = replace(a, down_s=1.5, up_s=0.3, recent_link_s=0.5)  # 10 frames/s, whatever was recent
    b = replace(b, down_s=0.1, up_s=1.0, recent_link_s=0.5)  # 5
    figures = measure(interval(workers=(a, b)))
    assert figures["load_link"] == pytest.approx(15 / (10 + 5))
    idle = replace(b, processed=0, down_s=0.0, up_s=0.0, recent_link_s=0.25)
    assert measure(interval(workers=(a, idle)))["load_link"] == pytest.approx(15 / (10 + 4))
    stranger = replace(idle, recent_link_s=math.nan)  # counts as the others
    assert measure(interval(workers=(a, stranger)))["load_link"] == pytest.approx(15 / (10 + 10))


def test_links_that_share_a_medium_are_one():
    a, b = (
        replace(w, down_s=0.1 * w.processed, recent_link_s=0.1, medium="access point")
        for w in interval().workers
    )
    assert measure(interval(workers=(a, b)))["load_link"] == pytest.approx(15 / 10)
    own = replace(a, name="c", medium="")
    assert measure(interval(workers=(a, b, own)))["load_link"] == pytest.approx(15 / 20)


def test_load_is_that_of_the_bottleneck():
    slow_links = interval(
        workers=tuple(replace(w, down_s=2.0 * w.processed, recent_link_s=2.0) for w in interval().workers)
    )
    assert measure(slow_links)["load"] == measure(slow_links)["load_link"] == pytest.approx(15 / 1)
    decoding = measure(interval(capture_s=1.96, offered=20))
    assert decoding["load"] == decoding["load_capture"] == pytest.approx(0.98)


def test_a_stage_with_capacity_to_spare_says_nothing_while_computing_is_unknown():
    idle = (WorkerInterval(name="a", processed=0, service_s=0.0, busy_s=0.0, in_hand=1),)
    assert measure(interval(workers=idle, capture_s=1.0))["load"] is None
    assert measure(interval(workers=idle, capture_s=2.0))["load"] == 1.0


def test_frames_offered_to_nobody_are_an_infinite_load():
    reading = read_slos([video_slo("load", 1.0)], interval(workers=()))["load"]
    assert (reading.ratio, reading.state) == (RATIO_CAP, SloState.CRITICAL)
    assert measure(interval(workers=(), offered=0))["load"] is None


def test_the_queues_threshold_grows_with_the_streams():
    slo = video_slo("queue_size", 2.0)  # seconds of source frames
    assert read_slos([slo], interval())["queue_size"].ratio == pytest.approx(0.75)
    assert read_slos([slo], interval(n_streams=3))["queue_size"].ratio == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("value", "state"),
    [(0.0, SloState.OK), (9.0, SloState.OK), (9.1, SloState.WARNING), (10, SloState.WARNING), (10.1, 2)],
)
def test_states_of_an_upper_bound(value, state):
    assert Slo("x", 10.0).read(value).state == state


@pytest.mark.parametrize(
    ("value", "ratio", "state"), [(20, 0.5, 0), (10.5, 10 / 10.5, 1), (5, 2.0, 2), (0, 10, 2)]
)
def test_states_of_a_lower_bound(value, ratio, state):
    reading = Slo("x", 10.0, sense=Sense.AT_LEAST).read(value)
    assert (reading.ratio, reading.state) == (pytest.approx(ratio), state)


def test_what_was_not_measured_is_known_not_to_be_known():
    assert not Slo("x", 1.0).read(math.nan).known


def test_memory_comes_from_the_catalogue():
    assert video_slo("queue_size", 1.0).memory and not video_slo("load", 1.0).memory


def test_an_slo_can_be_written_in_a_line():
    for slo in (Slo("delivered_fps", 15.0, 0.8, Sense.AT_LEAST), Slo("load", 1.25)):
        assert parse_slo(slo.text) == slo
    assert parse_slo("delivered_fps >= 15@0.8") == Slo("delivered_fps", 15.0, 0.8, Sense.AT_LEAST)
    assert parse_slo("load<=1") == Slo("load", 1.0)


@pytest.mark.parametrize("text", ["load", "load<=", "load<=x", "joy<=1", "load<=-1", "load<=1@2"])
def test_an_slo_that_cannot_be_is_refused_by_its_text(text):
    with pytest.raises(ValueError, match="SLO"):
        parse_slo(text)


def test_percentiles_interpolate():
    assert percentiles_ms(range(101)) == (50, 95, 99)
    assert percentiles_ms([]) is None


def test_how_evenly_workers_are_busy():
    a, b = interval().workers
    assert measure(interval())["utilisation_balance"] == pytest.approx(1.0)
    workers = (replace(a, busy_s=2.0), replace(b, busy_s=0.5))
    assert measure(interval(workers=workers))["utilisation_balance"] == pytest.approx(2.5**2 / (2 * 4.25))
    alone = (replace(a, busy_s=2.0), replace(b, busy_s=0.0))
    assert measure(interval(workers=alone))["utilisation_balance"] == pytest.approx(0.5)
    idle = tuple(replace(worker, busy_s=0.0) for worker in (a, b))
    assert measure(interval(workers=idle))["utilisation_balance"] is None


def test_energy_is_of_each_frame_delivered_and_each_object_shown():
    shown = {"car": Matches(4, 5, 6), "bus": Matches(1, 1, 4)}
    figures = measure(interval(power_w=10.0, matches=shown))  # 20 J, 20 frames
    assert (figures["energy_per_frame_j"], figures["energy_per_object_j"]) == (1.0, 4.0)
    none = measure(interval(power_w=10.0, delivered=0, matches={"car": Matches(0, 1, 1)}))
    assert none["energy_per_frame_j"] == none["energy_per_object_j"] == math.inf, "all of it was for nothing"
    unknown = measure(interval())
    assert unknown["energy_per_frame_j"] is None and unknown["energy_per_object_j"] is None


def test_attempts_that_failed_count_against_those_that_came_to_an_end():
    assert measure(interval(failed=5))["error_rate"] == pytest.approx(5 / 25)
    assert measure(interval(workers=(), failed=1))["error_rate"] == 1.0
    assert measure(interval(workers=()))["error_rate"] is None


def test_what_an_interval_does_not_tell():
    assert measure(interval())["unknown_share"] == 0.0
    idle = tuple(replace(w, processed=0, busy_s=0.0) for w in interval().workers)
    assert measure(interval(workers=idle))["unknown_share"] == 0.5
    nothing = interval(workers=idle, latencies_ms=None, oldest_undelivered_ms=None, delivered=0)
    assert measure(nothing)["unknown_share"] == 1.0


def test_where_nothing_was_set_the_answer_took_no_time():
    assert measure(interval())["response_ms"] == 0.0 and measure(interval())["time_to_adapt_ms"] is None
    figures = measure(interval(adapting_ms=300.0))
    assert figures["response_ms"] == figures["time_to_adapt_ms"] == 300.0


def test_what_was_found_can_be_asked_of_one_class():
    by_class = {"car": Matches(6, 8, 10), "bus": Matches(1, 1, 2)}
    slos = [video_slo(f"recall{of}", 0.6, sense=Sense.AT_LEAST) for of in (".bus", "", ".dog")]
    readings = read_slos(slos, interval(matches=by_class))
    assert readings["recall.bus"].ratio == pytest.approx(0.6 / 0.5)
    assert readings["recall"].ratio == pytest.approx(0.6 / (7 / 12))
    assert not readings["recall.dog"].known, "there was none, and none was found"


@pytest.mark.parametrize("name", ["recall.unicorn", "load.car", "joy", "joy.car", ""])
def test_a_metric_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match=f"unknown SLO metric {name!r}"):
        video_slo(name, 1.0)


def test_frames_that_nobody_got_and_frames_that_waited_are_the_intervals_own():
    figures = measure(interval(drop_streak=3, recovery_ms=1200.0))
    assert (figures["drop_streak"], figures["recovery_ms"]) == (3.0, 1200.0)
