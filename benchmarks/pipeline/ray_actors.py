"""The same frames through Ray actors (extra `bench`): frames go by Ray's shared-memory object store."""

import importlib.util
import logging
import os
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.pipeline.peers import N_WORKERS, RESULT_BYTES, Peer, Pictures
from benchmarks.processes import Gate, Processes

IN_FLIGHT = 2 * N_WORKERS  # one frame in work and one in reserve per worker
STORE_BYTES = 256 << 20


def is_installed() -> bool:
    """Whether Ray can be imported."""
    return importlib.util.find_spec("ray") is not None


def ray_actors(processes: Processes, pictures: Pictures, scratch: Path) -> Peer:
    """A driver that holds the frames, two worker actors, one collector actor.

    Args:
        processes: gets the driver, whose children are all of Ray's processes.
        pictures: the frames.
        scratch: a folder for Ray's files; its path must be short, Ray's sockets lie deep in it.
    """
    gate = Gate()
    processes.start(_drive, gate, pictures, scratch)
    return Peer("ray", processes, [gate])


class _Worker:
    def process(self, image: Any) -> bytes:
        return bytes(RESULT_BYTES)


class _Collector:
    def __init__(self) -> None:
        self._n = 0

    def collect(self, result: bytes) -> int:
        self._n += 1
        return self._n


def _drive(gate: Gate, pictures: Pictures, scratch: Path) -> None:
    scratch.mkdir(parents=True, exist_ok=True)
    os.environ["RAY_TMPDIR"] = str(scratch)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray  # pyright: ignore[reportMissingImports]  # heavy, and optional

    ray.init(
        num_cpus=N_WORKERS + 1,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=STORE_BYTES,
    )
    worker_actor, collector_actor = ray.remote(num_cpus=1)(_Worker), ray.remote(num_cpus=1)(_Collector)
    workers = [worker_actor.remote() for _ in range(N_WORKERS)]
    collector = collector_actor.remote()
    under_way: list[Any] = []
    for image, worker in zip(cycle(pictures.images()), cycle(workers)):
        if len(under_way) == IN_FLIGHT:
            done, under_way = ray.wait(under_way, num_returns=1)
            for _ in done:
                gate.count()
        gate.wait()
        under_way.append(collector.collect.remote(worker.process.remote(image)))
