"""What the three programs can be told; `pipeline.cli` turns each class into a command line."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pipeline.bounds import ANY_FINITE, Bounds, check_options
from pipeline.class_names import class_ids
from pipeline.content import PACES
from pipeline.messages import MAX_BATCH, MAX_STREAMS, Binding, DetectionKind, HandOut, LoadingMode, WorkType
from pipeline.pacing import LOWEST_FPS
from pipeline.settings import check_grades
from pipeline.slos import parse_slo

SMALLEST_PX, LARGEST_PX = 64, 4096  # of the traffic scene
HIGHEST_FPS = 1000.0  # likewise
LONGEST_S = 1e6  # eleven days
LARGEST_SEED = 2**63 - 1  # on the wire
THICKEST_FOG = 2.5  # that it was measured for, see `pipeline.sources.traffic.daylight`
KEYS = "folder of keys, see `python -m pipeline keys`; empty = nothing is encrypted or asked for"
INSECURE = "without keys, take part all the same where other hosts can reach it"

NATURAL = Bounds(0)
POSITIVE = Bounds(1)
DURATION_S = Bounds(0, LONGEST_S, is_open=True)
DELAY_MS = Bounds(0, 1e3 * LONGEST_S)
SEED = Bounds(0, LARGEST_SEED)
SCENE_PX = Bounds(SMALLEST_PX, LARGEST_PX)
SCENE_PACE = Bounds(*PACES)


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


def _option(
    default: Any, help: str, bounds: Bounds = ANY_FINITE, check: Callable[[Any], object] | None = None
) -> Any:
    """Declare a field; see `pipeline.bounds.check_value` for what its metadata mean."""
    metadata = {"help": help, "bounds": bounds, **({} if check is None else {"check": check})}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def _check_names(names: tuple[str, ...]) -> None:
    for name in names:
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise ValueError(f"a name has letters, digits, _, . and -, got {name!r}")


def _check_slos(texts: tuple[str, ...]) -> None:
    for text in texts:
        parse_slo(text)


def _check_levels(levels: tuple[int, ...]) -> None:
    if len(levels) not in (0, 3):
        raise ValueError(f"expected 3 level indices (fps, size, grade), got {len(levels)}")


def _check_swing(most: float) -> Callable[[tuple[float, ...]], None]:
    """Make a check of what goes up and down, at most so far."""

    def check(swing: tuple[float, ...]) -> None:
        if len(swing) not in (0, 3):
            raise ValueError(f"expected 3 numbers (at first, half a period later, s of it), got {len(swing)}")
        if swing and not (max(swing[:2]) <= most and swing[2] > 0):
            raise ValueError(f"expected two numbers in [0, {most:g}] and a period > 0 s, got {swing}")

    return check


class Checked:
    """Options that are checked when they are made. Raises OptionError."""

    __slots__ = ()

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerOptions(Checked):
    """Offer a stream's frames as tasks, hand them to workers, keep account of every frame."""

    source: SourceKind = _option(SourceKind.TRAFFIC, "where the pictures come from")
    path: str = _option("", "file to read, camera index or device, or RTSP address")
    loop: bool = _option(False, "begin a file again when it ends")
    factory: str = _option("", "custom: dotted path of the source's class, e.g. my_package.stream.Drone")
    arguments: dict[str, str] = _option(
        {}, "custom: arguments of that class, each a number, true, false, text or JSON"
    )
    seed: int = _option(0, "chooses the traffic scene", SEED)
    width: int = _option(640, "traffic: width in px", SCENE_PX)
    height: int = _option(360, "traffic: height in px", SCENE_PX)
    source_fps: float = _option(30.0, "traffic: frames/s", Bounds(LOWEST_FPS, HIGHEST_FPS))
    length_s: float = _option(0.0, "traffic: length in s; 0 = endless", Bounds(0, LONGEST_S))
    density: tuple[float, ...] = _option(
        (),
        "traffic: its density in [0, 1] when calm and in the rush, s from calm to calm; empty = it varies",
        Bounds(0, LONGEST_S),
        check=_check_swing(1.0),
    )
    fog: tuple[float, ...] = _option(
        (),
        "traffic: by how much fog lowers the logit of F1, at first and half a period later, s of the period;"
        " empty = none",
        Bounds(0, LONGEST_S),
        check=_check_swing(THICKEST_FOG),
    )
    pace: float = _option(1.0, "traffic: how many times as fast as by itself it drives", SCENE_PACE)
    pacing: bool = _option(True, "offer frames at the source's own pace; off: as fast as they are taken")
    truth: str = _option("", "file: what is really in its pictures, a file in MOT format")
    classes: tuple[str, ...] = _option(
        ("car", "truck", "bus", "motorcycle"),
        "what is scored where the truth is known: COCO's names, matched together",
        check=class_ids,
    )
    drawn: str = _option(
        "", "JSON file by which detections are drawn from the truth in place of what workers find"
    )
    streams: int = _option(1, "concurrent streams that carry the source's pictures", Bounds(1, MAX_STREAMS))
    fps_levels: tuple[float, ...] = _option(
        (),
        "ladder of the FPS knob, in frames/s; empty = from the source",
        Bounds(LOWEST_FPS, ascend=True),
    )
    heights_px: tuple[int, ...] = _option(
        (), "ladder of the resolution knob, heights in px; empty = from the source", Bounds(1, ascend=True)
    )
    grades: tuple[str, ...] = _option(
        ("n", "s", "m"), "ladder of the quality knob: YOLO11 grades", check=check_grades
    )
    levels: tuple[int, ...] = _option(
        (), "level indices to begin with (fps, size, grade); empty = the highest", NATURAL, _check_levels
    )
    work_type: WorkType = _option(WorkType.YOLO_DETECTION, "what workers do with a frame")
    loading_mode: LoadingMode = _option(
        LoadingMode.EAGER, "whether workers load models at need or at the start"
    )
    binding: Binding = _option(
        Binding.HAND_OUT, "whether a frame takes the settings in force when it is handed out or captured"
    )
    hand_out: HandOut = _option(
        HandOut.EARLIEST_DONE,
        "whether a frame goes to the worker that will have done it first or asks first",
    )
    weights: dict[str, str] = _option(
        {}, "weights per grade, e.g. n=yolo11n.pt; absent = Ultralytics' download"
    )
    wait_workers: int = _option(
        1, "begin when so many workers and a collector are ready; 0 = at once", NATURAL
    )
    work: str = _option("tcp://127.0.0.1:5550", "endpoint of the Work-API; port * = any free one")
    link: str = _option("tcp://127.0.0.1:5551", "endpoint for the collector")
    control: str = _option("tcp://127.0.0.1:5552", "endpoint for telemetry and knobs")
    keys: str = _option("", KEYS)
    insecure: bool = _option(False, INSECURE)
    queue_policy: QueuePolicy = _option(QueuePolicy.DROP_OLDEST, "what happens when the task queue is full")
    queue_bound_s: float = _option(
        4.0, "size of the task queue, in seconds of source frames of all streams", DURATION_S
    )
    memory_budget_mb: float = _option(
        0.0, "memory that frames may take at the producer, in MB; 0 = a full queue's", Bounds(0, 1e9)
    )
    slos: tuple[str, ...] = _option(
        ("queue_size<=2", "memory_usage<=0.8", "latency_p95_ms<=1000", "drop_rate<=0.05", "load<=1"),
        "objectives: METRIC<=THRESHOLD or METRIC>=THRESHOLD, optionally @WARN_AT",
        check=_check_slos,
    )
    heartbeat_s: float = _option(
        0.5, "a worker speaks at least this often; silent for 4 of them, its tasks go back", DURATION_S
    )
    lease_s: float = _option(10.0, "a task handed out goes back to the queue after this long", DURATION_S)
    retries: int = _option(2, "how often a task goes back before it is counted lost", NATURAL)
    drain_s: float = _option(10.0, "how long open leases may take once the source has ended", DURATION_S)
    supervised: bool = _option(
        False, "print one line of JSON with the endpoints, wait for START, end when standard input closes"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions(Checked):
    """Request tasks from a producer, process them, send the results to the collector."""

    producer: str = _option("tcp://127.0.0.1:5550", "the producer's Work-API endpoint")
    keys: str = _option("", KEYS)
    name: str = _option("", "name in telemetry; empty = host and six random digits")
    cores: tuple[int, ...] = _option((), "pin inference to these cores; empty = anywhere", NATURAL)
    threads: int = _option(1, "threads of one inference", POSITIVE)
    capacity: float = _option(
        1.0, "share of this device's speed to use, in (0, 1]", Bounds(0, 1, is_open=True)
    )
    prefetch: int = _option(2, "tasks in hand beyond the one that is processed, >= 1", POSITIVE)
    batch: int = _option(1, "tasks asked for in one request, >= 1", Bounds(1, MAX_BATCH))
    weights: dict[str, str] = _option({}, "weights per grade instead of those the producer names")
    service_times: str = _option("", "EMULATED: JSON file with the service times of the device")
    seed: int = _option(0, "EMULATED: seed of the service times", SEED)
    handling_ms: float = _option(0.0, "EMULATED: between two frames of a busy device", DELAY_MS)
    load_ms: float = _option(0.0, "EMULATED: to load the model of one grade", DELAY_MS)
    new_shape_ms: float = _option(0.0, "EMULATED: for the first frame of a new size, per grade", DELAY_MS)
    link_delay_ms: float = _option(0.0, "emulated link: one way", DELAY_MS)
    link_mbit_s: float = _option(
        math.inf, "emulated link: bandwidth each way", Bounds(0, is_open=True, may_be_infinite=True)
    )
    link_medium: str = _option(
        "",
        "what the link shares with those of workers that say the same, as an access point; an emulated one"
        " keeps in this file when it is free",
    )
    supervised: bool = _option(
        False,
        "end when standard input closes; its lines say how device and link are (pipeline/conditions.py)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorOptions(Checked):
    """Put results back in order and hand them to a sink."""

    producer: str = _option("tcp://127.0.0.1:5551", "the producer's link endpoint")
    results: str = _option("tcp://127.0.0.1:5553", "endpoint for results; port * = any free one")
    keys: str = _option("", KEYS)
    insecure: bool = _option(False, INSECURE)
    video: str = _option("", "write the annotated video to this file (.mp4 or .webm)")
    detections: str = _option("", "write every detection to this file (.parquet or .jsonl)")
    kind: DetectionKind = _option(
        DetectionKind.REAL, "what detections are: said in the two files above; of NONE, none is kept"
    )
    outlines: bool = _option(False, "outline in the video what is really there, where the truth is known")
    frames: str = _option("", "write when every emitted frame was where to this file (.parquet or .jsonl)")
    supervised: bool = _option(
        False, "print one line of JSON with the endpoint for results, end when standard input closes"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysOptions(Checked):
    """Make the server's key, and one for each client; what is there already stays."""

    folder: str = _option(
        "keys", "where to; each host needs server.key and its own, and servers all but these"
    )
    worker: tuple[str, ...] = _option(
        ("worker",), "names of workers' keys; several may share one", check=_check_names
    )
    collector: tuple[str, ...] = _option(("collector",), "names of collectors' keys", check=_check_names)
    control: tuple[str, ...] = _option(
        ("control",), "names of keys of those who may steer", check=_check_names
    )
