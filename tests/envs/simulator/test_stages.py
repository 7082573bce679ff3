"""Which stage binds shows in its load: worlds in which it is known beforehand."""

import pytest

from envs.hardware import Device, GradeTimes, Hardware, Host, Link, Origin
from envs.scenario import Event, EventKind, Scenario
from envs.simulator.env import SimulatorEnv
from envs.simulator.system import System
from envs.video import video_spec
from pipeline.settings import ladders_for
from pipeline.slos import video_slo

SIZE = (640, 360)
LADDERS = ladders_for(*SIZE, 30.0, ("n",))
SPEC = video_spec(LADDERS, (video_slo("load", 1.0),))
PHASE = 8  # steps with the same number of streams
STREAMS = (1, 2, 3, 5, 1)
HIGHEST = tuple(n - 1 for n in SPEC.n_levels)
FRAME_S = 3 * 640 * 360 * 8 / 120e6  # on a link of 120 Mbit/s: 46 ms


def device(ms: float, **changes) -> Device:
    """Every frame takes as long."""
    return Device(times={"n": GradeTimes({"640x360": ms}, Origin.ASSUMED, "this test")}, **changes)


def metrics_by_phase(*devices: Device, capture_ms: float = 0.0) -> list[dict[str, float]]:
    """At the end of each phase, at the highest setting."""
    changes = enumerate(STREAMS[1:], start=1)
    events = [Event(kind=EventKind.STREAMS, value=n, at_s=float(PHASE * i)) for i, n in changes]
    system = System(
        ladders=LADDERS,
        source_size=SIZE,
        source_fps=30.0,
        hardware=Hardware(devices, Host(capture_ms=capture_ms)),
        scenario=Scenario(events=tuple(events)),
        steps=PHASE * len(STREAMS),
        queue_bound_s=0.5,
    )
    env = SimulatorEnv(SPEC, [system])
    env.reset(seed=1)
    steps = [env.step(HIGHEST)[4]["metrics"] for _ in range(system.steps)]
    return steps[PHASE - 1 :: PHASE]


@pytest.mark.parametrize(
    "link", [Link(3.0, 120.0), Link(3.0, 240.0, shared="port")], ids=["own links", "a shared one"]
)
def test_slow_links_bind_and_fast_workers_do_not(link):
    for n_streams, metrics in zip(STREAMS, metrics_by_phase(device(8.0, link=link, count=2)), strict=True):
        asked_fps = 30 * n_streams
        assert metrics["load_link"] == pytest.approx(asked_fps * FRAME_S / 2, rel=0.05)
        assert metrics["load_compute"] == pytest.approx(asked_fps * 0.008 / 2, rel=0.05)
        assert metrics["load"] == metrics["load_link"]


def test_a_mixed_cluster_at_saturation_has_a_load_of_about_one():
    metrics = metrics_by_phase(device(25.0), device(200.0))  # 45 frames/s together
    assert [each["load"] for each in metrics[:2]] == pytest.approx([30 / 45, 60 / 45], rel=0.1)


def test_capturing_binds_where_a_frame_takes_as_long_as_the_next_one_gives_it():
    metrics = metrics_by_phase(device(8.0), capture_ms=1000 / 31)
    assert metrics[0]["load"] == metrics[0]["load_capture"] == pytest.approx(30 / 31, rel=0.05)
