"""Every world carries out every profile and scenario; they are as published, and nonsense is refused."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from envs.hardware import Hardware, Origin
from envs.observe import OUTCOMES
from envs.scenario import EventKind
from envs.spec import Quality
from envs.video import seen_accuracy
from experiments.config.composing import register
from experiments.config.schemas import CONF, VARIANTS, RunConfig
from experiments.execution.this_machine import LOCAL
from experiments.program.errors import ConfigError
from experiments.worlds import pipeline
from experiments.worlds.builders import hardware_of
from experiments.worlds.pipeline import PipelinePlan
from experiments.worlds.plan import SimulatorPlan, plan_run
from pipeline.messages import DetectionKind
from tests.cases import each_once, nightly_but

PROFILES = sorted({path.stem for path in (CONF / "hardware").glob("*.yaml")} - {LOCAL})  # which has no times
SCENARIOS = sorted(path.stem for path in (CONF / "scenario").glob("*.yaml"))
STREAM_WORLDS = ("pipeline", "simulator")
SIZES = ((160, 90), (320, 180), (640, 360), (640, 640), (1280, 720), (1920, 1080))
GRADES = ("n", "s", "m")


@pytest.fixture(scope="module", autouse=True)
def hydra_here() -> Iterator[None]:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def typed(*overrides: str) -> RunConfig:
    config = OmegaConf.to_object(compose("config", overrides=list(overrides)))
    assert isinstance(config, RunConfig)
    return config


def simulator(*overrides: str) -> SimulatorPlan:
    is_said = any(word.startswith(("hardware=", "experiment=")) for word in overrides)
    plan = plan_run(typed("env=simulator", *([] if is_said else ["hardware=rpi5"]), *overrides))
    assert isinstance(plan, SimulatorPlan)
    return plan


def profile(name: str) -> Hardware:
    return hardware_of(typed(f"hardware={name}").hardware)


@pytest.fixture(scope="module")
def chosen() -> dict[tuple[str, str], Any]:
    """The schema of every option of these groups; composing is slow, assembling is not."""
    groups = {"env": STREAM_WORLDS, "hardware": PROFILES, "scenario": SCENARIOS}
    schemas = {
        (group, option): getattr(typed(f"{group}={option}"), group)
        for group, options in groups.items()
        for option in options
    }
    return schemas | {("", "base"): typed()}


every_combination = pytest.mark.parametrize(
    ("hardware", "scenario"),
    nightly_but(each_once(PROFILES, SCENARIOS), product(PROFILES, SCENARIOS)),
)


@every_combination
@pytest.mark.parametrize("world", STREAM_WORLDS)
def test_every_scenario_can_happen_to_every_profile_in_every_world(chosen, world, hardware, scenario):
    names = {"env": world, "hardware": hardware, "scenario": scenario}
    parts = {group: chosen[group, option] for group, option in names.items()}
    plan = plan_run(dataclasses.replace(chosen["", "base"], **parts))
    assert plan.spec.n_levels == (6, 4, 3)


@every_combination
def test_every_combination_runs_in_the_simulator(chosen, hardware, scenario, tmp_path):
    """A whole short run, so that each of its events happens, at the lowest and the highest settings."""
    parts = {"hardware": chosen["hardware", hardware], "scenario": chosen["scenario", scenario]}
    env = dataclasses.replace(chosen["env", "simulator"], steps=12)
    plan = plan_run(dataclasses.replace(chosen["", "base"], **parts, env=env))
    world = plan.make_env(tmp_path, lambda _: None)
    _, info = world.reset(seed=1)
    lowest, highest = np.zeros(3, int), np.array(plan.spec.highest)
    for step in range(12):
        *_, info = world.step(lowest if step % 4 else highest)
    frames = info["frames"]
    assert frames["offered"] == sum(frames[name] for name in OUTCOMES) and frames["delivered"] > 0


def test_worlds_are_the_options_of_their_group():
    assert set(VARIANTS["env"]) == {path.stem for path in (CONF / "env").glob("*.yaml")}


# --- profiles ---


@pytest.mark.parametrize("name", PROFILES)
def test_a_better_grade_and_a_larger_frame_take_longer(name):
    for device in profile(name).devices:
        times = device.service_times()
        for small, large in pairwise(SIZES):
            by_grade = [times.mean_ms(grade, *small) for grade in GRADES]
            assert by_grade == sorted(by_grade)
            assert all(times.mean_ms(grade, *small) < times.mean_ms(grade, *large) for grade in GRADES)


def published_ms(name: str) -> list[float]:
    """At 640x640, n, s and m."""
    times = profile(name).devices[0].service_times()
    return [times.mean_ms(grade, 640, 640) for grade in GRADES]


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("jetson_orin_nano_super", [4.91, 7.30, 13.99]),
        ("jetson_orin_nano_super_pytorch", [21.3, 22.0, 33.0]),
        ("jetson_orin_nx", [4.85, 7.55, 14.45]),
        ("laptop_cpu", [13.5, 36.4, 102.0]),
        ("rpi5", [81.2, 179.3, 179.3 * 68.0 / 21.5]),
    ],
)
def test_profiles_have_the_published_times(name, published):
    assert published_ms(name) == pytest.approx(published, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "fixed_ms"),
    [("jetson_orin_nano_super", 4.04), ("jetson_orin_nano_super_pytorch", 18.99), ("jetson_orin_nx", 4.01)],
)
def test_a_gpus_other_sizes_follow_the_formula_that_its_file_states(name, fixed_ms):
    times = profile(name).devices[0].times
    for grade, published in zip(GRADES, published_ms(name), strict=True):
        assert times[grade].origin is Origin.SCALED and f"fixed = {fixed_ms} ms" in times[grade].source
        for width, height, ms in times[grade].points:
            share = ((width * height) ** 0.5 / 640) ** 1.5
            assert ms == pytest.approx(fixed_ms + (published - fixed_ms) * share, abs=0.02)


def test_a_raspberry_pis_other_sizes_are_scaled_like_a_cpu():
    times = profile("rpi5").devices[0].service_times()
    assert times.mean_ms("n", 320, 320) == pytest.approx(81.2 / 2**1.8)


def test_this_machine_computes_and_nobody_elses_times_are_its_own():
    local = profile(LOCAL)
    assert local.is_native and local.n_workers == 2
    assert not any(device.times for device in local.devices)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("single_rpi5", ["rpi5"]),
        ("edge_mixed_2", ["rpi5", "jetson_orin_nano_super"]),
        ("edge_mixed_4", ["rpi5", "rpi5", "jetson_orin_nano_super", "laptop_cpu"]),
        (
            "edge_mixed_8",
            ["rpi5"] * 4 + ["jetson_orin_nano_super"] * 2 + ["jetson_orin_nx", "laptop_cpu"],
        ),
    ],
)
def test_a_mix_is_made_of_the_devices_of_other_profiles(name, parts):
    mixed = profile(name).workers
    assert len(mixed) == len(parts)
    for device, part in zip(mixed, parts, strict=True):
        assert dataclasses.replace(device, count=1) == dataclasses.replace(profile(part).devices[0], count=1)


# --- the published predecessor ---


@pytest.mark.parametrize(
    ("name", "capacities"), [("a", (0.6, 0.5, 0.4)), ("b", (0.8, 0.75, 0.7)), ("c", (0.5, 0.5))]
)
def test_the_predecessors_scenarios_are_as_published(name, capacities):
    config = typed(f"experiment=thesis_{name}")
    plan = plan_run(config)
    assert isinstance(plan, SimulatorPlan)
    system, spec = plan.system, plan.spec
    assert system.scenario.capacities == capacities
    assert (system.steps, system.control_interval_s, system.source_fps) == (900, 0.5, 30.0)
    assert spec.knobs[0].levels == tuple(float(fps) for fps in range(10, 31, 2))
    assert spec.knobs[1].levels == (576, 648, 720, 768, 900, 1080)
    assert spec.knobs[2].levels == GRADES
    assert system.initial_levels is None, "the highest"
    assert [(slo.metric, slo.threshold, slo.warn_at) for slo in spec.slos] == [
        ("queue_s", 2.0, 0.8),
        ("host_memory", 0.9, 0.8),
        ("task_time_share", 1.0, 0.8),
        ("task_time_share_max_worker", 4.0, 0.8),
    ]


def timed(name: str) -> list[tuple[int, EventKind, float | None]]:
    """(step, kind, value or worker) of the predecessor's scenario."""
    system = simulator(f"experiment=thesis_{name}").system
    timeline = system.scenario.timeline(system.steps, system.control_interval_s, seed=0)
    return [
        (step, event.kind, event.worker if event.value is None else event.value)
        for step, events in sorted(timeline.items())
        for event in events
    ]


