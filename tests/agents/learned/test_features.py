"""What a network sees: a row per joint setting, and what they have in common; and what is learned for it."""

from dataclasses import replace

import numpy as np
import pytest

from agents.learned.features import N_FEATURES, Memory, n_context
from agents.learned.streams import Streams
from envs.spec import ElasticitySpec, Knob, Stage
from pipeline.slos import Slo

IN_FORCE, CHANGED, TRIED, WORTH, GAINED, PRESSURE, AS_SPECIFIED, ABOVE, BELOW = 0, 1, 2, 3, 4, 6, 9, 14, 15
COSTS = (1.0, 2.0, 8.0)
SPEC = ElasticitySpec(
    knobs=(
        Knob("a", "", (1, 2, 3), (1.0, 2.0, 3.0), (COSTS,)),
        Knob("b", "", (1, 2), (1.0, 2.0), ((1.0, 3.0),)),
    ),
    slos=(Slo("load", 1.0), Slo("queue", 1.0, memory=True)),
    stages=(Stage("work", "load"),),
)
SMALLER = replace(SPEC, knobs=(SPEC.knobs[0], Knob("b", "", (1,), (1.0,), ((1.0,),))))


def observed(levels: tuple[int, int], load: float | None, queue: float | None = 0.5) -> np.ndarray:
    """One episode's observation; None = unknown."""
    slos = zip(SPEC.slos, (load, queue), strict=True)
    readings = {slo.metric: slo.read(value) for slo, value in slos if value is not None}
    return SPEC.encode(levels, readings, {"load": load})[np.newaxis]


def rows_of(seen: np.ndarray, depth: int = 1) -> np.ndarray:
    """Of the first episode, shape (n_settings, N_FEATURES)."""
    return seen[0, n_context(depth) :].reshape(-1, N_FEATURES)


def test_every_setting_has_a_row_that_says_what_it_is_worth_and_what_changes():
    rows = rows_of(Memory([SPEC], 1).begin(observed((2, 0), 0.5)))
    worth = SPEC.worth.at_once
    assert rows[:, IN_FORCE].tolist() == [0, 0, 0, 0, 1, 0]
    assert rows[:, CHANGED].tolist() == [0.5, 1, 0.5, 1, 0, 0.5]
    assert rows[:, WORTH] == pytest.approx(worth)
    assert rows[:, GAINED] == pytest.approx(4 * (worth - worth[4]))


def test_a_smaller_grid_repeats_its_settings_so_that_every_row_is_one():
    streams = Streams.of([SPEC, SMALLER])
    assert streams.settings[1].tolist() == [[0, 0], [1, 0], [2, 0]] * 2
    seen = Memory([SPEC, SMALLER], 1).begin(np.concatenate([observed((2, 0), 0.5)] * 2))
    rows = rows_of(seen[1:])
    assert rows[:3].tolist() == rows[3:].tolist()
    assert rows[:, IN_FORCE].tolist() == [0, 0, 1] * 2


def test_pressures_are_expected_from_what_was_seen_at_other_settings():
    memory = Memory([SPEC], 1)
    memory.begin(observed((0, 0), None))
    for level, load in ((0, 0.2), (1, 0.4), (0, 0.2), (1, 0.4)):
        rows = rows_of(memory.push(observed((level, 0), load)))
    assert rows[[0, 2], PRESSURE] == pytest.approx(np.log([0.2, 0.4]), abs=0.05)
    assert np.log(0.4) < rows[4, PRESSURE] <= np.log(1.6) + 0.2  # it has not been tried
    assert rows[4, AS_SPECIFIED] == pytest.approx(np.log(0.4) + np.log(4), abs=1e-5)


def test_what_breaks_warns_of_all_that_costs_more_and_what_holds_speaks_for_all_that_costs_less():
    memory = Memory([SPEC], 1)
    memory.begin(observed((1, 0), None))
    for _ in range(5):
        rows = rows_of(memory.push(observed((1, 0), 0.5, 0.5)))
    assert (rows[[0, 2], BELOW] < 0).all() and (rows[[1, 3, 4, 5], BELOW] == 1).all()
    for _ in range(5):
        rows = rows_of(memory.push(observed((1, 1), 2.0, 3.0)))
    assert (rows[3:, ABOVE] > 0).all() and (rows[:3, ABOVE] <= 0).all()  # of 6, 8 and 24, and of 1 to 3
    assert rows[[2, 3], TRIED] == pytest.approx([0.98**5, 1.0], abs=1e-5)
    again = rows_of(memory.begin(observed((1, 0), None)))
    assert (again[:, ABOVE] == -1).all() and (again[:, TRIED] == 0).all()


def test_a_queue_that_drains_after_a_change_is_not_held_against_the_new_setting():
    memory = Memory([SPEC], 1)
    memory.begin(observed((2, 1), None))
    memory.push(observed((2, 1), 2.0, 3.0))
    rows = rows_of(memory.push(observed((0, 0), 0.2, 2.5)))
    assert rows[0, ABOVE] == -1 and rows[5, ABOVE] > 0


def test_telemetry_that_is_late_is_attributed_to_the_settings_that_it_is_of():
    memory, loads = Memory([SPEC], 1), {0: 0.2, 1: 0.8}
    levels = [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0]
    memory.begin(observed((0, 0), None))
    for now, then in zip(levels[2:], levels, strict=False):  # two intervals ago
        rows = rows_of(memory.push(observed((now, 0), loads[then])))
    assert rows[[0, 2], PRESSURE] == pytest.approx(np.log([0.2, 0.8]), abs=0.1)


def test_as_many_figures_are_seen_as_are_said_and_they_stay_within_bounds():
    rng = np.random.default_rng(0)
    for depth in (1, 3):
        memory = Memory([SPEC], depth)
        assert memory.begin(observed((0, 0), None)).shape == (1, n_context(depth) + 6 * N_FEATURES)
        for _ in range(50):
            levels = tuple(rng.integers(SPEC.n_levels))
            known = [value if rng.random() < 0.8 else None for value in np.exp(rng.normal(0, 3, 2))]
            seen = memory.push(observed(levels, *known))
            assert np.isfinite(seen).all() and np.abs(seen).max() <= 3
