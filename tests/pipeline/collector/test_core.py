"""Conversations with the collector's core; no socket, no clock."""

from typing import TypeVar

import numpy as np
import pytest
from msgspec import structs

from pipeline.collector.core import MAX_PER_ACK, Collector
from pipeline.collector.events import (
    BeginEpisode,
    BeginScoring,
    Emit,
    Fail,
    Finish,
    Malformed,
    ProducerSpoke,
    ResultsCame,
    Scored,
    ScoreUntil,
    Tell,
    Tick,
)
from pipeline.collector.present import MAX_EARLY
from pipeline.findings import Confidences, Followed, Matches
from pipeline.messages import (
    FIRST_TRIAL,
    Ack,
    Confirm,
    End,
    Error,
    Gap,
    Outcome,
    ProtocolError,
    Received,
    Result,
    ResultPart,
    Settings,
    Standby,
    Sync,
    Tally,
    Truth,
    Verdict,
    decode_link_up,
    decode_results,
    encode,
)
from pipeline.messages.framing import LABEL_CHARACTERS, MOST

T = TypeVar("T")

S = 1_000_000_000
MS = 1_000_000


INCARNATION, OTHER = 77, 88  # of two producers
FARTHEST = 1 << 60  # ns that a result may speak of


def settings(
    episode=1, epoch=1, floor=None, now_ns=0, echo_ns=0, incarnation=INCARNATION, truth=None
) -> Settings:
    return Settings(
        incarnation=incarnation,
        episode=episode,
        epoch=epoch,
        fps=10.0,
        size=(8, 8),
        source_size=(8, 8),
        source_fps=10.0,
        streams=1,
        gap_deadline_s=5.0,
        floor=floor or {},
        now_ns=now_ns,
        echo_ns=echo_ns,
        truth=truth,
    )


class Conversation:
    """Say something as one of the collector's peers; get back the commands it gave."""

    def __init__(self) -> None:
        self.now_ns = 10 * S
        self.core = Collector("tcp://127.0.0.1:1", return_frames=False, identity=5)

    def say(self, event):
        return self.core.handle(event, self.now_ns)

    def result(self, *ids: int, episode=1, stream=0, captured_ns=0, incarnation=INCARNATION):
        parts = [
            ResultPart(
                Result(
                    id=i,
                    dtype="uint8",
                    shape=(0,),
                    stream=stream,
                    incarnation=incarnation,
                    episode=episode,
                    grade=2,
                    size=(16, 8),
                    captured_ns=captured_ns,
                    stamps_ns=(10 * MS, 20 * MS, 30 * MS, 60 * MS),
                    service_ns=30 * MS,
                    worker="w",
                ),
                np.zeros((0, 6), np.float32),
                None,
            )
            for i in ids
        ]
        return self.say(ResultsCame(parts))

    def gap(self, *ids: int, outcome=Outcome.DROPPED, episode=1, incarnation=INCARNATION):
        frames = tuple((0, i, outcome) for i in ids)
        return self.say(ProducerSpoke(Gap(incarnation, episode, frames)))

    def wait(self, seconds: float):
        commands = []
        for _ in range(round(seconds * 20)):
            self.now_ns += S // 20
            commands += self.say(Tick())
        return commands


@pytest.fixture
def talk() -> Conversation:
    """A collector that knows the stream's settings."""
    talk = Conversation()
    talk.say(ProducerSpoke(settings()))
    return talk


def emitted(commands) -> list[int]:
    return [command.part.header.id for command in commands if isinstance(command, Emit)]


def told(commands, kind: type[T]) -> list[T]:
    return [c.message for c in commands if isinstance(c, Tell) and isinstance(c.message, kind)]


def acks(commands) -> list[Ack]:
    return told(commands, Ack)


def verdicts(commands) -> list[tuple[int, Outcome]]:
    return [(verdict.id, verdict.outcome) for ack in acks(commands) for verdict in ack.verdicts]


def test_frames_come_out_in_order_whatever_order_they_came_in(talk):
    assert emitted(talk.result(2)) == []
    assert emitted(talk.result(0)) == [0]
    assert emitted(talk.result(1)) == [1, 2]


def test_what_came_together_is_reported_in_as_many_messages_as_have_room_for_it(talk):
    n = 2 * MAX_PER_ACK + 1
    reports = acks(talk.result(*range(n)))
    assert [len(ack.received) for ack in reports] == [MAX_PER_ACK, MAX_PER_ACK, 1]
    assert [verdict.id for ack in reports for verdict in ack.verdicts] == list(range(n))
    assert acks(talk.wait(0.4)) == [], "nothing is left, and it is too early to say it again"


