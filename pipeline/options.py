"""What the three programs can be told; `pipeline.cli` turns each class into a command line."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.messages import LoadingMode, WorkType


class SourceKind(StrEnum):
    """Where the pictures come from."""

    TRAFFIC = "traffic"
    FILE = "file"
    CAMERA = "camera"
    RTSP = "rtsp"
    CUSTOM = "custom"  # a class of somebody else's
    MEMORY = "memory"  # a second of the traffic scene, rendered once and repeated: for benchmarks


class QueuePolicy(StrEnum):
    """What happens when the task queue is full."""

    WAIT = "wait"  # the source waits: for offline files only, since it stretches time
    DROP_OLDEST = "drop_oldest"
    DROP_NEWEST = "drop_newest"


def _option(default: Any, help: str) -> Any:
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerOptions:
    """Offer a stream's frames as tasks, hand them to workers, keep account of every frame."""

    source: SourceKind = _option(SourceKind.TRAFFIC, "where the pictures come from")
    path: str = _option("", "file to read, camera index or device, or RTSP address")
    loop: bool = _option(False, "begin a file again when it ends")
    factory: str = _option("", "custom: dotted path of the source's class, e.g. my_package.stream.Drone")
    arguments: dict[str, str] = _option(
        {}, "custom: arguments of that class, each a number, true, false, text or JSON"
    )
    seed: int = _option(0, "chooses the traffic scene")
    width: int = _option(640, "traffic: width in px")
    height: int = _option(360, "traffic: height in px")
    source_fps: float = _option(30.0, "traffic: frames/s")
    length_s: float = _option(0.0, "traffic: length in s; 0 = endless")
    pacing: bool = _option(True, "offer frames at the source's own pace; off: as fast as they are taken")
    streams: int = _option(1, "concurrent streams that carry the source's pictures")
    fps_levels: tuple[float, ...] = _option(
        (), "ladder of the FPS knob, in frames/s; empty = from the source"
    )
    heights_px: tuple[int, ...] = _option(
        (), "ladder of the resolution knob, heights in px; empty = from the source"
    )
    grades: tuple[str, ...] = _option(("n", "s", "m"), "ladder of the quality knob: YOLO11 grades")
    levels: tuple[int, ...] = _option(
        (), "level indices to begin with (fps, size, grade); empty = the highest"
    )
    work_type: WorkType = _option(WorkType.YOLO_DETECTION, "what workers do with a frame")
    loading_mode: LoadingMode = _option(
        LoadingMode.EAGER, "whether workers load models at need or at the start"
    )
    weights: dict[str, str] = _option(
        {}, "weights per grade, e.g. n=yolo11n.pt; absent = Ultralytics' download"
    )
    wait_workers: int = _option(1, "begin when so many workers and a collector are ready; 0 = at once")
    work: str = _option("tcp://127.0.0.1:5550", "endpoint of the Work-API; port * = any free one")
    link: str = _option("tcp://127.0.0.1:5551", "endpoint for the collector")
    control: str = _option("tcp://127.0.0.1:5552", "endpoint for telemetry and knobs")
    queue_policy: QueuePolicy = _option(QueuePolicy.DROP_OLDEST, "what happens when the task queue is full")
    queue_bound_s: float = _option(4.0, "size of the task queue, in seconds of source frames of all streams")
    memory_budget_mb: float = _option(0.0, "memory the producer may use, in MB; 0 = baseline + a full queue")
    slos: tuple[str, ...] = _option(
        ("queue_size<=2", "memory_usage<=0.8", "latency_p95_ms<=1000", "drop_rate<=0.05", "load<=1"),
        "objectives: METRIC<=THRESHOLD or METRIC>=THRESHOLD, optionally @WARN_AT",
    )
    heartbeat_s: float = _option(
        0.5, "a worker speaks at least this often; silent for 4 of them, its tasks go back"
    )
    lease_s: float = _option(10.0, "a task handed out goes back to the queue after this long")
    retries: int = _option(2, "how often a task goes back before it is counted lost")
    drain_s: float = _option(10.0, "how long open leases may take once the source has ended")
    supervised: bool = _option(
        False, "print one line of JSON with the endpoints, wait for START, end when standard input closes"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """Request tasks from a producer, process them, send the results to the collector."""

    producer: str = _option("tcp://127.0.0.1:5550", "the producer's Work-API endpoint")
    name: str = _option("", "name in telemetry; empty = host and six random digits")
    cores: tuple[int, ...] = _option((), "pin inference to these cores; empty = anywhere")
    threads: int = _option(1, "threads of one inference")
    capacity: float = _option(1.0, "share of this device's speed to use, in (0, 1]")
    prefetch: int = _option(2, "tasks in hand beyond the one that is processed, >= 1")
    batch: int = _option(1, "tasks asked for in one request, >= 1")
    weights: dict[str, str] = _option({}, "weights per grade instead of those the producer names")
    service_times: str = _option("", "EMULATED: JSON file with the service times of the device")
    seed: int = _option(0, "EMULATED: chooses the service times' luck")
    handling_ms: float = _option(0.0, "EMULATED: between two frames of a busy device")
    load_ms: float = _option(0.0, "EMULATED: to load the model of one grade")
    new_shape_ms: float = _option(0.0, "EMULATED: for the first frame of a new size, per grade")
    link_delay_ms: float = _option(0.0, "emulated link: one way")
    link_mbit_s: float = _option(math.inf, "emulated link: bandwidth each way")
    supervised: bool = _option(
        False,
        "end when standard input closes; its lines say how device and link are (pipeline/conditions.py)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorOptions:
    """Put results back in order and hand them to a sink."""

    producer: str = _option("tcp://127.0.0.1:5551", "the producer's link endpoint")
    results: str = _option("tcp://127.0.0.1:5553", "endpoint for results; port * = any free one")
    video: str = _option("", "write the annotated video to this file (.mp4 or .webm)")
    detections: str = _option("", "write every detection to this file (.parquet or .jsonl)")
    frames: str = _option("", "write when every emitted frame was where to this file (.parquet or .jsonl)")
    supervised: bool = _option(
        False, "print one line of JSON with the endpoint for results, end when standard input closes"
    )
