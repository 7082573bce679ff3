"""Worlds drawn by a number: what they are for, what they are like, and that they stay what they are."""

from itertools import pairwise

import numpy as np
import pytest

from envs.hardware import Hardware
from envs.procedural import ranges
from envs.procedural.ranges import Stratum
from envs.procedural.screening import Screened
from envs.procedural.world import SHARES, Split, draw, numbers, refuse_evaluation, split_of, stratum_of
from envs.scenario import Scenario

HASH = "0123456789abcdef0123456789abcdef01234567"


def test_a_number_says_what_its_world_is_for():
    splits = {n: split_of(n) for n in (0, 999_999, 1_000_000, 1_999_999, 10**9, 2**60)}
    assert list(splits.values()) == [*[Split.TRAINING] * 2, *[Split.VALIDATION] * 2, *[Split.EVALUATION] * 2]
    for nothing in (-1, 2_000_000, 10**9 - 1):
        with pytest.raises(ValueError, match=f"no world {nothing}"):
            split_of(nothing)


def test_what_is_judged_by_is_not_tuned_on():
    refuse_evaluation(5)
    refuse_evaluation(1_000_005)
    with pytest.raises(ValueError, match="nothing is trained, searched or tuned on it"):
        refuse_evaluation(10**9 + 5)


def test_the_commit_chooses_the_worlds_it_is_judged_by():
    ours, others = numbers(Split.EVALUATION, 240, HASH), numbers(Split.EVALUATION, 240, "f" * 40)
    assert ours == numbers(Split.EVALUATION, 240, f"{HASH}-dirty") != others
    assert {split_of(n) for n in (ours[0], ours[-1], others[0], others[-1])} == {Split.EVALUATION}
    assert numbers(Split.VALIDATION, 3, "") == range(1_000_000, 1_000_003)
    with pytest.raises(ValueError, match="by the commit that is judged"):
        numbers(Split.EVALUATION, 240, "unknown")
    with pytest.raises(ValueError, match="at least one"):
        numbers(Split.TRAINING, 0, HASH)


def test_shares_by_what_binds_are_fixed():
    for chosen in (numbers(Split.EVALUATION, 240, HASH), numbers(Split.VALIDATION, 60, HASH)):
        strata = [stratum_of(number) for number in chosen]
        shares = {stratum: strata.count(stratum) / len(strata) for stratum in Stratum}
        wanted = {stratum: SHARES.count(stratum) / len(SHARES) for stratum in Stratum}
        assert shares == pytest.approx(wanted, abs=0.05)


def test_a_world_is_drawn_again_as_it_was_and_is_a_question_of_its_kind():
    one, again = draw(3), draw(3)
    assert (one.hardware, one.scenario, one.slos, one.stream) == (
        *(again.hardware, again.scenario, again.slos),
        again.stream,
    )
    assert one.stratum is stratum_of(3) and one.screened.is_question
    assert one.screened.binds(one.spec.n_levels) is one.stratum


def test_draws_keep_to_the_documented_ranges():
    """Of docs/worlds.md; a thousand parts of worlds, none of them screened."""
    seen = {"rates": set(), "workers": set(), "late": set(), "streams": set()}
    for i in range(1000):
        rng, stratum = np.random.default_rng(i), SHARES[i % len(SHARES)]
        stream = ranges.draw_stream(rng)
        hardware: Hardware = ranges.draw_hardware(rng, stream, stratum)
        scenario: Scenario = ranges.draw_scenario(rng, hardware, 120.0)
        slos = {slo.metric: slo.threshold for slo in ranges.draw_slos(rng, stratum)}
        assert 150 <= slos["latency_p95_ms"] <= 1000 and 0.5 <= slos["queue_size"] <= 3
        for device in hardware.devices:
            assert 20 <= device.link.mbit_s <= 1000 and 0.2 <= device.link.delay_ms <= 40
            assert 0.05 <= device.sigma <= 0.3
            ms = [device.times[grade].points[-1][2] for grade in ranges.GRADES]
            assert all(1.15 <= b / a <= 3.55 for a, b in pairwise(ms))
        assert 1 <= len(hardware.devices) <= 3 and len(stream.ladders.sizes) <= 6
        seen["rates"].add(stream.fps)
        seen["workers"].add(hardware.n_workers)
        seen["streams"].add(scenario.streams)
        seen["late"].add(scenario.telemetry.late if scenario.telemetry else 0)
    assert seen["workers"] == set(range(1, 9)) and seen["late"] == {0, 1, 2, 3}
    assert seen["rates"] == {10.0, 15.0, 25.0, 30.0} and seen["streams"] == {1, 2}


# --- screening ---


def screened(held: list[float], best: float = 0.6, reasons: list[Stratum] | None = None) -> Screened:
    n = len(held)
    return Screened(np.array(held), np.full(n, best), np.arange(n) / n, reasons or [Stratum.LINK] * n)


def test_a_question_has_something_to_decide():
    assert screened([1.0, 0.9, 0.5, 0.2]).is_question
    assert not screened([0.7, 0.9, 0.5, 0.2]).is_question, "not even the lowest setting holds"
    assert not screened([1.0, 1.0, 1.0, 0.9]).is_question, "even the highest holds"
    assert not screened([1.0, 1.0, 1.0, 1.0, 1.0, 0.1]).is_question, "all but one hold"
    assert not screened([1.0] + [0.0] * 30).is_question, "one holds"
    assert not screened([1.0, 0.9, 0.5, 0.2], best=0.97).is_question, "there is nothing to gain"


def test_a_world_is_tense_where_the_best_quality_breaks_an_slo():
    assert screened([1.0, 0.9, 0.5, 0.2]).is_tense and not screened([1.0, 0.1, 0.5, 0.9]).is_tense


def test_what_binds_is_what_stops_a_step_up():
    # a row of the first knob's levels: 1 1 0 0; only the third setting is one level above one that holds
    link, compute = Stratum.LINK, Stratum.COMPUTE
    assert screened([1.0, 1.0, 0.0, 0.0], reasons=[compute, compute, link, compute]).binds((4,)) is link
    # 2 x 2: two settings are stopped, by different things
    both = screened([1.0, 0.0, 0.0, 0.0], reasons=[compute, link, compute, compute])
    assert both.binds((2, 2)) is Stratum.MIXED
