"""Lines that tell a running worker how its device and link are."""

import pytest

from pipeline.conditions import AS_STARTED, Conditions, conditions_of, line_of


@pytest.mark.parametrize(
    ("conditions", "line"),
    [
        (AS_STARTED, b"{}\n"),
        (Conditions(2.5), b'{"slowdown":2.5}\n'),
        (Conditions(mbit_s=50.0), b'{"mbit_s":50.0}\n'),
        (Conditions(2.0, 50.0), b'{"slowdown":2.0,"mbit_s":50.0}\n'),
    ],
)
def test_a_line_says_all_that_is_not_as_at_the_start(conditions, line):
    assert line_of(conditions) == line
    assert conditions_of(line) == conditions


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"slow down",
        b"[]",
        b'{"slowdown":0.5}',
        b'{"slowdown":"2"}',
        b'{"mbit_s":0}',
        b'{"speed":2}',
        b"{\xff",
    ],
)
def test_anything_else_is_refused_and_quoted(line):
    with pytest.raises(ValueError, match="expected a line like") as error:
        conditions_of(line)
    assert repr(line) in str(error.value)
