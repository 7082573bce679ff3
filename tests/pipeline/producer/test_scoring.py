"""What the producer tells the collector of the truth, and makes of its tallies."""

import numpy as np
import pytest
from msgspec import structs

from pipeline.findings import Confidences, Followed, Matches
from pipeline.messages import (
    Drawn,
    GetStatus,
    GetWork,
    Outcome,
    Register,
    Settings,
    Status,
    Stop,
    Tally,
    Truth,
    Verdict,
    Weights,
)
from pipeline.producer.events import Captured, Tell
from pipeline.slos import parse_slo
from tests.pipeline.producer.conversation import OTHER, Conversation, S

TRUTH = Truth(classes=("car", "bus"))
FIRST = Tally(1, 10, 2_000, {"car": Matches(4, 5, 6)})
SECOND = Tally(1, 30, 5_000, {"car": Matches(6, 9, 10), "bus": Matches(1, 1, 2)})


def announced(commands) -> list[Truth | None]:
    """The truth in every word of the settings."""
    return [c.message.truth for c in commands if isinstance(c, Tell) and isinstance(c.message, Settings)]


@pytest.fixture
def talk() -> Conversation:
    """An episode of seed 3, whose truth is known, with a collector and a worker that has trained weights."""
    talk = Conversation(truth=TRUTH)
    talk.sync()
    talk.wait(0.1)
    talk.worker(b"w", Register("w"))
    talk.worker(b"w", GetWork(n=0, weights=Weights.TRAINED))
    return talk


def test_the_collector_hears_at_once_when_the_source_began_and_then_with_every_word(talk):
    assert announced(talk.sync()) == [Truth(classes=("car", "bus"), seed=3)]
    image = np.zeros((8, 8, 3), np.uint8)
    began = Truth(classes=("car", "bus"), seed=3, began_ns=talk.now_ns - 2 * S)
    assert announced(talk.say(Captured(1, 1, 2, 20, talk.now_ns, 2 * S, image))) == [began]
    assert announced(talk.say(Captured(1, 1, 2, 21, talk.now_ns, 3 * S, image))) == [], "it has been said"
    assert announced(talk.sync()) == [began]


def test_nothing_is_scored_once_the_source_has_stopped(talk):
    talk.frame()
    assert talk.ask(b"w")
    talk.control(Stop())
    assert announced(talk.sync()) == [None]


def test_an_interval_has_what_its_tallies_have_beyond_the_ones_before(talk):
    talk.scored(FIRST)
    interval = talk.telemetry(close=True).interval
    assert (interval.matched, interval.found, interval.present, interval.scored) == (4, 5, 6, 10)
    talk.scored(SECOND)
    talk.scored(FIRST)  # it was on its way for longer
    talk.scored(SECOND)  # again, for it was not confirmed
    telemetry = talk.telemetry(close=True)
    assert telemetry.interval.matches == {"car": Matches(2, 4, 4), "bus": Matches(1, 1, 2)}
    assert telemetry.interval.scoring_s == pytest.approx(3e-6)
    assert telemetry.metrics["streaming_f1"] == pytest.approx(2 * 3 / (5 + 6))
    assert talk.telemetry().metrics["streaming_f1"] is None


def test_a_collector_that_takes_over_counts_from_its_own_beginning(talk):
    talk.scored(SECOND)
    talk.telemetry(close=True)
    talk.sync(collector=OTHER)
    talk.scored(FIRST, collector=OTHER)
    assert talk.telemetry().interval.matches == FIRST.matches


def test_what_is_drawn_counts_whatever_the_workers_weights():
    talk = Conversation(truth=structs.replace(TRUTH, drawn=Drawn(f1=({90: 0.5},))))
    talk.sync()
    talk.wait(0.1)
    talk.worker(b"v", Register("v"))
    talk.worker(b"v", GetWork(n=0, weights=Weights.EMULATED))
    talk.scored(FIRST)
    assert talk.telemetry().interval.matches == FIRST.matches
    status = talk.control(GetStatus())
    assert isinstance(status, Status) and status.draws


def test_where_a_workers_boxes_mean_nothing_the_score_is_unknown(talk):
    talk.worker(b"v", Register("v"))
    talk.worker(b"v", GetWork(n=0, weights=Weights.UNTRAINED))
    talk.scored(FIRST)
    telemetry = talk.telemetry()
    assert telemetry.metrics["streaming_f1"] is None and not telemetry.interval.matches
    assert telemetry.interval.scoring_s > 0, "what it costs is known all the same"


def test_confidences_are_asked_for_where_an_slo_is_on_them_and_told_where_they_mean_something(talk):
    verdict = Verdict(0, 0, Outcome.DELIVERED, latency_ns=1, confidences=Confidences(2, 1.3, 1))
    talk.frame()
    talk.worker(b"w", GetWork(1, weights=Weights.TRAINED))
    talk.judge(verdict)
    assert talk.telemetry().metrics["mean_confidence"] == pytest.approx(0.65)
    assert talk.telemetry().metrics["sure_share"] == 0.5
    talk.worker(b"v", Register("v"))
    talk.worker(b"v", GetWork(n=0, weights=Weights.UNTRAINED))
    assert talk.telemetry().metrics["mean_confidence"] is None
    for slos, is_asked in (("load<=1", False), ("sure_share>=0.5", True)):
        (told,) = [c.message for c in Conversation(slos=(parse_slo(slos),)).sync() if isinstance(c, Tell)]
        assert isinstance(told, Settings) and told.confidences is is_asked


def test_what_is_followed_is_told_beyond_the_tally_before(talk):
    talk.scored(structs.replace(FIRST, followed=Followed(2, 4.0, 0.2, 100.0, 10.0)))
    assert talk.telemetry(close=True).metrics["box_jitter_px"] == 2.0
    talk.scored(structs.replace(SECOND, followed=Followed(4, 12.0, 0.6, 200.0, 20.0)))
    figures = talk.telemetry(close=True).metrics
    assert (figures["box_jitter_px"], figures["detection_delay_ms"]) == (4.0, 200.0)
    assert talk.telemetry().metrics["detection_spread_ms"] is None