def test_the_predecessors_load_goes_up_and_down_and_its_worker_off_and_on():
    assert timed("a") == []
    assert timed("b") == [(at, EventKind.STREAMS, n) for at, n in ((180, 2), (360, 3), (540, 2), (720, 1))]
    assert timed("c") == [(297, EventKind.LOSE_WORKER, 1), (594, EventKind.JOIN_WORKER, 1)]


def test_the_predecessors_experiments_run_on_the_real_pipeline_too():
    plan = plan_run(typed("experiment=thesis_a", "env=pipeline"))
    assert isinstance(plan, PipelinePlan)
    assert [device.capacity for device in plan.hardware.workers] == [0.6, 0.5, 0.4]


# --- what the simulator is told ---


def test_both_worlds_see_the_same_stream():
    options = ("hardware=edge_mixed_4", "video.source_fps=25", "slo=thesis", "video.width=480")
    assert simulator(*options).spec == plan_run(typed(*options)).spec


def test_quality_by_accuracy_is_of_the_scenes_profile():
    plan = simulator("detector.grades=[n]")
    profile = plan.system.accuracy
    assert profile is not None and plan.spec.quality is Quality.ACCURACY
    fps, sizes = plan.system.ladders.fps, plan.system.ladders.sizes
    best = plan.spec.worth.at_once.reshape(plan.spec.n_levels)[-1, -1, 0]
    assert best == pytest.approx(profile.f1("n", sizes[-1][1], 0.5 / fps[-1]))
    judged = plan.make_env(Path(), lambda _: None)
    judged.reset(seed=0)
    info = judged.step(plan.spec.lowest)[4]
    f1, shown = info["metrics"]["streaming_f1"], info["metrics"]["delivered_fps"]
    assert 0 < info["qoe"] < 1 and info["qoe"] == pytest.approx(seen_accuracy(f1, shown))


