"""The simulator's benchmark: SimPy's model is the simulator's equal; the figures are what was measured."""

import io
import json
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from rich.console import Console

from benchmarks import __main__ as benchmarks
from benchmarks.simulator import contenders
from benchmarks.simulator.benchmark import ROWS, figures_of, print_report
from benchmarks.system import FRAMES_PER_STEP, bench_spec, bench_system
from benchmarks.turns import BenchmarkError, Turn
from envs import SIMULATOR_ID
from envs.simulator.env import SimulatorEnv

N_INTERVALS = 40
SYSTEMS: dict[str, dict[str, Any]] = {
    "the benchmark's own": {},
    "overloaded, so that the queue drops": {"initial_levels": (5, 3, 2), "slower": 2.0},
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


@pytest.mark.parametrize(("name", "changes"), SYSTEMS.items(), ids=SYSTEMS)
def test_simpys_model_is_the_simulator_frame_by_frame(name, changes):
    simpy = pytest.importorskip("simpy", reason="extra: bench")
    from benchmarks.simulator.simpy_model import SimpyPipeline

    system = changed(**changes)
    env, model = SimulatorEnv(bench_spec(), [system]), SimpyPipeline(simpy.Environment(), system, seed=3)
    env.reset(seed=3)
    n_dropped = 0
    for _ in range(N_INTERVALS):
        meter, metrics = model.step(), env.step(system.first_levels)[4]["metrics"]
        counts = meter.offered, meter.dropped, len(meter.latencies_ns), len(model.producer.queue)
        assert counts == tuple(metrics[name] for name in ("offered", "dropped", "delivered", "queue_size"))
        assert meter.latencies_ms == tuple(metrics[f"latency_p{share}_ms"] for share in (50, 95, 99))
        n_dropped += meter.dropped
    assert (n_dropped > 100) == (name == "overloaded, so that the queue drops")


def test_without_simpy_the_benchmark_says_what_to_install(monkeypatch):
    monkeypatch.setattr(contenders.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BenchmarkError, match=r"pip install 'elasticbench\[bench\]'"):
        contenders.simpy_model()


def test_every_step_of_every_copy_is_as_many_frames_as_the_table_says():
    """Over the ends of episodes too, whose infos are those of the next ones' beginnings."""
    system = replace(bench_system(), steps=3)
    env = gym.make_vec(SIMULATOR_ID, 2, "vector_entry_point", spec=bench_spec(), systems=[system])
    env.reset(seed=1)
    actions = np.tile(np.array(system.first_levels), (2, 1))
    for _ in range(7):
        *_, over, infos = env.step(actions)
        info = infos["final_info"] if over.any() else infos
        assert info["metrics"]["offered"].tolist() == [FRAMES_PER_STEP] * 2


def test_cartpole_is_played_to_its_longest():
    assert contenders.cartpole()() == 500


def test_a_turn_lasts_as_long_as_it_should():
    turn = contenders.take_turn(lambda: 3, seconds=0.01)
    assert turn.elapsed_s >= 0.01
    assert turn.n % 3 == 0


def test_the_benchmark_runs_beyond_the_end_of_its_episodes(tmp_path, monkeypatch, capsys):
    """After an episode's end the vector form has no figures yet: once, counting them broke the benchmark."""
    pytest.importorskip("simpy", reason="extra: bench")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmarks.signal, "signal", lambda *_: None)
    monkeypatch.setattr(contenders, "bench_system", lambda: replace(bench_system(), steps=5))
    assert benchmarks.main(["simulator", "--rounds", "2", "--seconds", "0.05", "--copies", "2"]) == 0
    figures = json.loads((tmp_path / "results/bench/simulator.json").read_text())
    assert all(figures[f"{name}.steps_per_s"] > 0 for name in ROWS)
    assert "the same system in SimPy" in capsys.readouterr().out


def turns_of(steps_per_s: list[float]) -> list[Turn]:
    return [Turn(round(10 * rate), 10.0, 5.0) for rate in steps_per_s]


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
    assert figures["simpy.us_per_step"] == 1e6
    assert figures["vector.cpu_us_per_step"] == pytest.approx(5e6 / 600)
    ratio = [figures[f"ratio_vector_to_simpy{part}"] for part in ("", "_lowest", "_highest")]
    assert ratio == pytest.approx([100, 50, 120])
    assert figures["ratio_single_to_cartpole"] == pytest.approx(0.2)
    assert figures["ratio_vector_to_walk"] == pytest.approx(0.5)


def test_the_report_has_every_contender_and_a_verdict_on_every_goal():
    settings = {"rounds": 3.0, "seconds": 1.0, "copies": 1024.0}
    console = Console(width=120, record=True, file=io.StringIO())
    print_report(settings | figures_of(TURNS), console)
    text = console.export_text()
    for words in ROWS.values():
        assert words.format(copies=1024) in text
    assert "simulator, 1024 at once" in text
    assert "1,800" in text  # frames/s at 60 steps/s
    assert "many at once ÷ SimPy: 100 (50.0 to 120), at least 100: met" in text
    assert "one ÷ CartPole-v1: 0.200 (0.100 to 0.250), at least 0.2: met" in text
    assert "many at once ÷ one: 6.00 (5.00 to 10.0), at least 5: met" in text
    assert "by processor time (a) is 100" in text
    assert "takes 50% of the time of many at once" in text
