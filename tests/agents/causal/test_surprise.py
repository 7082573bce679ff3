"""What is out of the ordinary, and what is not."""

import pytest

from agents.causal.surprise import Surprise


def fed(surprises, batch=2, floor=5.0):
    """A monitor, and at which of these surprises it fired."""
    monitor = Surprise(batch, floor)
    return monitor, [i for i, surprise in enumerate(surprises) if monitor.add(0, surprise)]


def test_it_fires_on_a_change_and_its_batch_begins_anew():
    monitor, fired = fed([1.0] * 20 + [40.0])
    assert fired == [20]  # (1 + 40) / 2 is above the floor and 1.5 x 1
    assert monitor.batch == 0


@pytest.mark.parametrize("surprises", ([1.0] * 60, [20.0, 22.0] * 30, [0.01] * 30 + [4.0] * 30))
def test_it_does_not_fire_on_what_is_usual_or_below_the_floor(surprises):
    assert fed(surprises)[1] == []


def test_nothing_is_unusual_before_ten_batches():
    assert fed([1.0] * 9 + [100.0])[1] == []


def test_the_excess_is_over_the_median_of_the_settings_and_shared_by_visits():
    monitor = Surprise(5, 0.0)
    for setting, surprise in ((0, 1.0), (1, 2.0), (2, 6.0), (2, 6.0)):
        monitor.add(setting, surprise)
    assert monitor.excess() == {0: -0.5, 1: 0.0, 2: 1.0}  # (6 / 2 - 1) / 2 visits


def test_a_history_is_all_there_is_to_remember():
    monitor, _ = fed([1.0, 2.0, 3.0])
    other = Surprise(2, 5.0)
    other.remember(monitor.history())
    assert (other.batch, other.usual, other.excess()) == (monitor.batch, monitor.usual, monitor.excess())
