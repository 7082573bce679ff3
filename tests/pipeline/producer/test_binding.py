"""Settings that bind: when a frame takes them, what thins the queue, how long it takes."""

import numpy as np
import pytest

from pipeline.messages import Binding, Change, End, Gap, GetWork, Outcome, SetKnobs, Verdict
from pipeline.producer.events import Captured, ControlRequested, Finish, Reply, StopRequested, Tell
from pipeline.settings import ladders_for
from tests.pipeline.producer.conversation import MS, Conversation, S, replies

# 5 and 10 frames/s; 4x4, 8x8 and 16x16 px; grades n, s, m
LADDERS = ladders_for(16, 16, 10.0, ("n", "s", "m"), fps_levels=(5, 10), heights_px=(4, 8, 16))
HIGHEST = (1, 2, 2)


def begun(**changes) -> Conversation:
    """A producer that has begun at the highest setting; a collector is there, and worker b"a"."""
    talk = Conversation(ladders=LADDERS, source_size=(16, 16), levels=HIGHEST, **changes)
    talk.wait(0.05)
    talk.sync()
    talk.hire(b"a")
    return talk


@pytest.fixture
def talk() -> Conversation:
    """One whose settings bind at hand-out."""
    return begun()


def capture(talk: Conversation, *indices: int, height: int = 16) -> list:
    """These frames of the source, of 10 frames/s, are captured at this size under the first epoch."""
    commands = []
    for index in indices:
        image = np.full((height, height, 3), index, np.uint8)
        assert talk.begun is not None
        pts_ns = index * S // 10
        commands += talk.say(Captured(talk.begun.episode, 1, 2, index, talk.now_ns, pts_ns, image))
    return commands


def handed_out(commands) -> list:
    """(id, epoch, grade, height) of every task, whose buffer is as its header says."""
    found = []
    for command in commands:
        if isinstance(command, Reply):
            for header, image in command.tasks:
                assert header.shape == image.shape
                found.append((header.id, header.epoch, header.grade, image.shape[0]))
    return found


def gaps(commands) -> list:
    return [
        frame
        for command in commands
        if isinstance(command, Tell) and isinstance(command.message, Gap)
        for frame in command.message.frames
    ]


def set_knobs(talk: Conversation, fps: int, size: int, grade: int) -> list:
    """The commands that follow."""
    return talk.say(ControlRequested((b"c",), SetKnobs(levels=(fps, size, grade))))


def tell_change(talk: Conversation) -> Change:
    """Have worker b"a" hear of the settings, which comes before any task."""
    (reply,) = replies(talk.worker(b"a", GetWork()))
    assert isinstance(reply, Change)
    return reply


def test_a_task_is_given_the_settings_in_force_when_it_is_handed_out(talk):
    capture(talk, 0, 1)
    set_knobs(talk, 1, 1, 0)
    change = tell_change(talk)
    assert (change.CHANGE_WORK_LOAD, change.CHANGE_SIZE) == (0, (8, 8))
    assert handed_out(talk.worker(b"a", GetWork(2))) == [(0, 2, 0, 8), (1, 2, 0, 8)]


def test_bound_at_capture_a_task_keeps_the_settings_that_it_was_captured_under():
    talk = begun(binding=Binding.CAPTURE)
    capture(talk, 0, 1)
    assert gaps(set_knobs(talk, 0, 0, 0)) == [], "and the queue all its frames"
    tell_change(talk)
    assert handed_out(talk.worker(b"a", GetWork(2))) == [(0, 1, 2, 16), (1, 1, 2, 16)]


def test_nothing_is_ever_scaled_up(talk):
    capture(talk, 0, height=4)
    assert handed_out(talk.worker(b"a", GetWork())) == [(0, 1, 2, 4)]


def test_scaled_down_a_picture_is_held_at_its_new_size_also_for_another_try(talk):
    capture(talk, 0)
    assert talk.telemetry().interval.held_bytes == 16 * 16 * 3
    set_knobs(talk, 1, 0, 0)
    tell_change(talk)
    talk.worker(b"a", GetWork())
    assert talk.telemetry().interval.held_bytes == 4 * 4 * 3
    set_knobs(talk, 1, 2, 1)
    talk.wait(2.1)  # the worker has fallen silent
    talk.hire(b"b")
    assert handed_out(talk.worker(b"b", GetWork())) == [(0, 3, 1, 4)], (
        "the grade of now, the picture as it is"
    )


def test_a_lower_rate_thins_the_queue_by_the_slots_by_which_capture_skips(talk):
    capture(talk, 0, 1, 2, 3, 4)
    talk.worker(b"a", GetWork())  # takes frame 0, of the slot of 0 and 1
    commands = set_knobs(talk, 0, 2, 2)
    assert gaps(commands) == [(0, 1, Outcome.THINNED), (0, 3, Outcome.THINNED)]
    tell_change(talk)
    assert [task[0] for task in handed_out(talk.worker(b"a", GetWork(3)))] == [2, 4]
    assert gaps(set_knobs(talk, 1, 2, 2)) == [], "a higher rate takes nothing away"


