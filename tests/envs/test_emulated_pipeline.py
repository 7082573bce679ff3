"""The environment over real processes and sockets; the workers sleep their service times."""

import json
import math
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import psutil
import pytest
from gymnasium.utils.env_checker import check_env

import envs
from envs.hardware import Device, GradeTimes, Hardware, Link, Origin
from envs.observe import OUTCOMES
from envs.pipeline_env import PipelineEnv
from envs.scenario import Event, EventKind, Scenario, Thermal
from envs.video import video_spec
from pipeline.allowance import usable_cores
from pipeline.cluster import LocalCluster
from pipeline.messages import HandOut, WorkType
from pipeline.options import CollectorOptions, ProducerOptions, SourceKind
from pipeline.restarts import RestartBudget
from pipeline.settings import ladders_for
from pipeline.slos import SloState, video_slo

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
GONE_S = 20.0
LOW, HIGH = np.array([0, 0, 0]), np.array([1, 1, 1])

# at LOW 10 frames/s take 5 ms each, at HIGH 30 frames/s take 120 ms: loads of 0.025 and 1.8 on two workers
TIMES = {
    "n": GradeTimes({"160x90": 5.0, "320x180": 20.0}, Origin.MEASURED, "chosen for these tests"),
    "s": GradeTimes({"160x90": 30.0, "320x180": 120.0}, Origin.MEASURED, "chosen for these tests"),
}
HARDWARE = Hardware((Device(count=2, times=TIMES),))
SPEC = video_spec(
    ladders_for(320, 180, 30.0, ("n", "s"), (10.0, 30.0), (90, 180)),
    (video_slo("queue_size", 2.0), video_slo("latency_p95_ms", 1000.0), video_slo("load", 1.0)),
)
PRODUCER = ProducerOptions(
    source=SourceKind.MEMORY,
    width=320,
    height=180,
    fps_levels=(10.0, 30.0),
    heights_px=(90, 180),
    grades=("n", "s"),
    work_type=HARDWARE.work_type(WorkType.YOLO_DETECTION),
    heartbeat_s=0.2,
    drain_s=2.0,
)

BUDGET = RestartBudget(5, 60.0)

OWNER = """
import json, sys
import psutil
from tests.envs.test_emulated_pipeline import env_in
env = env_in(sys.argv[1])
env.reset(seed=1)
print(json.dumps([p.pid for p in psutil.Process().children(recursive=True)]), flush=True)
sys.stdin.read()
raise RuntimeError("a bug outside the environment")
"""


def arguments_in(
    directory: Path | str, hardware: Hardware = HARDWARE, producer: ProducerOptions = PRODUCER
) -> dict[str, Any]:
    def cluster() -> LocalCluster:
        workers = hardware.worker_options(Path(directory), usable_cores())
        return LocalCluster(producer, CollectorOptions(), workers, Path(directory) / "logs", budget=BUDGET)

    return {"spec": SPEC, "cluster": cluster, "initial_levels": [0, 0, 0], "hardware": hardware}


def env_in(directory: Path | str, **arguments: Any) -> PipelineEnv:
    defaults = {"steps": 1000, "control_interval_s": 0.5}
    told = arguments.pop("hardware", HARDWARE), arguments.pop("producer", PRODUCER)
    return PipelineEnv(**arguments_in(directory, *told), **{**defaults, **arguments})


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., PipelineEnv]]:
    made: list[PipelineEnv] = []

    def one(**arguments: Any) -> PipelineEnv:
        made.append(env_in(tmp_path, **arguments))
        return made[-1]

    yield one
    for env in made:
        env.close()


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; nothing of one that is dead and not yet buried."""
    try:
        return process.cmdline()
    except psutil.ZombieProcess:
        return []


def descendants() -> list[psutil.Process]:
    """All but multiprocessing's own helper of this process, which another test may have started."""
    own = psutil.Process()
    helpers = {child for child in own.children() if any("resource_tracker" in w for w in words_of(child))}
    return [process for process in own.children(recursive=True) if process not in helpers]


def all_gone(expected: list[psutil.Process]) -> bool:
    return bool(expected) and not psutil.wait_procs(expected, timeout=GONE_S)[1]


