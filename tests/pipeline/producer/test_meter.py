"""What an interval tells of frames that nobody got or that took more than one worker, and of failures."""

import pytest

from pipeline.findings import Matches
from pipeline.messages import FIRST_TRIAL, Failure, GetWork, Leave, Received, Weights
from pipeline.slos import parse_slo
from tests.pipeline.producer.conversation import EPISODE, Conversation, staffed


@pytest.fixture
def talk() -> Conversation:
    """A producer that has begun its episode, with a queue of 20; a collector, and workers b"a" and b"b"."""
    return staffed()


def metric(talk: Conversation, name: str) -> float | None:
    """Of the interval that ends now."""
    return talk.telemetry(close=True).metrics[name]


def test_a_streak_of_frames_that_nobody_got_ends_with_one_that_is_delivered(talk):
    talk.frame(23)
    assert metric(talk, "drop_streak") == 3
    assert talk.ask(b"a") == [(0, 3)]
    talk.frame(2)  # there is room for one of them
    talk.acknowledge(3)
    assert metric(talk, "drop_streak") == 4, "it has gone on since the interval before"
    assert metric(talk, "drop_streak") == 0


def test_a_frame_whose_worker_is_lost_counts_from_its_handing_out_until_its_outcome(talk):
    talk.frame()
    assert talk.ask(b"a") == [(0, 0)]
    talk.wait(1.0)
    talk.worker(b"b", GetWork(n=0))
    assert metric(talk, "recovery_ms") == 0.0, "nobody knows of it yet"
    talk.wait(1.5)
    assert metric(talk, "recovery_ms") == pytest.approx(2500.0), "it still waits"
    assert talk.ask(b"b") == [(0, 0)]
    talk.wait(0.5)
    talk.acknowledge(0)
    assert metric(talk, "recovery_ms") == pytest.approx(3000.0)
    assert metric(talk, "recovery_ms") == 0.0


def test_errors_of_models_and_workers_that_give_up_are_each_intervals_own(talk):
    talk.frame(2)
    talk.ask(b"a")
    talk.worker(b"a", GetWork(0, failed=(Failure(0, 0, EPISODE, "RuntimeError: tensors do not match"),)))
    assert metric(talk, "error_rate") == 1.0
    assert talk.ask(b"b") == [(0, 0)]
    talk.received_by("b", 0)
    assert metric(talk, "error_rate") == 0.0
    talk.worker(b"a", Leave(b"a".hex(), (), "the model cannot be loaded"))
    assert metric(talk, "error_rate") == 1.0
    assert metric(talk, "error_rate") is None


def test_where_an_slo_is_on_their_agreement_another_worker_gets_a_copy_and_its_time_counts():
    talk = Conversation(slos=(parse_slo("agreement>=0.9"),))
    talk.wait(0.05)
    talk.sync()
    talk.hire(b"a")
    talk.hire(b"b")
    talk.frame(3)
    assert talk.ask(b"a") == [(0, 0)] and talk.ask(b"a") == [(0, 1)], "not to whom it was given"
    assert talk.ask(b"b") == [(0, FIRST_TRIAL)] and talk.ask(b"b") == [(0, 2)], "one in fifty"
    same = Matches(matched=3, found=4, present=4)
    for name in (b"a", b"b"):
        talk.worker(name, GetWork(0, weights=Weights.TRAINED))
    talk.receive(Received(0, 0, "a", 1_000), Received(0, FIRST_TRIAL, "b", 2_000, agreed=same))
    telemetry = talk.telemetry(close=True)
    assert telemetry.metrics["agreement"] == 0.75 and telemetry.trials == 1
    assert sum(worker.processed for worker in telemetry.interval.workers) == 2
    assert talk.telemetry().metrics["agreement"] == 0.75, "until there are more"