def test_the_longest_report_is_read_by_the_producer():
    most = MOST
    received = Received(
        stream=999,
        id=most,
        worker=LABEL_CHARACTERS * "\U0001f600",
        service_ns=most,
        done_ns=FARTHEST,
        grade=most,
        height_px=most,
        transfer_ns=FARTHEST,
        return_ns=FARTHEST,
        sent_ns=FARTHEST,
        agreed=Matches(most, most, most, most, most),
    )
    verdict = Verdict(
        stream=999,
        id=most,
        outcome=Outcome.DELIVERED,
        grade=most,
        height_px=most,
        latency_ns=FARTHEST,
        hops_ns=(FARTHEST, FARTHEST, FARTHEST, FARTHEST, FARTHEST, FARTHEST),
        epoch=most,
        confidences=Confidences(most, 0.5, most),
    )
    followed = Followed(most, 0.5, 0.5, 0.5, 0.5)
    tally = Tally(
        most, most, most, {f"class {i}": Matches(most, most, most, most, most) for i in range(100)}, followed
    )
    ack = Ack(most, most, most, most, (received,) * MAX_PER_ACK, (verdict,) * MAX_PER_ACK, tally)
    assert decode_link_up([encode(ack)]) == ack


@pytest.mark.parametrize("captured_ns", [-FARTHEST, FARTHEST])
@pytest.mark.parametrize("stamp_ns", [-FARTHEST, FARTHEST])
def test_the_farthest_times_of_a_worker_can_be_told_to_the_producer(talk, captured_ns, stamp_ns):
    header = Result(
        id=0,
        dtype="uint8",
        shape=(0,),
        incarnation=INCARNATION,
        episode=1,
        captured_ns=captured_ns,
        stamps_ns=(stamp_ns, -stamp_ns, stamp_ns, -stamp_ns),
    )
    (ack,) = acks(talk.say(ResultsCame(decode_results([encode(header), b"", b""]))))
    assert decode_link_up([encode(ack)]) == ack and [verdict.id for verdict in ack.verdicts] == [0]


@pytest.mark.parametrize("beyond_ns", [FARTHEST + 1, -FARTHEST - 1, 2**64 - 1])
def test_times_that_cannot_be_are_refused(beyond_ns):
    header = Result(id=0, dtype="uint8", shape=(0,), captured_ns=beyond_ns)
    with pytest.raises(ProtocolError, match="captured_ns"):
        decode_results([encode(header), b"", b""])


def test_a_trial_is_acknowledged_and_emitted_nowhere(talk):
    commands = talk.result(FIRST_TRIAL)
    assert (emitted(commands), verdicts(commands)) == ([], [])
    assert [received.id for ack in acks(commands) for received in ack.received] == [FIRST_TRIAL]


def test_a_duplicate_is_counted_and_not_emitted(talk):
    talk.result(0)
    assert emitted(talk.result(0)) == []
    assert told(talk.wait(0.5), Sync)[0].duplicates == 1


def test_so_is_one_of_a_result_that_still_waits_for_earlier_ones(talk):
    talk.result(1)
    assert emitted(talk.result(1)) == []
    assert emitted(talk.result(0)) == [0, 1]
    assert told(talk.wait(0.5), Sync)[0].duplicates == 1


def test_a_drop_is_passed_over_at_once_and_needs_no_verdict(talk):
    talk.result(1)
    commands = talk.gap(0)
    assert emitted(commands) == [1]
    assert verdicts(talk.wait(0.1)) == [(1, Outcome.DELIVERED)]


def test_a_loss_is_confirmed_by_a_verdict(talk):
    talk.gap(0, outcome=Outcome.LOST)
    assert verdicts(talk.wait(0.1)) == [(0, Outcome.LOST)]


def test_a_result_is_better_than_a_loss(talk):
    talk.gap(1, outcome=Outcome.LOST)
    talk.result(1)
    assert emitted(talk.result(0)) == [0, 1]


def test_a_loss_of_what_is_already_here_changes_nothing(talk):
    talk.result(0, 2)
    talk.gap(0, 2, outcome=Outcome.LOST)
    assert emitted(talk.result(1)) == [1, 2]


def test_a_missing_frame_is_late_after_the_deadline_and_what_waited_comes_out(talk):
    talk.result(2, 4)
    assert emitted(talk.wait(4.9)) == []
    commands = talk.wait(0.3)
    assert emitted(commands) == [2]
    assert emitted(talk.wait(5.2)) == [4]
    assert emitted(talk.result(0)) == []


