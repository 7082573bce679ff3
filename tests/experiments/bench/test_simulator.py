"""`bench simulator`: SimPy's model is the simulator's equal, and the figures are what was measured."""

import io
import math
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from envs.simulator.env import SimulatorEnv
from experiments.bench import __main__ as bench
from experiments.bench import simulator, worlds
from experiments.bench.measure import BenchError
from experiments.bench.simulator import Turn, figures_of, print_report, take_turn, take_turns
from experiments.bench.worlds import Work, World, bench_spec, bench_system

N_INTERVALS = 40
SYSTEMS: dict[str, dict[str, Any]] = {
    "the benchmark's own": {},
    "overloaded, so that the queue drops": {"initial_levels": (5, 3, 2), "slower": 2.0},
    "leases that end before the work does": {"slower": 3.0, "lease_s": 0.25, "retries": 1},
    "the same without a second try": {"slower": 3.0, "lease_s": 0.25, "retries": 0},
    "the lowest levels, where requests are held in vain": {"initial_levels": (0, 0, 0)},
    "several tasks per request, frames in the results": {"prefetch": 3, "batch": 2, "return_frames": True},
}


def changed(slower: float = 1.0, **changes: Any):
    """The benchmark's system with other options, and workers at a share of their speed."""
    system = bench_system()
    hardware = replace(
        system.hardware,
        devices=tuple(replace(device, capacity=1 / slower) for device in system.hardware.devices),
    )
    return replace(system, hardware=hardware, **changes)


@pytest.mark.parametrize("changes", SYSTEMS.values(), ids=SYSTEMS)
def test_simpys_model_is_the_simulator_frame_by_frame(changes):
    simpy = pytest.importorskip("simpy", reason="extra: bench")
    from experiments.bench.simpy_model import SimpyPipeline

    system = changed(**changes)
    env, model = SimulatorEnv(bench_spec(), [system]), SimpyPipeline(simpy.Environment(), system, seed=3)
    env.reset(seed=3)
    width, height = system.source_size
    baseline_bytes = system.cluster.host.baseline_mb * 1e6
    budget_bytes = baseline_bytes + system.queue_bound_s * system.source_fps * width * height * 3
    for _ in range(N_INTERVALS):
        figures = model.step()
        metrics = env.step(system.first_levels)[4]["metrics"]
        for name in ("offered", "delivered", "dropped", "lost", "late", "queue_size"):
            assert getattr(figures, name) == metrics[name], name
        for name in ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms"):
            # the simulator has an age where nothing was delivered
            assert getattr(figures, name) == metrics[name] or not figures.delivered, name
        memory = (baseline_bytes + figures.held_bytes) / budget_bytes
        assert memory == pytest.approx(metrics["memory_usage"], rel=1e-12)
        if figures.processed:
            assert 1e3 * figures.busy_s / figures.processed == pytest.approx(metrics["service_ms"], rel=1e-9)


def test_the_cases_above_do_what_they_are_called():
    frames = {}
    for name, changes in SYSTEMS.items():
        system = changed(**changes)
        env = SimulatorEnv(bench_spec(), [system])
        env.reset(seed=3)
        for _ in range(N_INTERVALS):
            frames[name] = env.step(system.first_levels)[4]["frames"]
    assert frames["the benchmark's own"]["dropped"] == 0
    assert frames["overloaded, so that the queue drops"]["dropped"] > 100
    assert frames["leases that end before the work does"]["requeued"] > 100
    assert frames["the same without a second try"]["lost"] > 100
    assert all(counts["delivered"] > 0 for counts in frames.values())


def test_without_simpy_the_bench_says_what_to_install(monkeypatch):
    monkeypatch.setattr(worlds.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BenchError, match=r"pip install 'elasticbench\[bench\]'"):
        worlds.simpy_model()


def test_steps_and_frames_are_those_of_all_copies():
    world = worlds.vector(3)
    world.work()
    assert world.work() == Work(steps=3, frames=90)


def test_cartpole_is_played_to_its_longest():
    assert worlds.cartpole().work() == Work(steps=500, frames=0)


def test_turns_alternate_in_order():
    played = []

    def world(name: str) -> World:
        def work() -> Work:
            played.append(name)
            return Work(2, 60)

        return World(name, work)

    turns = take_turns([world("a"), world("b")], rounds=2, seconds=1e-9, console=Console(file=io.StringIO()))
    assert played == ["a", "b", "b", "a"]
    assert [turn.steps for turn in turns["a"]] == [2, 2]


def test_a_turn_lasts_as_long_as_it_should():
    turn = take_turn(World("quick", lambda: Work(1, 30)), seconds=0.01)
    assert turn.elapsed_s >= 0.01
    assert turn.frames == 30 * turn.steps


def turns_of(steps_per_s: list[float]) -> list[Turn]:
    return [Turn(round(10 * rate), round(300 * rate), 10.0, 5.0) for rate in steps_per_s]


TURNS = {
    "vector": turns_of([50, 60, 100]),
    "walk": turns_of([100, 120, 125]),
    "single": turns_of([10, 10, 10]),
    "walk_one": turns_of([20, 20, 20]),
    "simpy": turns_of([1, 0.5, 1]),
    "cartpole": turns_of([100, 50, 40]),
}


def test_figures_are_medians_and_ratios_those_of_one_round():
    figures = figures_of(TURNS)
    assert figures["vector.steps_per_s"] == 60
    assert figures["vector.frames_per_s"] == 1800
    assert figures["simpy.us_per_step"] == 1e6
    assert figures["vector.cpu_us_per_step"] == pytest.approx(5e6 / 600)
    ratio = [figures[f"ratio_vector_to_simpy{part}"] for part in ("", "_lowest", "_highest")]
    assert ratio == pytest.approx([100, 50, 120])
    assert figures["ratio_single_to_cartpole"] == pytest.approx(0.2)
    assert figures["ratio_vector_to_walk"] == pytest.approx(0.5)
    assert all(math.isfinite(value) for value in figures.values())


def test_the_report_has_every_contender_and_a_verdict_on_every_target():
    settings = {"rounds": 3.0, "seconds": 1.0, "copies": 1024.0, "cores": 2.0, "load_average": 0.5}
    console = Console(width=120, record=True, file=io.StringIO())
    print_report(settings | figures_of(TURNS), console)
    text = console.export_text()
    for _, words in simulator.ROWS:
        assert words in text
    assert "vector form ÷ SimPy: 100.00 (50.00 to 120.00), at least 100: met" in text
    assert "single environment ÷ CartPole-v1: 0.20 (0.10 to 0.25), at least 0.2: met" in text
    assert "vector form ÷ single environment: 6.00 (5.00 to 10.00), at least 5: met" in text
    assert "per core it is 100.0 times as fast as SimPy" in text
    assert "vector form: 50% of its time in compiled code" in text


def test_its_flags_are_checked_before_anything_starts(monkeypatch, capsys):
    monkeypatch.setattr(simulator, "run", lambda *_: pytest.fail("it has started"))
    with pytest.raises(SystemExit):
        bench.main(["simulator", "--copies", "0"])
    assert "expected a number > 0, got 0" in capsys.readouterr().err
