"""Worth by age, on a table small enough to read off."""

from dataclasses import replace

import numpy as np
import pytest

from envs.worth import Worth, attained

# two settings, at ages 0, 1 and 3 s; the second samples every 2 s
WORTH = Worth(ages_s=(0.0, 1.0, 3.0), values=((0.2, 0.2, 0.2), (1.0, 0.6, 0.0)), sampling_s=(0.0, 1.0))


def test_what_is_shown_is_of_the_settings_own_sampling_age_and_older_by_the_latency():
    assert WORTH.when_shown().tolist() == pytest.approx([0.2, 0.6])
    assert WORTH.when_shown(0.5).tolist() == pytest.approx([0.2, 0.45])  # 1.5 s: a quarter of the way to 0
    assert WORTH.when_shown(np.array([5.0, 0.0])).tolist() == pytest.approx([0.2, 0.6])


def test_beyond_the_last_age_worth_stays_as_it_is():
    assert WORTH.when_shown(7.0).tolist() == pytest.approx([0.2, 0.0])


def test_a_table_over_knobs_is_read_with_the_last_knob_fastest():
    table = np.arange(12).reshape(2, 3, 2) / 12
    worth = Worth.of((0.0, 1.0), table, np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))
    assert worth.when_shown().tolist() == pytest.approx([0.0, 2 / 12, 4 / 12, 7 / 12, 9 / 12, 11 / 12])


def test_a_worth_without_ages_is_the_same_at_any():
    worth = Worth.ageless([[0.1, 0.9]])
    assert worth.when_shown().tolist() == worth.when_shown(100.0).tolist() == [0.1, 0.9]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ages_s": (0.0, 2.0, 1.0)}, "must ascend from 0"),
        ({"ages_s": (0.5, 1.0, 3.0)}, "must ascend from 0"),
        ({"values": ((0.2, 0.2, 0.2), (1.0, 0.6))}, "needs 3 values"),
        ({"sampling_s": (0.0,)}, "a sampling_s per setting, got 2 rows and 1"),
        ({"sampling_s": (0.0, -1.0)}, "every sampling_s >= 0"),
        ({"values": ((0.2, 0.2, 1.1), (1.0, 0.6, 0.0))}, r"must be in \[0, 1\]"),
    ],
)
def test_an_impossible_worth_is_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        replace(WORTH, **change)


def test_what_is_attained_lies_between_the_least_and_the_most_valued_level():
    assert [attained(value, 1.0, 4.0) for value in (0.5, 1.0, 2.5, 4.0, 9.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert [attained(value, 5.0, 5.0) for value in (0.0, 5.0, 5.1)] == [0.0, 1.0, 1.0]