def test_late_is_the_verdict_of_all_that_was_missing_in_a_row(talk):
    talk.wait(0.1)
    talk.result(2)
    found = verdicts(talk.wait(5.3))
    assert found[:3] == [(0, Outcome.LATE), (1, Outcome.LATE), (2, Outcome.DELIVERED)]


def test_nothing_is_late_while_nothing_waits_for_it(talk):
    talk.result(0)
    assert {i for i, _ in verdicts(talk.wait(60))} == {0}


def test_streams_do_not_wait_for_each_other(talk):
    talk.result(1, stream=0)
    assert emitted(talk.result(0, stream=1)) == [0]


def test_results_are_acknowledged_before_their_turn(talk):
    (ack,) = acks(talk.result(3))
    assert [(r.id, r.worker, r.service_ns) for r in ack.received] == [(3, "w", 30 * MS)]


def test_an_acknowledgement_is_repeated_until_it_is_confirmed(talk):
    (ack,) = acks(talk.result(0))
    assert acks(talk.wait(0.6)) == [ack]
    talk.say(ProducerSpoke(Confirm(ack.seq)))
    assert acks(talk.wait(2)) == []


def test_acknowledgements_are_batched(talk):
    n = sum(len(acks(talk.result(i))) for i in range(100))
    assert n == 1


def test_latency_is_split_into_hops_that_add_up_to_it(talk):
    talk.now_ns = 100 * MS
    (ack,) = acks(talk.result(0))
    (verdict,) = ack.verdicts
    assert verdict.latency_ns == sum(verdict.hops_ns) == 100 * MS
    assert verdict.hops_ns == (10 * MS, 10 * MS, 10 * MS, 30 * MS, 40 * MS, 0)
    assert (verdict.grade, verdict.height_px) == (2, 8)


def test_the_producers_clock_is_estimated_from_the_shortest_round_trip(talk):
    for round_trip_ns, offset_ns in ((40 * MS, 7 * S), (2 * MS, 5 * S), (90 * MS, 9 * S)):
        sent_ns = talk.now_ns
        producer_ns = sent_ns + round_trip_ns // 2 + offset_ns
        talk.now_ns += round_trip_ns
        talk.say(ProducerSpoke(settings(now_ns=producer_ns, echo_ns=sent_ns)))
    (ack,) = acks(talk.result(0))
    assert ack.verdicts[0].latency_ns == talk.now_ns + 5 * S  # captured at 0


def test_an_offset_between_two_hosts_is_reported_and_said_once_and_none_is_on_one(caplog):
    caplog.set_level("INFO")
    talk = Conversation()
    assert told(talk.wait(0.5), Sync)[-1].clock_error_ns is None
    for offset_ns in (-3 * MS, 70 * S, 70 * S):
        sent_ns = talk.now_ns
        talk.now_ns += 6 * MS
        answer = settings(now_ns=sent_ns + 3 * MS + offset_ns, echo_ns=sent_ns)
        talk.say(ProducerSpoke(answer))
        sync = told(talk.wait(0.5), Sync)[-1]
        expected = (0, 0) if abs(offset_ns) <= 3 * MS else (offset_ns, 3 * MS)
        assert (sync.clock_offset_ns, sync.clock_error_ns) == expected
    (line,) = [line for line in caplog.messages if "clock differs by" in line]
    assert "70.000 s" in line and "3.0 ms" in line


def test_an_episode_begins_with_its_settings_and_results_that_were_faster_are_kept(talk):
    talk.result(0)
    assert emitted(talk.result(1, 0, episode=2)) == []
    commands = talk.say(ProducerSpoke(settings(episode=2)))
    assert BeginEpisode(2, (8, 8), 10.0, ()) in commands and emitted(commands) == [0, 1]
    assert told(talk.wait(0.5), Sync)[-1].refused == 0


def test_results_of_an_episode_that_is_over_are_refused_and_counted(talk, caplog):
    talk.result(0)
    talk.say(ProducerSpoke(settings(episode=2)))
    assert talk.result(1, 2, 3, episode=1) == []
    assert told(talk.wait(0.5), Sync)[-1].refused == 3
    assert ["an episode that is over" in line for line in caplog.messages] == [True]


