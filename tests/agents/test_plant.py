"""The stand-in does by hand-computed numbers what a stream does."""

import pytest

LEVELS = (5, 0, 0)  # 30 frames/s of work 1, so 30 units of work a second


def steps(plant, levels, n):
    plant.reset(levels)
    return [plant.step(levels)[1] for _ in range(n)]


def ratio(outcome, metric):
    return outcome.readings[metric].ratio


def video_plant(streams, capacity):
    plant = streams["video"].plant(1.0)
    plant.capacity = capacity
    return plant


def test_capacity_to_spare_keeps_the_queue_empty_and_delivers_everything(streams):
    outcome = steps(video_plant(streams, 60.0), LEVELS, 3)[-1]
    assert ratio(outcome, "load") == pytest.approx(0.5)
    assert ratio(outcome, "queue_size") == 0
    assert outcome.fulfilled
    assert outcome.qoe == pytest.approx(1 / 3)  # one knob of three is at its highest


def test_twice_the_capacity_grows_the_queue_by_half_of_what_is_offered(streams):
    first, second, *_ = steps(video_plant(streams, 15.0), LEVELS, 2)
    assert ratio(first, "load") == pytest.approx(2.0)
    assert not first.fulfilled
    # 15 of 30 frames a second stay, in units of 2 s of 30 frames/s; one more is in service
    assert ratio(second, "queue_size") - ratio(first, "queue_size") == pytest.approx(15 / 60)


def test_a_full_queue_drops_what_it_cannot_serve(streams):
    outcome = steps(video_plant(streams, 15.0), LEVELS, 15)[-1]
    assert ratio(outcome, "queue_size") == pytest.approx(2.0, abs=1.5 / 60)  # one is in service
    assert ratio(outcome, "drop_rate") == pytest.approx(0.5 / 0.05, rel=0.1)


def test_frames_cost_what_they_cost_when_they_were_made(streams):
    plant = video_plant(streams, 15.0)
    steps(plant, (5, 0, 1), 4)  # overloaded by frames of work 3.3
    _, lighter = plant.step((0, 0, 0))
    assert lighter.readings["load"].ratio == pytest.approx(5 * (21.5 / 6.5) / 15, rel=1e-3)


def test_nothing_is_known_before_the_first_step_or_of_frames_that_never_finish(streams):
    plant = video_plant(streams, 0.01)
    assert not plant.spec.decode(plant.reset(LEVELS)).known.any()
    _, outcome = plant.step(LEVELS)
    assert not outcome.readings["load"].known
    assert outcome.readings["latency_p95_ms"].ratio == pytest.approx(1.0)  # age of the oldest frame: 1 s
