"""`bench pipeline`: what the pipeline costs, beside the least that the same frames can cost.

(1) emulated: workers that compute nothing; the whole path against a bare ZeroMQ chain, Ray actors and
`multiprocessing.Queue`. (2) yolo: two pinned workers against two pinned `predict` loops.
"""

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from experiments.bench import limits, ray_actors
from experiments.bench.console import positive, progress_bar
from experiments.bench.figures import Target, contenders_table
from experiments.bench.full_path import GRADE, FullPath
from experiments.bench.measure import Contender, Sample, medians, ratios, take_turns
from experiments.bench.peers import N_WORKERS, Pictures, bare_chain, queue_chain
from experiments.bench.predict_loops import predict_loops, save_untrained
from experiments.bench.processes import Processes
from pipeline.messages import WorkType
from pipeline.options import WorkerOptions

HELP = "what the pipeline costs beside the least that the same frames can cost"
FRAMES_MOVED = Pictures(640, 360)
FRAMES_DETECTED = Pictures(320, 180)
WARM_UP_S = 0.5

TARGETS = (
    Target("emulated.ratio_full_to_bare", 0.5, "the whole path ÷ bare ZeroMQ chain"),
    Target("yolo.ratio_full_to_bare", 0.9, "two workers ÷ two bare predict loops"),
)
EMULATED_ROWS = (
    ("full", "the whole path"),
    ("bare", "bare ZeroMQ chain"),
    ("ray", "Ray actors"),
    ("mp_queue", "multiprocessing.Queue"),
)
YOLO_ROWS = (
    ("full", "whole path, two workers"),
    ("bare", "two bare predict loops"),
    ("alone", "one of them alone"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The bench's own flags."""
    parser.add_argument(
        "--rounds", type=positive(int), default=5, help="turns of each contender (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=positive(float), default=2.0, help="of each turn (default: %(default)s)"
    )
    parser.add_argument(
        "--weights", type=_file, help="a YOLO11n checkpoint (default: the same network untrained)"
    )


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"expected a checkpoint, found no file {text}")
    return Path(text)


def run(options: argparse.Namespace, console: Console) -> dict[str, float]:
    """Measure everything, print the tables, return the figures.

    Raises:
        BenchError: a contender does not work.
        ClusterError, ControlError: the pipeline does not.
    """
    with tempfile.TemporaryDirectory(prefix="elasticbench-") as folder, progress_bar(console) as progress:
        turns = _Turns(options.rounds, options.seconds, progress)
        figures = {"rounds": float(options.rounds), "seconds": options.seconds}
        figures |= measure_emulated(turns, Path(folder) / "emulated")
        figures |= measure_yolo(turns, Path(folder) / "yolo", options.weights)
    print_report(figures, console)
    return figures


class _Turns:
    """Takes turns, and shows how far they are."""

    def __init__(self, rounds: int, seconds: float, progress: Progress) -> None:
        self._rounds = rounds
        self._seconds = seconds
        self._progress = progress

    def take(self, title: str, contenders: Sequence[Contender]) -> dict[str, list[Sample]]:
        """Alternated rounds of these contenders."""
        task = self._progress.add_task(title, total=self._rounds * len(contenders))

        def report(i: int, name: str, sample: Sample) -> None:
            self._progress.console.print(
                f"{title} {i}/{self._rounds} {name:>8}: {sample.frames_per_s:8,.1f} frames/s, "
                f"{sample.cpu_ms_per_frame:6.2f} CPU ms/frame"
            )
            self._progress.advance(task)

        return take_turns(contenders, self._rounds, WARM_UP_S, self._seconds, report)

    def say(self, line: str) -> None:
        """A line above the progress bar."""
        self._progress.console.print(line)


def measure_emulated(turns: _Turns, scratch: Path) -> dict[str, float]:
    """The emulated workload at 0 ms: the whole path, and the same frames through its peers."""
    pictures = FRAMES_MOVED
    copy_s = limits.copy_s(pictures)
    full = FullPath(pictures, WorkType.EMULATED, {}, [WorkerOptions()] * N_WORKERS, scratch / "logs")
    with ExitStack() as stack:
        bare = bare_chain(stack.enter_context(Processes("bare")), pictures)
        queues = queue_chain(stack.enter_context(Processes("mp_queue")), pictures)
        samples = turns.take("emulated", [full, bare, queues])
        figures = ratios("emulated", samples, ("full", "mp_queue"))
        if ray_actors.is_installed():  # afterwards, since its idle services take time from the others
            actors = ray_actors.ray_actors(stack.enter_context(Processes("ray")), pictures, scratch)
            beside = turns.take("emulated, Ray", [actors, bare])
            figures |= ratios("emulated", beside, ("ray",))
            samples["ray"] = beside["ray"]
        else:
            turns.say("Ray is not installed, its actors are left out: pip install 'elasticbench[bench]'")
    figures["emulated.limit.copy_ms"] = 1e3 * copy_s
    figures["emulated.limit.frames_per_s"] = limits.transport_frames_per_s(copy_s)
    return medians("emulated", samples) | figures


def measure_yolo(turns: _Turns, scratch: Path, weights: Path | None) -> dict[str, float]:
    """YOLO11n: two pinned workers of the whole path, and as many pinned `predict` loops."""
    pictures = FRAMES_DETECTED
    usable = sorted(os.sched_getaffinity(0))
    cores = [usable[i % len(usable)] for i in range(N_WORKERS)]
    with Processes("predict") as processes:
        if weights is None:
            weights = scratch / "yolo11n-untrained.pt"
            save_untrained(processes, weights, scratch)
        workers = [WorkerOptions(cores=(core,), threads=1) for core in cores]
        paths = {GRADE: str(weights.resolve())}
        full = FullPath(pictures, WorkType.YOLO_DETECTION, paths, workers, scratch / "logs")
        bare, alone = predict_loops(processes, pictures, weights, cores, scratch)
        samples = turns.take("YOLO11n", [full, bare, alone])
    figures = medians("yolo", samples) | ratios("yolo", samples, ("full",))
    n_cores = min(N_WORKERS, len(usable))
    figures["yolo.limit.frames_per_s"] = n_cores * figures["yolo.alone.frames_per_s"]
    return figures


def print_report(figures: Mapping[str, float], console: Console) -> None:
    """The tables and the verdicts on the targets."""
    moved, detected = FRAMES_MOVED, FRAMES_DETECTED
    console.print()
    title = f"Frames of {moved.width}×{moved.height}, workers that compute nothing"
    console.print(contenders_table(title, "emulated", EMULATED_ROWS, figures))
    console.print(
        f"limit: {limits.n_cores()} cores that do nothing but copy each frame into the kernel and out of it, "
        f"{figures['emulated.limit.copy_ms']:.3f} ms a copy\n"
    )
    title = f"YOLO11n at {detected.width}×{detected.height}, a pinned thread each"
    console.print(contenders_table(title, "yolo", YOLO_ROWS, figures))
    console.print("limit: the rate of one predict loop that has the machine to itself × cores\n")
    console.print(
        f"medians of {figures['rounds']:.0f} rounds of {figures['seconds']:g} s, in alternated order"
    )
    for target in TARGETS:
        console.print(target.verdict(figures))
