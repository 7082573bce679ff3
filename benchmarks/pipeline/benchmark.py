"""What the pipeline costs, beside the least that the same frames can cost.

(1) Frames through two workers that compute nothing: this pipeline, with keys and without, beside bare
    ZeroMQ sockets, multiprocessing.Queue, and Ray actors if Ray is installed.
(2) YOLO11n, untrained, which is as much work: this pipeline with two pinned workers beside two pinned
    Ultralytics predict loops.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.options import add_rounds
from benchmarks.pipeline import limits, ray_actors
from benchmarks.pipeline.full_path import GRADE, FullPath
from benchmarks.pipeline.peers import N_WORKERS, Pictures, bare_chain, queue_chain
from benchmarks.pipeline.predict_loops import predict_loops, save_untrained
from benchmarks.pipeline.streams import Stream, take_turn
from benchmarks.processes import Processes
from benchmarks.report import Goal, number, table, with_range
from benchmarks.turns import Turn, alternate, ratio
from pipeline.keymaking import make_keys
from pipeline.messages import WorkType
from pipeline.options import KeysOptions, WorkerOptions

HELP = "what the pipeline costs beside bare sockets, queues, Ray and predict loops"
FRAMES_MOVED = Pictures(640, 360)
FRAMES_DETECTED = Pictures(320, 180)
WARM_UP_S = 0.5

GOALS = (
    Goal("emulated.ratio_full_to_bare", 0.5, "this pipeline ÷ bare ZeroMQ sockets"),
    Goal("emulated.ratio_locked_to_full", 0.8, "with keys ÷ without"),
    Goal("yolo.ratio_full_to_bare", 0.9, "this pipeline ÷ predict loops"),
)
EMULATED_ROWS = {
    "full": "this pipeline",
    "locked": "this pipeline, with keys",
    "bare": "bare ZeroMQ sockets",
    "mp_queue": "multiprocessing.Queue",
    "ray": "Ray actors",
    "limit": "limit: copying only",
}
YOLO_ROWS = {
    "full": "this pipeline, two workers",
    "bare": "two predict loops",
    "alone": "one of them alone",
    "limit": "limit: one alone × cores",
}

Take = Callable[[Sequence[Stream]], dict[str, list[Turn]]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's own flags."""
    add_rounds(parser, rounds=5, seconds=2.0)


def run(options: argparse.Namespace, console: Console) -> dict[str, float]:
    """Measure everything, print the tables, return the figures.

    Raises:
        BenchmarkError: a contender does not work.
        ClusterError, ControlError: the pipeline does not.
    """

    def take(streams: Sequence[Stream]) -> dict[str, list[Turn]]:
        turns = {stream.name: partial(take_turn, stream, WARM_UP_S, options.seconds) for stream in streams}
        return alternate(turns, options.rounds, "pipeline", console)

    figures = {"rounds": float(options.rounds), "seconds": options.seconds}
    with tempfile.TemporaryDirectory(prefix="elasticbench-") as folder:
        figures |= measure_emulated(take, Path(folder) / "emulated")
        figures |= measure_yolo(take, Path(folder) / "yolo")
    print_report(figures, console)
    return figures


def measure_emulated(take: Take, scratch: Path) -> dict[str, float]:
    """Return the figures of workers that compute nothing: the pipeline and its peers, on the same frames."""
    pictures = FRAMES_MOVED
    copy_s = limits.copy_s(pictures)
    make_keys(KeysOptions(folder=str(scratch / "keys")))
    emulated = partial(FullPath, pictures, WorkType.EMULATED, {}, [WorkerOptions()] * N_WORKERS)
    full, locked = emulated(scratch / "logs"), emulated(scratch / "locked", keys=scratch / "keys")
    with ExitStack() as stack:
        bare = bare_chain(stack.enter_context(Processes("bare")), pictures)
        queues = queue_chain(stack.enter_context(Processes("mp_queue")), pictures)
        turns = take([full, locked, bare, queues])
        figures = ratios("emulated", turns, ("full", "locked", "mp_queue"))
        figures |= ratio("emulated.ratio_locked_to_full", turns["locked"], turns["full"])
        if ray_actors.is_installed():  # afterwards, since its idle services take time from the others
            beside = take(
                [ray_actors.ray_actors(stack.enter_context(Processes("ray")), pictures, scratch), bare]
            )
            figures |= ratios("emulated", beside, ("ray",))
            turns["ray"] = beside["ray"]
    figures["emulated.limit.copy_ms"] = 1e3 * copy_s
    figures["emulated.limit.frames_per_s"] = limits.transport_frames_per_s(copy_s)
    return medians("emulated", turns) | figures


