"""What networks see of an observation, and of those before it."""

from dataclasses import replace

import numpy as np
import pytest

from agents.learned.features import Eyes, Memory, n_seen
from envs.spec import ElasticitySpec, Knob, ObservedMetric, Stage
from pipeline.slos import Slo

SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3), (1.0, 2.0, 3.0), ((1.0, 2.0, 8.0),)),
        Knob("b", "", (1,), (1.0,), ((5.0,),)),
    ),
    slos=(Slo("x", 1.0), Slo("y", 1.0)),
    metrics=(ObservedMetric("m", "", 0.0, 1.0),),
)
EYES = Eyes.of(SPEC)


def observed(*of_episodes: tuple[int, float | None, float | None]) -> np.ndarray:
    """Level of a, ratios of x and y (None = unknown) per episode, and 0.3 for m."""
    return np.array(
        [
            [a / 2, 1.0, x or 0.0, y or 0.0, x is not None, y is not None, 0, 0, 0.3]
            for a, x, y in of_episodes
        ],
        np.float32,
    )


def test_features_are_the_tables():
    positions, costs = [0.5, 1.0], [np.log(2), np.log(5)]
    ratios, price = [0.0, np.log(0.05)], [-np.log(10)]
    assert EYES.features(observed((1, 0.95, None)))[0] == pytest.approx(
        [*positions, *costs, *ratios, *price, 1.0, 0.0, 0.0, 0.0, 0.3], abs=1e-6
    )


def test_the_price_is_that_of_the_largest_ratio_that_is_known():
    seen = observed((0, 0.2, 0.7), (0, 0.2, None), (0, None, None))
    features, prices = EYES.features(seen), EYES.prices(seen)[:, 0]
    assert prices[:2] == pytest.approx([np.log(0.75 / 5), np.log(0.25 / 5)], abs=1e-6)
    assert np.isnan(prices[2])
    assert features[2, 6] == 0.0


def test_slos_with_memory_do_not_speak_of_demand_unless_there_are_no_others():
    x, y = SPEC.slos
    mixed = Eyes.of(replace(SPEC, slos=(x, replace(y, memory=True))))
    only = Eyes.of(replace(SPEC, slos=(replace(x, memory=True), replace(y, memory=True))))
    seen = observed((0, 0.2, 0.7))
    assert mixed.prices(seen)[0] == pytest.approx([np.log(0.25 / 5)], abs=1e-6)
    assert only.prices(seen)[0] == pytest.approx([np.log(0.75 / 5)], abs=1e-6)


def test_each_stage_has_costs_and_a_price_of_its_own():
    a, b = SPEC.knobs
    knobs = (replace(a, costs=(*a.costs, (1.0, 1.0, 4.0))), replace(b, costs=(*b.costs, (1.0,))))
    spec = replace(SPEC, knobs=knobs, stages=(Stage("x"), Stage("y", "y")))
    seen = spec.encode((2, 0), {"x": spec.slos[0].read(0.2)}, {"y": 0.7})
    # the first shows no load beside one that does: it is idle, and a pressure of 0.001 costs 8 · 5
    assert Eyes.of(spec).prices(seen[None])[0] == pytest.approx(np.log([0.051 / 40, 0.25 / 4]), abs=1e-6)
    assert Memory(Eyes.of(spec), 1, 2).begin(seen[None]).shape == (1, n_seen(spec, 2))


def test_as_many_figures_are_seen_as_are_said():
    for depth in (1, 3):
        assert Memory(EYES, 1, depth).begin(observed((0, 0.5, 0.5))).shape == (1, n_seen(SPEC, depth))


def test_a_memory_begins_as_if_it_had_always_been_so_and_forgets_the_oldest():
    memory, n = Memory(EYES, n=1, depth=2), 12
    first = memory.begin(observed((0, 0.5, None)))
    assert first[0, :n].tolist() == first[0, n : 2 * n].tolist()
    second = memory.push(observed((1, 0.5, None)))
    assert second[0, n : 2 * n].tolist() == first[0, :n].tolist()
    assert second[0, :n].tolist() == EYES.features(observed((1, 0.5, None)))[0].tolist()


def test_the_price_of_a_level_is_remembered_until_the_episode_ends():
    memory = Memory(EYES, n=2, depth=1)
    memory.begin(observed((0, 0.95, None), (0, 0.95, None)))
    seen = memory.push(observed((1, 0.95, None), (1, None, None)))[:, -4:]
    assert seen[0] == pytest.approx([np.log(2), 0.0, 0.0, 0.0], abs=1e-6)  # work did not grow, so it halved
    assert seen[1].tolist() == [0.0, 0.0, 0.0, 0.0]  # unknown now, so nothing to compare
    seen = memory.push(observed((2, 0.95, None), (2, 0.95, None)))[:, -4:]
    assert seen[0] == pytest.approx([np.log(8), np.log(4), 0.0, 0.0], abs=1e-6)
    assert seen[1] == pytest.approx([np.log(8), 0.0, 0.0, 0.0], abs=1e-6)
    again = memory.begin(observed((1, 0.95, None), (2, 0.95, None)), np.array([True, False]))[:, -4:]
    assert again[0].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert again[1].tolist() == seen[1].tolist()


def test_what_was_seen_is_not_overwritten():
    memory = Memory(EYES, n=1, depth=2)
    first = memory.begin(observed((0, 0.5, None)))
    before = first.copy()
    memory.push(observed((2, 0.1, None)))
    assert first.tolist() == before.tolist()