def test_quality_is_by_the_knobs_where_nobody_knows_what_is_found():
    assert simulator("accuracy=none").spec.quality is Quality.KNOBS
    assert simulator("qoe=f1").spec.quality is Quality.F1
    assert simulator("qoe=thesis", "accuracy=none").spec.quality is Quality.LEVELS


@pytest.mark.parametrize("words", [["env=simulator", "hardware=rpi5"], ["env=pipeline", "hardware=rpi5"]])
def test_where_nobody_knows_what_is_found_quality_is_judged_by_the_knobs_and_that_is_said(words):
    plan = plan_run(typed("accuracy=none", *words))
    assert (plan.spec.quality, plan.detections.kind) == (Quality.KNOBS, DetectionKind.NONE)
    assert "so quality is judged by the knobs" in plan.detections.why
    assert plan.config.qoe.by is Quality.KNOBS


def test_emulated_workers_on_traffic_have_detections_that_are_drawn_by_its_profile():
    plan = plan_run(typed("env=pipeline", "hardware=rpi5", "scenario=content"))
    assert isinstance(plan, PipelinePlan)
    assert (plan.spec.quality, plan.detections.kind) == (Quality.ACCURACY, DetectionKind.EMULATED)
    assert plan.drawn is not None and len(plan.drawn.f1) == 3 and plan.drawn.offset is not None
    assert plan.outputs(Path()).kind is DetectionKind.EMULATED
    assert plan.producer.density == (0.0, 1.0, 120.0) and plan.producer.fog == ()


def test_fog_is_in_the_pictures_and_in_what_is_found():
    plan = plan_run(typed("env=pipeline", "hardware=rpi5", "scenario=weather"))
    assert isinstance(plan, PipelinePlan) and plan.drawn is not None and plan.drawn.offset is not None
    assert plan.producer.fog == (0.0, 1.5, 120.0) and plan.drawn.offset.at(60.0) == -1.5
    twin = simulator("scenario=weather").system.scenario.content
    assert twin is not None and twin.offset == plan.drawn.offset


