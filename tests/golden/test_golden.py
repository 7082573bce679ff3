"""The golden set: what programs compute is what was recorded, to the last bit.

Whoever means to change figures records them anew, `python -m tests.golden.record`, and says so in the commit.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.golden import fixture
from tests.golden.figures import Figures, differences, read
from tests.golden.programs import COMPARISON, STUDY, play_runs, play_study, play_training

pytestmark = pytest.mark.timeout(600)  # half a minute on an idle core


def played(play: Callable[[Path], None], results: Path) -> Figures:
    """All figures that it leaves."""
    play(results)
    figures, traces = read(results)
    return figures | traces


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Figures:
    """Of four agents on three kinds of hardware in two scenarios under two seeds, and of their comparison."""
    return played(play_runs, tmp_path_factory.mktemp("results"))


def check(now: Figures, *beginnings: str) -> None:
    """Fail with what differs from the recorded figures whose titles begin so."""
    figures, traces = fixture.load()
    recorded = {title: own for title, own in (figures | traces).items() if title.startswith(beginnings)}
    assert recorded
    found = differences(recorded, now)
    assert not found, "\n".join([*found, "if that is meant: python -m tests.golden.record"])


@pytest.mark.parametrize("beginning", ["trace of run", "run", f"{COMPARISON}/"])
def test_runs_and_their_comparison_are_as_they_were(runs, beginning):
    check(runs, beginning)


def test_a_training_and_what_its_checkpoint_comes_to_are_as_they_were(tmp_path):
    check(played(play_training, tmp_path), "training")


@pytest.mark.nightly
def test_a_study_is_as_it_was(tmp_path):
    check(played(play_study, tmp_path), STUDY)