def measure_yolo(take: Take, scratch: Path) -> dict[str, float]:
    """Return the figures of YOLO11n: two pinned workers of the pipeline, and as many pinned predict loops."""
    pictures = FRAMES_DETECTED
    usable = sorted(os.sched_getaffinity(0))
    cores = [usable[i % len(usable)] for i in range(N_WORKERS)]
    with Processes("predict") as processes:
        weights = scratch / "yolo11n-untrained.pt"
        save_untrained(processes, weights, scratch)
        workers = [WorkerOptions(cores=(core,), threads=1) for core in cores]
        paths = {GRADE: str(weights.resolve())}
        full = FullPath(pictures, WorkType.YOLO_DETECTION, paths, workers, scratch / "logs")
        turns = take([full, *predict_loops(processes, pictures, weights, cores, scratch)])
    figures = medians("yolo", turns) | ratios("yolo", turns, ("full",))
    figures["yolo.limit.frames_per_s"] = len(set(cores)) * figures["yolo.alone.frames_per_s"]
    return figures


def medians(prefix: str, turns: Mapping[str, Sequence[Turn]]) -> dict[str, float]:
    """Return each contender's median rate and median processor time per frame."""
    figures = {}
    for name, own in turns.items():
        figures[f"{prefix}.{name}.frames_per_s"] = statistics.median(turn.per_s for turn in own)
        figures[f"{prefix}.{name}.cpu_ms_per_frame"] = statistics.median(turn.cpu_ms for turn in own)
    return figures


def ratios(prefix: str, turns: Mapping[str, Sequence[Turn]], names: Sequence[str]) -> dict[str, float]:
    """Return each named contender's rate divided by that of `bare` in the same round."""
    figures = {}
    for name in names:
        figures |= ratio(f"{prefix}.ratio_{name}_to_bare", turns[name], turns["bare"])
    return figures


def print_report(figures: Mapping[str, float], console: Console) -> None:
    """Print the tables, what their rows are, and the verdicts on the goals."""
    moved, detected = FRAMES_MOVED, FRAMES_DETECTED
    title = f"\nFrames of {moved.width}×{moved.height} through two workers that compute nothing"
    console.print(contenders_table(title, "emulated", EMULATED_ROWS, figures))
    if "emulated.ray.frames_per_s" not in figures:
        console.print("Ray is not installed, it is left out: pip install 'elasticbench[bench]'", markup=False)
    console.print(
        "each: a source, two workers, a collector, in processes of their own; bare sockets: ROUTER, two REQ, "
        "PUSH, PULL; the limit: every core copies each frame into the kernel and out of it, "
        f"{figures['emulated.limit.copy_ms']:.3f} ms a copy"
    )
    title = f"\nYOLO11n, frames of {detected.width}×{detected.height}, one pinned thread per worker or loop"
    console.print(contenders_table(title, "yolo", YOLO_ROWS, figures))
    console.print(
        f"\nmedians of {figures['rounds']:.0f} rounds in alternated order, {figures['seconds']:g} s a turn; "
        "ratios are those of one round, with their range over the rounds"
    )
    for goal in GOALS:
        console.print(goal.verdict(figures))


def contenders_table(title: str, prefix: str, rows: Mapping[str, str], figures: Mapping[str, float]) -> Table:
    """Return a row per contender that was measured.

    Args:
        title: of the table.
        prefix: of the figures' names.
        rows: what a contender is in words, by its name in the figures.
        figures: as written to the file.
    """
    limit, cells = figures[f"{prefix}.limit.frames_per_s"], []
    for name, words in rows.items():
        rate = figures.get(f"{prefix}.{name}.frames_per_s")
        if rate is not None:
            cpu_ms = figures.get(f"{prefix}.{name}.cpu_ms_per_frame")
            beside = with_range(figures, f"{prefix}.ratio_{name}_to_bare")
            cpu = "" if cpu_ms is None else number(cpu_ms)
            cells.append((words, number(rate), cpu, beside, f"{rate / limit:.0%}"))
    columns = ("frames/s", "CPU ms\nper frame", f"frames/s ÷\n{rows['bare']}", "of the\nlimit")
    return table(title, columns, cells)