def test_only_the_traffic_scene_has_traffic_to_become_denser(data):
    clip = data / "clips" / "portrait_540x960_25fps.mp4"
    with pytest.raises(ConfigError, match=r"scenario\.content moves the traffic of video=traffic"):
        plan_run(typed("env=pipeline", "scenario=content", "video=file", f"video.path={clip}"))


def test_a_video_file_is_simulated_by_what_it_is(data):
    clip = data / "clips" / "portrait_540x960_25fps.mp4"
    system = simulator("video=file", f"video.path={clip}").system
    assert (system.source_size, system.source_fps, system.source_length_s) == ((540, 960), 25.0, 0.0)


def test_a_file_that_ends_is_as_long_as_its_pictures(data):
    clip = data / "clips" / "portrait_540x960_25fps.mp4"
    system = simulator("video=file", f"video.path={clip}", "video.loop=false").system
    frames = system.source_length_s * system.source_fps
    assert frames == pytest.approx(round(frames), abs=1e-3) and frames > 10


@pytest.mark.parametrize("video", [["video=camera"], ["video=rtsp", "video.path=rtsp://nowhere/x"]])
def test_a_live_source_cannot_be_simulated(video):
    with pytest.raises(ConfigError, match="a live source cannot be simulated"):
        simulator(*video)


SIMULATE = """
import sys
import experiments.run
print({"numba"} & set(sys.modules))
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from experiments.worlds.plan import plan_run
from experiments.config.composing import register
from experiments.config.schemas import CONF
register()
with initialize_config_dir(str(CONF), version_base="1.3"):
    plan = plan_run(OmegaConf.to_object(compose("config", ["env=simulator", "hardware=rpi5", "agent=rule"])))
import envs.simulator.env
print({"torch", "ultralytics", "cv2", "av", "mlflow", "jax"} & set(sys.modules))
"""


def test_a_program_brings_no_compiler_and_simulating_the_traffic_scene_no_model_no_video_and_no_tracking():
    done = subprocess.run(
        [sys.executable, "-c", SIMULATE], cwd=CONF.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\nset()\n"


# --- what cannot be ---


def events(*texts: str) -> str:
    return f"scenario.events=[{', '.join('{' + text + '}' for text in texts)}]"


@pytest.mark.parametrize("world", STREAM_WORLDS)
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["scenario=diurnal", events("kind: STREAMS, value: 2, at_s: 5")],
            "scenario: a pattern of load would undo the events of kind STREAMS",
        ),
        (
            ["scenario=bandwidth_trace", events("kind: LINKS, value: 2, at_s: 5")],
            "scenario: a pattern of links would undo",
        ),
        (
            [events("kind: LOSE_WORKER, worker: 0, at_s: 5", "kind: LOSE_WORKER, worker: 0, at_s: 9")],
            "scenario: worker 0 is to be lost in step 9, but is gone then",
        ),
        (
            [events("kind: LOSE_WORKER, worker: 9, at_s: 5")],
            "scenario: .*names worker 9, but there are only 2",
        ),
        (
            ["scenario=thesis_c", events("kind: SLOW_WORKER, worker: 2, value: 2, at_s: 5")],
            "there are only 2",
        ),
        ([events("kind: STREAMS, value: 2.5, at_s: 5")], "scenario: .*value must be a whole number"),
        ([events("kind: STREAMS, value: 2")], "scenario: .*expected either at_s or at_share"),
        (["scenario=slo_change", "slo=thesis"], "scenario: .*names the SLO 'latency_p95_ms'"),
        (["scenario=bandwidth_trace", "scenario.links.path=nowhere.log"], "scenario: .*nowhere.log"),
        (["scenario.capacities=[2]"], r"scenario: capacities must be in \(0, 1\]"),
        (
            ["scenario=thermal_throttling", "scenario.thermal.tau_s=0"],
            "scenario: thermal: expected tau_s > 0",
        ),
        (["scenario=diurnal", "scenario.load.low=9"], "scenario: load: expected 1 <= low <= high"),
        (["hardware.devices.0.count=0"], "hardware: count and threads must be >= 1"),
        (["hardware=rpi5", "hardware.devices.0.times.n.source=''"], "hardware: .*need a source"),
        (["hardware=rpi5", "hardware.devices.0.idle_w=3"], "hardware: give both idle_w and busy_w"),
        (["hardware=rpi5", "hardware.devices.0.link.mbit_s=0"], "hardware: mbit_s of a link must be > 0"),
        (["hardware=rpi5", "hardware.host.used_mb=9000"], "hardware: .*used_mb < memory_mb"),
        (
            ["hardware=edge_mixed_2", "+hardware.counts.laptop=1"],
            "hardware: counts must be of the",
        ),
        (["hardware=edge_mixed_2", "hardware.counts.rpi5=0"], "hardware: count and threads must be >= 1"),
        (["hardware=rpi5", "detector.grades=[n,x]"], "no service times of grade x"),
        (["env.steps=0"], "env: steps must be >= 1"),
        (["env.control_interval_s=0"], "env: .*control_interval_s"),
        (["env.initial_levels=[9,9,9]"], "env: .*got (9|.9, 9, 9.)"),
    ],
)
def test_an_impossible_world_is_refused_in_one_sentence(world, overrides, message):
    is_said = any(word.startswith(("hardware=", "+hardware=")) for word in overrides)
    hardware = [] if is_said else ["hardware=epyc_2cores"]
    with pytest.raises(ConfigError, match=message) as error:
        plan_run(typed(f"env={world}", *hardware, *overrides))
    assert "\n" not in str(error.value)