def run(env: PipelineEnv, action: np.ndarray, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Hold an action until the info is as wanted; pytest's own timeout ends a vain wait."""
    while True:
        info = env.step(action)[4]
        if until(info):
            return info


def test_knobs_move_the_load_and_workers_stay_loaded_over_episodes(make):
    env = make()
    env.reset(seed=1)
    low = run(env, LOW, lambda info: info["known"]["load"] and info["qoe"] > 0)
    assert low["slos"] == {"queue_size": 0, "latency_p95_ms": 0, "load": 0}
    assert low["workers"].keys() == {"worker-0", "worker-1"} and not low["stale"]
    high = run(env, HIGH, lambda info: info["slos"]["load"] == SloState.CRITICAL)
    assert high["delivered"]["resolution"] > 90 and high["delivered"]["grade"] > 39.5
    processes = {process.pid for process in descendants()}
    env.reset(seed=2)
    assert {process.pid for process in descendants()} == processes
    frames = run(env, LOW, lambda info: info["frames"]["delivered"] > 10)["frames"]
    assert frames["offered"] == sum(frames[name] for name in OUTCOMES)
    running = descendants()
    env.close()
    assert all_gone(running)


def test_a_lost_worker_costs_no_frame_and_a_new_one_joins(make):
    scenario = Scenario(
        events=(
            Event(kind=EventKind.LOSE_WORKER, worker=0, at_s=1.0),
            Event(kind=EventKind.JOIN_WORKER, worker=0, at_s=3.0),
        )
    )
    env = make(scenario=scenario)
    env.reset(seed=1)
    alone = run(env, LOW, lambda info: info["metrics"]["live_workers"] == 1)
    assert alone["workers"].keys() == {"worker-1"}
    both = run(env, LOW, lambda info: info["metrics"]["live_workers"] == 2)
    assert both["workers"].keys() == {"worker-1", "worker-2"}
    assert (both["frames"]["lost"], both["frames"]["late"], both["frames"]["dropped"]) == (0, 0, 0)
    env.reset(seed=2)
    assert {worker.name for worker in env.status().workers} == {"worker-1", "worker-2"}


def test_more_streams_offer_more_frames(make):
    env = make(scenario=Scenario(events=(Event(kind=EventKind.STREAMS, value=3, at_s=1.0),)))
    env.reset(seed=1)
    info = run(env, LOW, lambda info: info["streams"] == 3 and info["metrics"]["offered_fps"] > 25)
    assert info["delivered"]["fps"] < 15  # per stream


def service_ms(info: dict[str, Any], worker: str) -> float:
    """Mean of the interval; NaN where it was idle, or is gone."""
    return info["workers"].get(worker, {}).get("service_ms", math.nan)


def test_a_slowed_worker_takes_longer_and_so_does_the_one_that_takes_its_place(make):
    scenario = Scenario(
        events=(
            Event(kind=EventKind.SLOW_WORKER, worker=0, value=4.0, at_s=1.0),
            Event(kind=EventKind.LOSE_WORKER, worker=0, at_s=4.0),
            Event(kind=EventKind.JOIN_WORKER, worker=0, at_s=4.5),
        )
    )
    # else hardly a frame goes to a worker that is known to be slow
    env = make(scenario=scenario, producer=replace(PRODUCER, hand_out=HandOut.FIRST_ASKS))
    env.reset(seed=1)
    run(env, LOW, lambda info: service_ms(info, "worker-0") == pytest.approx(5.0))
    slowed = run(env, LOW, lambda info: service_ms(info, "worker-0") == pytest.approx(20.0))
    assert slowed["workers"]["worker-1"]["service_ms"] == pytest.approx(5.0)
    run(env, LOW, lambda info: service_ms(info, "worker-2") == pytest.approx(20.0))
    env.reset(seed=2)
    run(env, LOW, lambda info: service_ms(info, "worker-2") == pytest.approx(5.0))


def test_links_hold_frames_and_results_back_and_their_bandwidth_can_change(make):
    # a frame of 160x90 is 43,200 bytes: 10 ms at 34.56 Mbit/s, 100 ms at 3.456 Mbit/s
    link = Link(delay_ms=20.0, mbit_s=34.56)
    narrower = Event(kind=EventKind.LINKS, value=3.456, at_s=2.0)
    env = make(
        hardware=Hardware((Device(count=2, times=TIMES, link=link),)), scenario=Scenario(events=(narrower,))
    )
    env.reset(seed=1)
    wide = run(env, LOW, lambda info: 30.0 <= info["metrics"]["hop_transfer_ms"] < 60.0)["metrics"]
    assert wide["hop_return_ms"] >= 20.0
    narrow = run(env, LOW, lambda info: info["metrics"]["hop_transfer_ms"] >= 120.0)
    assert service_ms(narrow, "worker-0") == pytest.approx(5.0), "only the way takes longer"


@pytest.mark.parametrize(("shared", "links_fps"), [("", 80), ("access-point", 40)])
def test_slow_links_show_in_the_load_by_the_time_that_a_frame_occupies_them(make, shared, links_fps):
    # a frame of 160x90 is 43,200 bytes: 25 ms at 13.824 Mbit/s
    link = Link(delay_ms=20.0, mbit_s=13.824, shared=shared)
    env = make(hardware=Hardware((Device(count=2, times=TIMES, link=link),)))
    env.reset(seed=1)

    def is_told(info: dict[str, Any]) -> bool:
        metrics = info["metrics"]
        return metrics["load_link"] == pytest.approx(metrics["offered_fps"] / links_fps, rel=0.3)

    metrics = run(env, LOW, is_told)["metrics"]
    assert metrics["load"] == metrics["load_link"] > metrics["load_compute"]


def test_devices_get_hot_under_load_and_recover(make):
    env = make(scenario=Scenario(thermal=Thermal(tau_s=1.0, throttles_from=0.2, slowdown=3.0)))
    env.reset(seed=1)
    run(env, HIGH, lambda info: service_ms(info, "worker-0") > 240.0)  # 120 ms when cool
    run(env, LOW, lambda info: service_ms(info, "worker-0") < 6.0)  # 5 ms when cool


def test_another_threshold_changes_the_verdict_not_the_pipeline(make):
    strict = Event(kind=EventKind.THRESHOLD, metric="load", value=0.001, at_s=1.0)
    env = make(scenario=Scenario(events=(strict,)))
    env.reset(seed=1)
    info = run(env, LOW, lambda info: info["slos"]["load"] == SloState.CRITICAL)
    assert info["thresholds"]["load"] == 0.001 and info["metrics"]["load"] < 0.1


def test_power_follows_the_load(make):
    device = Device(count=2, times=TIMES, idle_w=1.0, busy_w=11.0, power_source="chosen for these tests")
    env = make(hardware=Hardware((device,)))
    env.reset(seed=1)
    run(env, LOW, lambda info: info["qoe"] > 0 and info["metrics"]["power_w"] < 3.0)
    run(env, HIGH, lambda info: info["metrics"]["power_w"] > 18.0)


def test_a_dead_producer_terminates_and_the_next_episode_has_a_new_one(make):
    env = make()
    env.reset(seed=1)
    running = descendants()
    producer = next(process for process in running if "producer" in words_of(process))
    producer.send_signal(signal.SIGKILL)
    _, reward, terminated, truncated, info = env.step(LOW)
    assert (reward, terminated, truncated) == (-1.0, True, False)
    assert "producer ended with exit code -9" in info["error"]
    assert all_gone(running)
    env.reset(seed=2)
    assert run(env, LOW, lambda info: info["qoe"] > 0)["step"] >= 1


def test_worker_and_collector_that_are_killed_come_back_and_every_frame_is_accounted_for(make):
    env = make()
    env.reset(seed=1)
    run(env, LOW, lambda info: info["frames"]["delivered"] > 0)
    for program in ("worker", "collector"):
        victim = next(process for process in descendants() if program in words_of(process))
        victim.send_signal(signal.SIGKILL)
    hurt = run(env, LOW, lambda info: info["deaths"] == 2)
    back = run(env, LOW, lambda info: len(info["workers"]) == 2 and info["qoe"] > 0 and not info["stale"])
    assert (back["deaths"], back["restarts"]) == (2, 2)
    assert back["frames"]["delivered"] > hurt["frames"]["delivered"]
    assert back["frames"]["offered"] == sum(back["frames"][name] for name in OUTCOMES)


def test_an_interrupt_during_a_step_leaves_nothing_behind(make):
    def interrupted(when_ns: int) -> None:
        raise KeyboardInterrupt

    env = make(sleep_until=interrupted)
    env.reset(seed=1)
    running = descendants()
    with pytest.raises(KeyboardInterrupt):
        env.step(LOW)
    assert all_gone(running)


@pytest.mark.parametrize("end", ["kill -9", "exception"])
def test_the_end_of_the_environments_process_leaves_nothing_behind(tmp_path, end):
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as owner:
        assert owner.stdin is not None and owner.stdout is not None
        running = [psutil.Process(pid) for pid in json.loads(owner.stdout.readline())]
        if end == "kill -9":
            owner.kill()
        else:
            owner.stdin.close()
        assert owner.wait(GONE_S) == (-signal.SIGKILL if end == "kill -9" else 1)
    assert len(running) >= 4 and all_gone(running)


def test_gymnasium_finds_no_fault(tmp_path):
    env = gym.make(envs.PIPELINE_ID, **arguments_in(tmp_path), steps=1000, control_interval_s=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)
    running = descendants()
    env.close()
    assert all_gone(running)
