import numpy as np

from pipeline.findings import Matches
from pipeline.messages import Result, Truth
from pipeline.scoring.scoring import Scoring

S = 1_000_000_000
SIZE = (200, 100)
PERSON = 0


def emit(scoring: Scoring, index: int, emitted_ns: int) -> None:
    """A result of half the source's size that shows a person at 10 ... 30 px of the source."""
    boxes = np.array([(5.0, 0.0, 15.0, 20.0, 0.9, PERSON)], np.float32)
    header = Result(id=index, dtype="uint8", shape=(0,), boxes=boxes.shape, size=(100, 50), episode=1)
    scoring.emitted(header, boxes, emitted_ns)


def test_a_thread_scores_an_episode_and_turns_to_the_next(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("1,1,10,0,20,40,1\n2,1,10,0,20,40,1\n3,1,100,0,20,40,1\n")
    truth = Truth(classes=("person",), path=str(path), began_ns=10 * S)
    first, second = Scoring(), Scoring()
    for scoring in (first, second):
        scoring.begin(1, truth, SIZE, 10.0, 0)
        emit(scoring, 0, 10 * S + S // 20)
        scoring.until(10 * S + S // 5, 1)
    second.begin(2, truth, SIZE, 10.0, 0)
    second.until(10 * S, 1)
    first.close()
    second.close()
    assert first.tally is not None and second.tally is not None
    assert first.tally.scored == 3 and first.tally.cost_ns > 0
    assert first.tally.matches == {"person": Matches(1, 2, 3, miscounted=1, jumped=1)}
    assert (second.tally.episode, second.tally.scored) == (2, 1)


def test_a_truth_that_is_not_there_is_said_and_nothing_is_scored(caplog):
    scoring = Scoring()
    scoring.begin(1, Truth(classes=("person",), path="none.txt", began_ns=1), SIZE, 10.0, 0)
    scoring.until(S, 1)
    scoring.close()
    assert scoring.tally is None and "none.txt" in caplog.text