def test_a_result_of_an_episode_that_will_never_be_is_refused_once_the_producer_was_asked(talk):
    talk.result(0, episode=9)
    talk.say(ProducerSpoke(settings(echo_ns=talk.now_ns - 1)))  # asked for before it came: it may be early
    assert told(talk.wait(0.5), Sync)[-1].refused == 0
    talk.say(ProducerSpoke(settings(echo_ns=talk.now_ns)))
    assert told(talk.wait(0.5), Sync)[-1].refused == 1
    assert emitted(talk.result(0, 1)) == [0, 1]


def test_a_flood_of_early_results_is_bounded(talk):
    for _ in range(MAX_EARLY + 8):
        talk.result(0, episode=2)
    assert told(talk.wait(0.5), Sync)[-1].refused == 8


def test_a_restarted_producer_begins_again_whatever_its_number_and_its_predecessor_is_not_heard(talk):
    talk.say(ProducerSpoke(settings(episode=7)))
    talk.result(0, episode=7)
    talk.wait(0.5)
    commands = talk.say(ProducerSpoke(settings(episode=1, incarnation=OTHER, echo_ns=talk.now_ns)))
    assert BeginEpisode(1, (8, 8), 10.0, ()) in commands
    assert emitted(talk.result(0, incarnation=OTHER)) == [0]
    assert talk.say(ProducerSpoke(settings(episode=8))) == []
    assert talk.gap(1, episode=1) == [] and talk.result(1, episode=7) == []
    assert emitted(talk.result(1, incarnation=OTHER)) == [1]
    (ack, *_), (*_, sync) = acks(commands := talk.wait(0.5)), told(commands, Sync)
    assert (ack.incarnation, ack.episode, sync.refused) == (OTHER, 1, 1)


def test_a_restarted_producer_that_has_not_begun_begins_no_episode(talk):
    talk.wait(0.5)
    restarted = settings(episode=0, incarnation=OTHER, echo_ns=talk.now_ns)
    assert talk.say(ProducerSpoke(restarted)) == []
    assert BeginEpisode(1, (8, 8), 10.0, ()) in talk.say(ProducerSpoke(settings(incarnation=OTHER)))


def test_last_words_that_come_after_the_first_of_another_producer_are_not_taken_for_its(talk):
    talk.wait(0.5)
    asked_ns = talk.now_ns
    talk.wait(1.0)
    talk.say(ProducerSpoke(settings(incarnation=OTHER, echo_ns=talk.now_ns)))
    for incarnation in (INCARNATION, 99):  # one that was there, and one that was never heard of
        assert talk.say(ProducerSpoke(settings(incarnation=incarnation, echo_ns=asked_ns))) == []
        assert talk.say(ProducerSpoke(settings(incarnation=incarnation))) == [], "it answers nothing"
    assert emitted(talk.result(0, incarnation=OTHER)) == [0]
    talk.wait(0.5)
    commands = talk.say(ProducerSpoke(settings(incarnation=INCARNATION, echo_ns=talk.now_ns)))
    assert BeginEpisode(1, (8, 8), 10.0, ()) in commands, "it lives after all, for it answers"
    assert emitted(talk.result(0)) == [0]


def test_a_plain_result_need_not_name_the_producer_but_the_episode(talk):
    assert emitted(talk.result(0, incarnation=0)) == [0]
    assert talk.result(1, episode=0) == []
    assert told(talk.wait(0.5), Sync)[-1].refused == 1


def test_a_collector_that_is_told_to_wait_says_so_once_asks_on_and_takes_over(talk, caplog):
    talk.result(1)
    assert [talk.say(ProducerSpoke(Standby("tcp://there:1"))) for _ in range(3)] == [[], [], []]
    assert ["tcp://there:1, is in charge" in line for line in caplog.messages] == [True]
    assert emitted(talk.result(0)) == [] and told(talk.wait(0.5), Sync) != []
    assert acks(talk.wait(1)) == []
    commands = talk.say(ProducerSpoke(settings(floor={0: 4})))
    assert emitted(commands + talk.result(1, 4)) == [4]


def test_an_old_announcement_does_not_turn_back_an_episode(talk):
    talk.say(ProducerSpoke(settings(episode=2, epoch=5)))
    assert talk.say(ProducerSpoke(settings(episode=1, epoch=4))) == []


def test_a_collector_that_comes_late_starts_at_the_floor(talk):
    talk.result(8)
    assert emitted(talk.say(ProducerSpoke(settings(floor={0: 8})))) == [8]


def test_results_before_any_settings_wait_for_them():
    talk = Conversation()
    assert talk.result(0) == []
    assert emitted(talk.say(ProducerSpoke(settings()))) == [0]


def test_what_is_malformed_is_counted(talk):
    assert talk.say(Malformed("nonsense")) == []
    assert told(talk.wait(0.5), Sync)[-1].rejected == 1