def test_every_stream_keeps_one_frame_of_each_slot():
    talk = begun(streams=2)
    capture(talk, 0, 1)
    talk.worker(b"a", GetWork())  # takes frame 0 of stream 0
    assert gaps(set_knobs(talk, 0, 2, 2)) == [(0, 1, Outcome.THINNED), (1, 1, Outcome.THINNED)]


def test_thinned_frames_are_an_outcome_of_their_own_and_nobody_asks_for_them(talk):
    talk.telemetry(close=True)
    capture(talk, 0, 1, 2, 3)
    set_knobs(talk, 0, 2, 2)
    told = talk.telemetry()
    totals, interval = told.totals, told.interval
    assert (totals.offered, totals.thinned, totals.in_flight) == (4, 2, 2)
    assert (interval.offered, interval.thinned, interval.asked_for) == (4, 2, 2)
    assert told.metrics["drop_rate"] == 0.0


def test_frames_thinned_of_an_earlier_interval_do_not_lessen_what_this_one_asked_for(talk):
    capture(talk, 0, 1, 2, 3)
    talk.telemetry(close=True)
    capture(talk, 4)
    set_knobs(talk, 0, 2, 2)
    interval = talk.telemetry().interval
    assert (interval.offered, interval.thinned, interval.asked_for) == (1, 2, 1)


def test_a_standing_request_hears_of_a_change_at_once_and_gets_no_task(talk):
    assert replies(talk.worker(b"a", GetWork(n=0, in_hand=3, epoch=1, standing=True))) == []
    assert handed_out(capture(talk, 0)) == []
    (reply,) = replies(set_knobs(talk, 1, 2, 0))
    assert isinstance(reply, Change) and reply.epoch == 2


def test_who_has_given_up_a_standing_request_hears_of_the_change_that_answered_it(talk):
    talk.worker(b"a", GetWork(n=0, epoch=1, standing=True))
    set_knobs(talk, 1, 2, 0)  # answers it, to nobody
    capture(talk, 0)
    (reply,) = replies(talk.worker(b"a", GetWork(epoch=1)))
    assert isinstance(reply, Change) and reply.epoch == 2
    assert handed_out(talk.worker(b"a", GetWork(epoch=2))) == [(0, 2, 0, 16)]


def test_a_standing_request_is_answered_within_a_heartbeat(talk):
    talk.worker(b"a", GetWork(n=0, epoch=1, standing=True))
    assert len(replies(talk.wait(0.45))) == 1


def test_who_may_have_given_up_the_request_that_end_answers_is_waited_for(talk):
    talk.worker(b"a", GetWork(n=0, epoch=1, standing=True))
    commands = talk.say(StopRequested())
    assert [type(reply) for reply in replies(commands)] == [End] and Finish() not in commands
    commands = talk.worker(b"a", GetWork(epoch=1))  # it was under way
    assert [type(reply) for reply in replies(commands)] == [End]
    assert Finish() in talk.wait(0.05)


def test_who_has_heard_end_and_says_nothing_more_is_not_waited_for_for_long(talk):
    talk.worker(b"a", GetWork(n=0, epoch=1, standing=True))
    talk.say(StopRequested())
    assert Finish() in talk.wait(2.1)


def test_a_stranger_that_says_neither_is_told_of_a_change_once(talk):
    set_knobs(talk, 1, 2, 0)
    tell_change(talk)
    capture(talk, 0)
    assert handed_out(talk.worker(b"a", GetWork())) == [(0, 2, 0, 16)]


def test_the_time_to_adapt_ends_with_the_first_frame_emitted_that_was_processed_under_it(talk):
    assert talk.telemetry().metrics["time_to_adapt_ms"] is None
    capture(talk, 0, 1)
    captured_ns = talk.now_ns
    talk.now_ns += 100 * MS
    set_knobs(talk, 1, 2, 1)
    talk.now_ns += 100 * MS
    set_knobs(talk, 1, 2, 0)
    assert talk.telemetry().metrics["time_to_adapt_ms"] == pytest.approx(100), "so far"
    talk.judge(Verdict(0, 0, Outcome.DELIVERED, latency_ns=250 * MS, epoch=1))
    assert talk.telemetry().metrics["time_to_adapt_ms"] == pytest.approx(100), "of the former settings"
    emitted_ns = captured_ns + 400 * MS
    talk.now_ns = emitted_ns + 50 * MS  # when the producer hears of it
    talk.judge(Verdict(0, 1, Outcome.DELIVERED, latency_ns=400 * MS, epoch=3))
    metrics = talk.telemetry(close=True).metrics
    assert metrics["time_to_adapt_ms"] == pytest.approx(300), "of both, the longer"
    assert talk.telemetry().metrics["time_to_adapt_ms"] is None