def test_hardware_without_times_can_only_compute():
    with pytest.raises(ConfigError, match="hardware: this hardware has no service times yet"):
        plan_run(typed("env=simulator", "hardware=local"))


@pytest.mark.parametrize(
    "scenario", ["worker_loss", "straggler", "thermal_throttling", "bandwidth_trace", "thesis_a"]
)
def test_what_runs_elsewhere_is_not_ours_to_change(scenario):
    with pytest.raises(ConfigError, match=r"scenario: .*elsewhere are not ours to change"):
        plan_run(typed("env.control=tcp://127.0.0.1:1", f"scenario={scenario}"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hardware.devices.0.count=3"], "workers compute in 3 threads, and may use 2 cores here"),
        (["hardware.devices.0.count=2"], ""),
        (["hardware=epyc_2cores", "hardware.devices.0.count=3", "env.emulate=true"], ""),
        (["hardware=rpi5"], ""),
    ],
)
def test_workers_that_share_cores_are_spoken_of(words, said, monkeypatch):
    monkeypatch.setattr(pipeline, "usable_cores", lambda: (0, 1))
    text = plan_run(typed(*words)).caveat
    assert text.startswith(said) and bool(said) == bool(text)


# --- what can be known ---


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["env=simulator", "slo=counting"],
            "slo: count_accuracy is not known of the simulator",
        ),
        (
            ["env=simulator", "slo.slos=[{metric: recall.car, threshold: 0.5}]"],
            "slo: recall.car is not known of the simulator",
        ),
        (["env=simulator", "accuracy=none", "slo=accuracy"], "slo: streaming_f1 cannot be known"),
        (["hardware=rpi5", "accuracy=none", "slo=counting"], "slo: count_accuracy cannot be known"),
        (
            ["hardware=rpi5", "slo.slos=[{metric: sure_share, threshold: 0.5, sense: AT_LEAST}]"],
            "slo: sure_share is not known of workers without trained weights, only of workers with",
        ),
        (["slo.slos=[{metric: joy, threshold: 0.5}]"], "slo: unknown SLO metric 'joy'"),
    ],
)
def test_what_a_run_can_never_know_is_no_slo_of_it(overrides, message):
    with pytest.raises(ConfigError, match=message) as error:
        plan_run(typed(*overrides))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("slo", ["accuracy", "counting", "smooth", "strict"])
def test_every_option_of_slo_can_be_had_of_emulated_workers(slo):
    plan = plan_run(typed("hardware=rpi5", f"slo={slo}", "qoe=frugal"))
    assert isinstance(plan, PipelinePlan) and len(plan.producer.slos) == len(plan.spec.slos)