def test_end_finishes(talk):
    assert talk.say(ProducerSpoke(End())) == [Finish()]


def test_a_refusal_by_the_producer_is_final(talk):
    assert talk.say(ProducerSpoke(Error("use one release"))) == [Fail("use one release")]


def test_a_frame_is_emitted_with_its_times_on_the_producers_clock():
    talk = Conversation()
    answer = settings(now_ns=talk.now_ns + 500, echo_ns=talk.now_ns)  # its clock is 500 ns ahead of ours
    talk.say(ProducerSpoke(answer))
    first = talk.now_ns
    talk.result(1)  # waits for number 0
    talk.now_ns += 7 * MS
    emitted = [command for command in talk.result(0) if isinstance(command, Emit)]
    times = [(emit.arrived_ns - 500 - first, emit.emitted_ns - 500 - first) for emit in emitted]
    assert times == [(7 * MS, 7 * MS), (0, 7 * MS)]


# --- scoring ---

TRUTH = Truth(classes=("car",), seed=3)
BEGUN = Truth(classes=("car",), seed=3, began_ns=11 * S)


def test_scoring_begins_once_it_is_known_when_the_source_did_and_pauses_with_it():
    talk = Conversation()
    assert not of(talk.say(ProducerSpoke(settings(truth=TRUTH))), BeginScoring)
    assert not of(talk.wait(0.1), ScoreUntil)
    (begin,) = of(talk.say(ProducerSpoke(settings(truth=BEGUN))), BeginScoring)
    assert begin == BeginScoring(1, BEGUN, (8, 8), 10.0, 10 * S), "from when it heard of the episode"
    assert of(talk.wait(0.05), ScoreUntil) == [ScoreUntil(talk.now_ns, 1)]
    assert not of(talk.say(ProducerSpoke(settings(truth=BEGUN, epoch=2))), BeginScoring), "it has begun"
    talk.say(ProducerSpoke(settings(epoch=2)))  # nothing is played any more
    assert not of(talk.wait(0.1), ScoreUntil)


def test_a_tally_leaves_with_the_next_acknowledgement_even_alone_and_only_that_of_the_episode():
    talk = Conversation()
    talk.say(ProducerSpoke(settings(truth=BEGUN)))
    tally = Tally(1, 30, 7, {"car": Matches(1, 2, 3)})
    (ack,) = acks(talk.say(Scored(tally)))
    assert ack.tally == tally and not ack.received
    assert not acks(talk.wait(0.2)), "there is no news"
    talk.say(ProducerSpoke(settings(episode=2, truth=BEGUN)))
    assert not acks(talk.say(Scored(tally)))


def test_the_confidence_of_detections_is_told_where_it_is_asked_for(talk):
    boxes = np.array([(0, 0, 1, 1, 0.9, 0), (0, 0, 1, 1, 0.4, 2)], np.float32)
    header = Result(id=0, dtype="uint8", shape=(0,), boxes=boxes.shape, incarnation=INCARNATION, episode=1)
    results = [ResultPart(structs.replace(header, id=i), boxes, None) for i in (0, 1)]
    plain = [verdict for ack in acks(talk.say(ResultsCame(results[:1]))) for verdict in ack.verdicts]
    assert [verdict.confidences for verdict in plain] == [None]
    talk.say(ProducerSpoke(structs.replace(settings(), confidences=True)))
    told = [
        verdict
        for ack in acks(talk.say(ResultsCame(results[1:])) + talk.wait(0.1))
        for verdict in ack.verdicts
    ]
    (confidences,) = [verdict.confidences for verdict in told]
    assert confidences == Confidences(2, float(boxes[:, 4].sum()), 1)


def test_results_of_a_picture_are_compared_where_that_is_asked_for(talk):
    talk.say(ProducerSpoke(structs.replace(settings(), compares=True)))
    boxes = np.array([(0, 0, 9, 9, 0.9, 0)], np.float32)
    header = Result(id=0, dtype="uint8", shape=(0,), boxes=boxes.shape, incarnation=INCARNATION, episode=1)
    copy = structs.replace(header, id=FIRST_TRIAL, worker="b")
    commands = talk.say(ResultsCame([ResultPart(each, boxes, None) for each in (header, copy)]))
    (ack,) = acks(commands)
    assert [received.agreed for received in ack.received] == [None, Matches(1, 1, 1)]
    assert emitted(commands) == [0]


def of(commands, kind: type[T]) -> list[T]:
    return [command for command in commands if isinstance(command, kind)]
