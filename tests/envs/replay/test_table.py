"""Rows of each setting, drawn whole and by position."""

import numpy as np
import pytest

from envs.replay.table import Table

LEVELS = np.array([[0, 1], [0, 0], [0, 1], [1, 0], [1, 1], [0, 1]])
VALUES = np.array([[3.0, 30.0], [7.0, 70.0], [1.0, 10.0], [4.0, 40.0], [5.0, 50.0], [2.0, 20.0]])


def table() -> Table:
    return Table.of(LEVELS, VALUES, ("load", "tenfold"), (2, 2), heaviest_by="load")


def test_each_setting_has_its_own_rows_from_the_lightest_to_the_heaviest():
    assert table().of_setting((0, 1)).tolist() == [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
    assert table().of_setting((1, 0)).tolist() == [[4.0, 40.0]]


@pytest.mark.parametrize(
    ("position", "load"), [(0.0, 1.0), (0.3, 1.0), (0.34, 2.0), (0.67, 3.0), (0.999999, 3.0)]
)
def test_a_position_picks_a_whole_row(position, load):
    assert table().draw((0, 1), position) == {"load": load, "tenfold": 10 * load}


def test_a_setting_without_rows_is_named():
    with pytest.raises(ValueError, match=r"setting \(1, 1\): expected at least one row of 2 metrics"):
        Table.of(LEVELS[[0, 1, 3]], VALUES[[0, 1, 3]], ("load", "tenfold"), (2, 2), heaviest_by="load")


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(ValueError, match="a name of its own"):
        Table(("load", "load"), (1,), (np.ones((1, 2)),))
