"""What one observation says of demand, and what a sequence of them says of backlogs and lower bounds."""

import numpy as np
import pytest

from agents.common.pressure import Drain, Heading, Reader, Reading, Watch, in_pressure
from envs.spec import ElasticitySpec, Knob
from pipeline.slos import Sense, Slo

ONE = (1.0,)  # stage
KNOB = Knob("a", "", (1, 2, 3, 4), (1.0, 2.0, 3.0, 4.0), ((1.0, 2.0, 4.0, 8.0),))
SPEC = ElasticitySpec(
    (KNOB,),
    (
        Slo("load", 1.0, warn_at=0.8),
        Slo("power", 1.0),
        Slo("queue", 1.0, warn_at=0.5, memory=True),
        Slo("rate", 1.0, sense=Sense.AT_LEAST),
    ),
)


def seen(spec=SPEC, levels=(1,), **values):
    """What `Reader` says to these values; those left out are unknown."""
    readings = {slo.metric: slo.read(values[slo.metric]) for slo in spec.slos if slo.metric in values}
    return Reader(spec).read(spec.encode(levels, readings, {}))


def backlog(value, levels=(1,)):
    """A reading of a backlog alone."""
    return Reading(levels, 0.5, value, False, value > 1, value <= 1)


def floor(value, levels):
    """A reading of a lower bound alone, broken above 1."""
    return Reading(levels, 0.5, None, False, False, True, value, value > 1)


def test_only_upper_bounds_without_memory_are_in_the_pressure():
    assert in_pressure(SPEC).tolist() == [True, True, False, False]


def test_the_worst_of_each_group_counts_as_a_share_of_where_warning_begins():
    reading = seen(load=0.6, power=0.45, queue=0.4, rate=2.0)
    assert reading.pressure == pytest.approx(0.75)  # 0.6 / 0.8 against 0.45 / 0.9
    assert reading.backlog == pytest.approx(0.8)
    assert reading.floor == pytest.approx(0.5 / 0.9)
    assert (reading.levels, reading.all_ok, reading.floor_broken) == ((1,), True, False)


def test_what_is_broken_is_said_by_group():
    reading = seen(load=1.1, power=0.2, queue=0.9, rate=0.5)
    assert (reading.pressure_broken, reading.backlog_broken, reading.floor_broken) == (True, False, True)
    assert not reading.all_ok


def test_unknown_is_not_zero_and_nothing_is_ok_without_a_pressure_that_there_could_be():
    reading = seen(queue=0.1)
    assert (reading.pressure, reading.floor, reading.all_ok) == (None, None, False)
    assert seen(load=0.1).all_ok
    without = ElasticitySpec((KNOB,), (Slo("queue", 1.0, memory=True),))
    assert seen(without, queue=0.1).all_ok
    assert not seen(without).all_ok


def test_a_backlog_that_falls_is_left_alone_and_one_that_does_not_collects_strikes():
    drain = Drain()
    for value in (3.0, 2.5, 2.0, 1.5):
        drain = drain.after(backlog(value))
    assert drain.strikes == 0
    for value in (1.5, 1.49, 1.5):
        drain = drain.after(backlog(value))
    assert drain.strikes == 3
    assert drain.is_stuck(backlog(1.5), patience=3)
    assert not drain.is_stuck(backlog(1.5), patience=4)
    assert drain.restarted().strikes == 0


def test_one_that_hovers_about_its_threshold_collects_strikes_too_but_one_in_eleven_is_forgiven():
    drain = Drain().after(backlog(0.9))
    for value in (1.05, 0.97, 1.02, 0.95, 1.04, 0.99):
        drain = drain.after(backlog(value))
    assert drain.strikes == pytest.approx(3 - 3 * 0.1)
    rare = Drain().after(backlog(0.9))
    for value in [1.05, *[0.95] * 10] * 9:
        rare = rare.after(backlog(value))
        assert rare.strikes == pytest.approx(1) or rare.strikes < 1


def test_one_that_goes_on_growing_is_stuck_before_its_patience_is_at_an_end():
    drain = Drain()
    for value in (0.9, 1.1):
        drain = drain.after(backlog(value))
    assert not drain.is_stuck(backlog(1.1), patience=10)
    assert drain.after(backlog(1.3)).is_stuck(backlog(1.3), patience=10)  # the third rise in a row


def test_an_unknown_backlog_changes_nothing():
    drain = Drain().after(backlog(1.5))
    assert drain.after(Reading((1,), 0.5, None, False, False, True)) == drain


def test_a_broken_lower_bound_asks_for_more_until_more_made_it_worse():
    heading = Heading().after(SPEC, ONE, floor(1.5, (1,)))
    assert not heading.is_down
    better = heading.after(SPEC, ONE, floor(1.3, (2,)))
    assert not better.is_down
    worse = heading.after(SPEC, ONE, floor(1.7, (2,)))
    assert worse.is_down
    assert not worse.after(SPEC, ONE, floor(2.0, (1,))).is_down  # less made it worse still
    assert worse.after(SPEC, ONE, floor(1.2, (1,))).is_down


def test_at_either_end_a_broken_lower_bound_can_only_be_mended_in_the_other_direction():
    assert Heading().after(SPEC, ONE, floor(1.5, (3,))).is_down
    assert not Heading(is_down=True).after(SPEC, ONE, floor(1.5, (0,))).is_down


def test_a_lower_bound_that_less_would_mend_is_read_as_a_backlog():
    _, reading = Watch().after(SPEC, floor(1.5, (3,)))
    assert (reading.backlog, reading.backlog_broken, reading.all_ok) == (1.5, True, False)
    _, reading = Watch().after(SPEC, floor(1.5, (1,)))
    assert (reading.backlog, reading.backlog_broken, reading.all_ok) == (None, False, True)


def test_an_observation_outside_the_space_is_refused():
    observation = SPEC.encode((1,), {}, {})
    observation[0] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        Reader(SPEC).read(observation)
