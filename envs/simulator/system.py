"""What is simulated: everything about a pipeline and its world that an agent does not change."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from envs.hardware import Hardware
from envs.scenario import Scenario
from envs.video import video_spec
from pipeline.messages import LoadingMode
from pipeline.options import ProducerOptions, QueuePolicy, WorkerOptions
from pipeline.settings import Ladders

LONGEST_S = 1e6  # of an episode: times are integer ns, and schedules products of them


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One pipeline in one world, for episodes of `steps` control intervals.

    Attributes:
        ladders: of the three knobs; the grades need service times in every device.
        source_size: (width, height) in px.
        source_fps: frames/s, constant.
        source_length_s: when the source ends, and the episode with it; 0 = never.
        hardware: devices need service times, whether native or not.
        scenario: what happens; its capacities replace the hardware's workers.
        steps: control intervals per episode, >= 1.
        control_interval_s: > 0.
        initial_levels: level index per knob at the start; None = the highest.
        decision_ms: from an interval's beginning until its settings are in force, in [0, interval).
        return_frames: whether results carry the frame back, as for an annotated video.
        others: as in `ProducerOptions` and `WorkerOptions`, and with their defaults.
    """

    ladders: Ladders
    source_size: tuple[int, int]
    source_fps: float
    hardware: Hardware
    scenario: Scenario = Scenario()
    steps: int
    control_interval_s: float = 1.0
    initial_levels: Sequence[int] | None = None
    source_length_s: float = 0.0
    decision_ms: float = 0.0
    return_frames: bool = False
    loading_mode: LoadingMode = LoadingMode.EAGER
    queue_policy: QueuePolicy = QueuePolicy.DROP_OLDEST
    queue_bound_s: float = 4.0
    memory_budget_mb: float = 0.0
    heartbeat_s: float = 0.5
    lease_s: float = 10.0
    retries: int = 2
    prefetch: int = 2
    batch: int = 1
