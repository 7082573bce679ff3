"""A soak's parts: what goes wrong is the seed's choice, growth is seen, and so is what is out of order."""

import json

import numpy as np
import pytest

from benchmarks.soak.benchmark import Soak
from benchmarks.soak.emitted import pauses_s, read
from benchmarks.soak.mishaps import CALM_S, WATCHED, Fault, drawn
from benchmarks.soak.picture import draw
from benchmarks.soak.watching import WARM_S, Sample, longest_lived, slope

HALF_AN_HOUR_S = 1800.0
S = 1_000_000_000


def mishaps_of(seed: int):
    return drawn(np.random.default_rng(seed), HALF_AN_HOUR_S, n_workers=4, n_levels=(3, 2, 2))


def life(name: str, minutes: int, mb_a_minute: float = 0.0) -> list[Sample]:
    """Samples every 10 s of a process that grows so fast, and has 20 descriptors."""
    return [
        Sample(at_s, name, 100 + mb_a_minute * at_s / 60, 20) for at_s in np.arange(0.0, 60.0 * minutes, 10.0)
    ]


def write(path, *ids: int, stream: int = 0) -> None:
    rows = [
        {"incarnation": 7, "episode": 1, "stream": stream, "id": frame, "emitted_ns": frame * S}
        for frame in ids
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_seed_is_a_story_and_another_seed_another():
    assert mishaps_of(1) == mishaps_of(1) != mishaps_of(2)


@pytest.mark.parametrize("seed", range(5))
def test_everything_goes_wrong_but_one_worker_and_the_last_collector_can_be_watched(seed):
    mishaps = mishaps_of(seed)
    assert {mishap.fault for mishap in mishaps} == set(Fault)
    assert [mishap.at_s for mishap in mishaps] == sorted(mishap.at_s for mishap in mishaps)
    assert mishaps[-1].at_s < HALF_AN_HOUR_S - CALM_S
    killed = [m.slot for m in mishaps if m.fault in (Fault.KILL_WORKER, Fault.KILL_INFERENCE)]
    assert killed and WATCHED not in killed
    assert all(m.at_s <= HALF_AN_HOUR_S / 3 for m in mishaps if m.fault is Fault.KILL_COLLECTOR)


def test_growth_is_found_with_its_interval_and_none_where_there_is_none():
    grows, stays = life("producer", 10, mb_a_minute=2.0), life("producer", 10)
    found = slope(grows, [sample.memory_mb for sample in grows])
    assert found is not None and found == pytest.approx((120.0, 120.0, 120.0))
    flat = slope(stays, [sample.memory_mb for sample in stays])
    assert flat is not None and flat == pytest.approx((0.0, 0.0, 0.0))


def test_of_a_short_life_no_slope_is_told():
    young = life("producer", 4)
    assert young[-1].at_s > WARM_S
    assert slope(young, [sample.memory_mb for sample in young]) is None


def test_the_longest_lived_of_each_kind_is_looked_at():
    samples = [
        *life("worker-0", 9),
        *life("worker-7", 3),
        *life("worker-0 inference", 8),
        *life("collector", 2),
    ]
    assert {sample.name for sample in longest_lived(samples, "worker")} == {"worker-0"}
    assert {sample.name for sample in longest_lived(samples, "inference")} == {"worker-0 inference"}
    assert longest_lived(samples, "producer") == []


def test_frames_out_of_order_twice_and_again_from_another_collector_are_told_apart(tmp_path):
    first, second = tmp_path / "frames.jsonl", tmp_path / "frames.2.jsonl"
    write(first, 0, 2, 1, 3, 3)
    write(second, 3, 4)
    with first.open("a") as file:
        file.write('{"incarnation": 7, "epis')  # it was killed
    emitted = read([first, second])
    assert (emitted.n, emitted.disordered, emitted.again) == (7, 2, 2)


def test_a_pause_is_the_longest_that_begins_soon_after_a_death():
    at_ns = [int(at_s * S) for at_s in (0, 1, 2, 5, 6, 7, 30, 60)]
    assert pauses_s(at_ns, [int(2.5 * S)]) == [23.0], "7 to 30 begins within 10 s"
    assert pauses_s(at_ns[:6], [int(2.5 * S), int(5.5 * S), 100 * S]) == [3.0, 1.0]


def test_promises_that_were_not_kept_are_named():
    promises = ("wrong_accounts", "missing", "disordered", "let_in", "left_processes", "left_segments")
    kept: dict[str, float] = {name: 0.0 for name in promises}
    assert Soak.broken(kept) == []
    (broken,) = Soak.broken(kept | {"left_processes": 2.0})
    assert broken == "2 processes left behind"


def test_a_picture_is_drawn_of_whatever_there_is(tmp_path):
    draw(tmp_path / "none.png", [], [], [])
    draw(tmp_path / "all.png", life("producer", 3), mishaps_of(0), [0.1 * k for k in range(1000)])
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("none.png", "all.png"))
