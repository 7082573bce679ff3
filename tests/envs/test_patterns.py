"""Load and bandwidth over a run: seeded, bounded, and of the shape they are said to have."""

import math
from pathlib import Path

import numpy as np
import pytest

from envs.patterns import LinkPattern, LoadPattern, LoadShape, TenantPattern, read_bandwidth

DAY = LoadPattern(shape=LoadShape.DIURNAL, low=1, high=5, period_s=100.0)
NOISY = LoadPattern(shape=LoadShape.NOISY, low=1, high=4, period_s=10.0)
WALK = LinkPattern(low_mbit_s=10.0, high_mbit_s=160.0, period_s=20.0)


def over_time(pattern: LoadPattern | LinkPattern, steps: int, seed: int = 0) -> np.ndarray:
    """The value in force in each step of one second; NaN before the first change."""
    changes = dict(pattern.changes(steps, 1.0, seed))
    values = np.full(steps, math.nan)
    for step in range(steps):
        values[step] = changes.get(step, values[step - 1] if step else math.nan)
    return values


def test_a_day_goes_from_low_to_high_and_back():
    values = over_time(DAY, 201)
    assert [values[step] for step in (0, 25, 50, 75, 100, 150, 200)] == [1, 3, 5, 3, 1, 5, 1]
    assert set(np.abs(np.diff(values))) == {0, 1}


def test_noisy_load_takes_every_number_of_streams_about_equally_often_and_holds_it_for_its_period():
    values = over_time(NOISY, 20_000)
    shares = np.bincount(values.astype(int), minlength=5)[1:] / len(values)
    assert shares == pytest.approx(np.full(4, 0.25), abs=0.05)
    held_s = len(values) / np.count_nonzero(np.diff(values))  # a quarter of the draws change nothing
    assert held_s == pytest.approx(10.0 / 0.75, rel=0.1)


def test_flapping_load_is_low_for_half_a_period_and_high_for_the_other():
    flapping = LoadPattern(shape=LoadShape.FLAPPING, low=1, high=3, period_s=10.0)
    assert over_time(flapping, 21).tolist() == [1] * 5 + [3] * 5 + [1] * 5 + [3] * 5 + [1]


def test_tenants_come_and_go_on_each_device_by_itself():
    tenants = TenantPattern(workers=(0, 2), low=2.0, high=4.0, stay_s=20.0, absence_s=60.0)
    changes = list(tenants.changes(20_000, 1.0, seed=0))
    assert {worker for _, worker, _ in changes} == {0, 2}
    for device in (0, 2):
        own = [(step, slowdown) for step, worker, slowdown in changes if worker == device]
        (came, gone), steps = (own[::2], own[1::2]), [step for step, _ in own]
        assert sorted(set(steps)) == steps, "one at a time"
        assert all(2.0 <= slowdown <= 4.0 for _, slowdown in came) and {s for _, s in gone} == {1.0}
        stays = [end - start for (start, _), (end, _) in zip(came, gone, strict=False)]
        assert np.mean(stays) == pytest.approx(20.0, rel=0.2)
        assert sum(stays) / 20_000 == pytest.approx(0.25, abs=0.05)
    assert list(tenants.changes(200, 1.0, seed=1)) != list(tenants.changes(200, 1.0, seed=2))


def test_a_walk_stays_within_its_bounds_about_their_geometric_mean():
    logs = np.log(over_time(WALK, 50_000))
    assert logs.min() >= math.log(10.0) - 1e-9 and logs.max() <= math.log(160.0) + 1e-9
    assert logs.mean() == pytest.approx(math.log(40.0), abs=0.1)


def test_a_walk_remembers_its_past_for_its_period():
    logs = np.log(over_time(WALK, 50_000))
    logs -= logs.mean()
    correlation = (logs[20:] * logs[:-20]).mean() / logs.var()
    assert correlation == pytest.approx(math.exp(-1.0), abs=0.06)


@pytest.mark.parametrize("pattern", [NOISY, WALK])
def test_equal_seeds_meet_the_same_draws_and_others_do_not(pattern):
    one, again, other = (list(pattern.changes(100, 1.0, seed)) for seed in (1, 1, 2))
    assert one == again != other


def test_the_beginning_does_not_depend_on_how_long_the_run_is():
    for pattern in (DAY, NOISY, WALK):
        short, long = list(pattern.changes(50, 1.0, 3)), list(pattern.changes(100, 1.0, 3))
        assert long[: len(short)] == short


# --- traces ---


@pytest.fixture
def trace(tmp_path: Path) -> str:
    """20, 30 and 40 Mbit/s for a second each."""
    path = tmp_path / "trace.log"
    path.write_text("5.0 20\n6.0 30\n7.0\t40\n8.0 1\n")
    return str(path)


def test_a_trace_is_replayed_in_its_order_and_repeated(trace):
    values = over_time(LinkPattern(path=trace, low_mbit_s=1.0, high_mbit_s=100.0), 9)
    cycle = [20.0, 30.0, 40.0] * 5
    begun = cycle.index(values[0])
    assert values.tolist() == cycle[begun : begun + 9]


def test_a_seed_draws_where_in_the_trace_to_begin(trace):
    pattern = LinkPattern(path=trace, low_mbit_s=1.0, high_mbit_s=100.0)
    assert {over_time(pattern, 1, seed)[0] for seed in range(20)} == {20.0, 30.0, 40.0}


def test_a_traces_bandwidth_is_kept_within_the_bounds(trace):
    values = over_time(LinkPattern(path=trace, low_mbit_s=25.0, high_mbit_s=35.0), 9)
    assert set(values) == {25.0, 30.0, 35.0}


def test_a_published_trace_can_be_read(data):
    path = next(iter(sorted((data / "traces" / "bandwidth").glob("*.log"))))
    seconds, mbit_s = read_bandwidth(path)
    assert seconds[0] == 0 and (mbit_s >= 0).all() and len(seconds) > 50


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "two or more rows"),
        ("0 1\n", "two or more rows"),
        ("0 1\n1 x\n", "must be two numbers"),
        ("0 1\n1 2 3\n", "must be two numbers|expected two or more rows"),
        ("0 1\n0 2\n", "seconds must ascend"),
    ],
)
def test_what_is_no_trace_is_refused_by_name(tmp_path, text, complaint):
    path = tmp_path / "trace.log"
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint) as error:
        read_bandwidth(path)
    assert str(path) in str(error.value)


# --- what cannot be ---


@pytest.mark.parametrize(
    "wrong", [{"workers": ()}, {"workers": (-1,)}, {"low": 0.5}, {"low": 5.0}, {"stay_s": 0.0}]
)
def test_impossible_tenants_are_refused(wrong):
    values = {"workers": (0,), "low": 2.0, "high": 4.0, "stay_s": 1.0, "absence_s": 1.0}
    with pytest.raises(ValueError, match="tenants: "):
        TenantPattern(**(values | wrong))


@pytest.mark.parametrize("wrong", [{"low": 0}, {"low": 5}, {"period_s": 0.0}, {"period_s": math.inf}])
def test_an_impossible_load_is_refused(wrong):
    with pytest.raises(ValueError, match="load: "):
        LoadPattern(**{"shape": LoadShape.NOISY, "low": 1, "high": 4, "period_s": 10.0, **wrong})


@pytest.mark.parametrize("wrong", [{"low_mbit_s": 0.0}, {"low_mbit_s": 9.0}, {"period_s": 0.0}])
def test_impossible_links_are_refused(wrong):
    with pytest.raises(ValueError, match="links: "):
        LinkPattern(**{"low_mbit_s": 1.0, "high_mbit_s": 8.0, **wrong})
