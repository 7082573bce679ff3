"""Bare Ultralytics `predict` loops over frames in memory: what the workers are measured against."""

import os
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from benchmarks.pipeline.peers import Peer, Pictures
from benchmarks.processes import Gate, Processes
from pipeline.settings import inference_size_px


def predict_loops(
    processes: Processes, pictures: Pictures, weights: Path, cores: Sequence[int], scratch: Path
) -> tuple[Peer, Peer]:
    """One process and one thread per core, each pinned to it.

    Args:
        processes: gets the loops' processes.
        pictures: what is predicted on, at its own size.
        weights: a YOLO checkpoint.
        cores: of which each gets a loop.
        scratch: an empty folder, for Ultralytics' settings.

    Returns:
        All loops together, and the first of them alone.
    """
    gates = [Gate() for _ in cores]
    for core, gate in zip(cores, gates, strict=True):
        processes.start(_predict, gate, core, str(weights), pictures, scratch)
    return Peer("bare", processes, gates), Peer("alone", processes, gates[:1], n_pids=1)


def _predict(gate: Gate, core: int, weights: str, pictures: Pictures, scratch: Path) -> None:
    _prepare(scratch)
    import torch
    from ultralytics import YOLO
    from ultralytics.engine.results import Results

    os.sched_setaffinity(0, {core})
    images = pictures.images()
    size = inference_size_px(pictures.width, pictures.height)
    model = YOLO(weights, task="detect")
    model.predict(images[0], imgsz=size, verbose=False)
    torch.set_num_threads(1)  # Ultralytics chose its own number in the call above
    for image in cycle(images):
        gate.wait()
        (result,) = model.predict(image, imgsz=size, verbose=False)
        assert isinstance(result, Results) and result.boxes is not None
        result.boxes.cpu().numpy()
        gate.count()


def save_untrained(processes: Processes, path: Path, scratch: Path) -> None:
    """Write a YOLO11n checkpoint with random weights: the load of the trained one, no meaningful boxes."""
    processes.call(_save_untrained, str(path), scratch)


def _save_untrained(path: str, scratch: Path) -> None:
    _prepare(scratch)
    from ultralytics import YOLO

    YOLO("yolo11n.yaml", task="detect").save(path)


def _prepare(scratch: Path) -> None:
    """Before Ultralytics is imported: settings of our own, since processes would race, and no network."""
    folder = scratch / str(os.getpid())
    folder.mkdir(parents=True)
    os.environ["YOLO_CONFIG_DIR"] = str(folder)
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_VERBOSE"] = "false"
