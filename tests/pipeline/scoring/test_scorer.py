"""A source of 10 frames/s, in each of whose pictures one object stands at 10 px times the index."""

import numpy as np

from pipeline.findings import Matches
from pipeline.scoring.matching import NOTHING_FOUND, Detections, Objects
from pipeline.scoring.scorer import LONGEST_LAG_NS, Scorer, Shown

S = 1_000_000_000
BEGAN_NS = 50 * S
PERIOD_NS = S // 10


def box(index: int) -> np.ndarray:
    return np.array([(10.0 * index, 0.0, 10.0 * index + 10.0, 20.0)])


def look(index: int) -> Objects:
    return Objects(box(index), ["car"], np.zeros(1, bool))


def shown(index: int, periods: float) -> Shown:
    """What picture `index` shows, emitted so many periods after the source began."""
    return Shown(BEGAN_NS + round(periods * PERIOD_NS), Detections(box(index), ["car"], np.ones(1)))


def score(scorer: Scorer, periods: float, n_streams: int = 1) -> Matches:
    scorer.score(BEGAN_NS + round(periods * PERIOD_NS), n_streams)
    return scorer.matches["car"]


def test_each_source_frame_is_held_against_what_was_emitted_by_its_time():
    scorer = Scorer(look, 10.0, BEGAN_NS)
    scorer.emitted(0, shown(0, 0.5))
    scorer.emitted(0, shown(2, 2.0))  # in time for its own frame, to the nanosecond
    scorer.emitted(0, shown(4, 4.1))  # a little too late
    assert score(scorer, 5.0) == Matches(1, 5, 6, miscounted=1, jumped=1)
    assert scorer.scored == 6, "those of times 0 to 5, whatever was captured of them"


def test_what_comes_later_does_not_change_what_was_shown_before():
    scorer = Scorer(look, 10.0, BEGAN_NS)
    assert score(scorer, 0.0) == Matches(0, 0, 1, 1)
    scorer.emitted(0, shown(1, 0.9))
    assert score(scorer, 0.95) == Matches(0, 0, 1, 1), "no source frame was due"
    assert score(scorer, 1.0) == Matches(1, 1, 2, 1, 1)


def test_the_f1_of_the_last_second_forgets_what_was_before():
    scorer = Scorer(look, 10.0, BEGAN_NS)
    for k in range(0, 20):
        scorer.emitted(0, shown(k, k))
        scorer.score(BEGAN_NS + k * PERIOD_NS, 1)
    assert scorer.recent_f1 == 1.0
    for k in range(20, 31):
        scorer.score(BEGAN_NS + k * PERIOD_NS, 1)
        if k == 24:
            assert scorer.recent_f1 == 0.5, "frames 15 to 24, of which five were found"
    assert scorer.recent_f1 == 0.0


def test_what_is_counted_wrongly_is_added_up_and_so_is_how_it_changes_by_class():
    """Each picture has one car; a bus is found in one result, and nothing in the next."""
    scorer = Scorer(look, 10.0, BEGAN_NS)
    pair = Detections(np.vstack((box(0), box(9))), ["car", "bus"], np.ones(2))
    scorer.emitted(0, Shown(BEGAN_NS, pair))  # frames 0 and 1: cars 0 off, buses 1 too many
    scorer.emitted(0, Shown(BEGAN_NS + 2 * PERIOD_NS, NOTHING_FOUND))  # 2 and 3: cars 1 too few, buses right
    car = score(scorer, 3.0)
    assert (car.miscounted, car.jumped) == (2, 1)
    bus = scorer.matches["bus"]
    assert (bus.miscounted, bus.jumped) == (2, 1), "that it is gone again is a change"


def test_every_stream_counts_and_one_that_shows_nothing_finds_nothing():
    scorer = Scorer(look, 10.0, BEGAN_NS)
    scorer.emitted(1, shown(0, 0.0))
    assert score(scorer, 0.0, n_streams=3) == Matches(1, 1, 3, miscounted=2)
    assert scorer.scored == 3


def test_pictures_of_which_nothing_is_known_are_left_out():
    scorer = Scorer(lambda index: look(index) if index % 2 else None, 10.0, BEGAN_NS)
    assert score(scorer, 3.0) == Matches(0, 0, 2, 2) and scorer.scored == 2


def test_a_collector_that_comes_later_begins_with_the_frames_of_its_own_time():
    scorer = Scorer(look, 10.0, BEGAN_NS, from_ns=BEGAN_NS + PERIOD_NS + 1)
    score(scorer, 4.0)
    assert scorer.scored == 3, "of times 2 to 4"


def test_who_is_too_far_behind_passes_frames_over():
    scorer = Scorer(look, 10.0, BEGAN_NS)
    late = LONGEST_LAG_NS / PERIOD_NS + 3
    score(scorer, late)
    assert scorer.passed_over == 3 and scorer.scored == late - 2
