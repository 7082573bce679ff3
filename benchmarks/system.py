"""The simulated system on which the simulator and the agents are measured."""

from pathlib import Path

from omegaconf import OmegaConf

from envs.hardware import Device, GradeTimes, Hardware, Link, Origin
from envs.simulator.system import System
from envs.spec import ElasticitySpec
from envs.video import video_spec
from pipeline.messages import HandOut
from pipeline.settings import ladders_for
from pipeline.slos import video_slo

CONF = Path(__file__).resolve().parents[1] / "conf"
SOURCE_SIZE = (640, 360)
SOURCE_FPS = 30.0
EPISODE_STEPS = 500  # CartPole's longest
FRAMES_PER_STEP = 30  # SOURCE_FPS in a control interval of a second
MEAN_MS = {"n": 8.0, "s": 22.0, "m": 50.0}


def bench_system() -> System:
    """Return two workers like a laptop's CPU, over WiFi, at a load of 0.8 by 30 frames/s: nothing is dropped.

    The figures are assumed; what is compared has the same ones. Whoever asks first is served: SimPy's model
    has no plan of hand-outs.
    """
    times = {
        grade: GradeTimes({"640x360": ms}, Origin.ASSUMED, "about a laptop's CPU")
        for grade, ms in MEAN_MS.items()
    }
    device = Device(count=2, times=times, sigma=0.15, handling_ms=2.0, link=Link(3.0, 300.0))
    return System(
        ladders=ladders_for(*SOURCE_SIZE, SOURCE_FPS, tuple(MEAN_MS)),
        source_size=SOURCE_SIZE,
        source_fps=SOURCE_FPS,
        hardware=Hardware((device,)),
        hand_out=HandOut.FIRST_ASKS,
        steps=EPISODE_STEPS,
    )


def bench_spec() -> ElasticitySpec:
    """Return the video knobs of `bench_system`, 72 joint settings, and the default SLOs."""
    slos = [video_slo(**slo) for slo in OmegaConf.load(CONF / "slo" / "default.yaml").slos]
    return video_spec(bench_system().ladders, slos)
