"""A run that is hurt all the time: workers die, frames are poison, collectors are replaced.

By hand, for as long as one likes: `python -m tests.experiments.survival 600`.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil
from numpy.typing import NDArray
from rich.console import Console

from experiments.display.views import PlainView
from experiments.execution.execute import Ended, execute
from experiments.interactive import arrange
from experiments.worlds import pipeline
from pipeline.cluster import LocalCluster
from tests.experiments.world import Script

POISONED = Path(__file__).parents[1] / "pipeline" / "poisoned.py"
FPS = 10
DRAIN_S = 15  # beyond the stream's length, for what is still under way when it ends
LEAST_DELIVERED = 0.5  # of what was offered; far below what is delivered, far above what a halted stream is


@dataclass(frozen=True, slots=True)
class Ordeal:
    """What a run must survive.

    Attributes:
        length_s: of the stream.
        kill_every_s: between two workers that are killed.
        poison_every_s: between two frames that no worker can process; the first frame is one.
        replaced_at: shares of the length at which the collector is killed.
        n_workers: that there are.
    """

    length_s: int
    kill_every_s: int = 20
    poison_every_s: int = 30
    replaced_at: tuple[float, ...] = (1 / 3, 2 / 3)
    n_workers: int = 4

    @property
    def kills(self) -> list[int]:
        """Steps at which a worker is killed."""
        return list(range(self.kill_every_s, self.length_s, self.kill_every_s))

    @property
    def replacements(self) -> list[int]:
        """Steps at which the collector is killed."""
        return [round(share * self.length_s) for share in self.replaced_at]

    @property
    def poison_every(self) -> int:
        """Frames of the source."""
        return self.poison_every_s * FPS


class Reaper(Script):
    """Leaves the knobs at the top, and kills this process's programs when it is time."""

    def __init__(self, ordeal: Ordeal, spec: Any) -> None:
        super().__init__(spec, [spec.highest])
        self._ordeal = ordeal

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Kill whoever's time has come; each worker in turn."""
        ordeal, step = self._ordeal, self.n_decisions
        if step in ordeal.kills:
            workers = children("worker")
            workers[ordeal.kills.index(step) % len(workers)].send_signal(signal.SIGKILL)
        if step in ordeal.replacements:
            children("collector")[0].send_signal(signal.SIGKILL)
        return super().act(observation, info)


def children(program: str) -> list[psutil.Process]:
    """The live processes of ours that run this program of the pipeline, the oldest first."""
    found = [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]
    return sorted((p for p in found if program in p.cmdline()), key=lambda p: (p.create_time(), p.pid))


def undergo(ordeal: Ordeal, results: Path, console: Console) -> Ended:
    """The run, from its beginning to the end of its stream and of what was under way then."""
    resolved = arrange(
        *("env=pipeline", "hardware=rpi5", f"hardware.devices.0.count={ordeal.n_workers}", "seed=1"),
        *("video.width=320", "video.height=180", f"video.source_fps={FPS}"),
        *(f"video.length_s={ordeal.length_s}", f"env.steps={ordeal.length_s + DRAIN_S}"),
        *("detector.grades=[n]", "output.video=false", "output.detections=JSONL", "output.mlflow=false"),
        *("output.picture=false", f"results={results}"),
    )
    with (
        mock.patch.dict(os.environ, {"POISON_EVERY": str(ordeal.poison_every)}),
        mock.patch.object(
            pipeline,
            "LocalCluster",
            partial(LocalCluster, command=(sys.executable, str(POISONED))),
        ),
    ):
        return execute(
            resolved.plan,
            Reaper(ordeal, resolved.plan.spec),
            resolved.identity,
            console,
            PlainView(console, "an ordeal", resolved.plan.spec, resolved.plan.config.env.steps),
        )


def check(ordeal: Ordeal, ended: Ended) -> None:
    """Assert that it was survived: DEGRADED, every frame accounted for, nothing recorded was overwritten."""
    summary, frames = ended.summary, ended.summary["frames"]
    assert ended.cause is None, ended.error
    assert summary["status"] == "DEGRADED"
    n_killed = len(ordeal.kills) + len(ordeal.replacements)
    assert (summary["deaths"], summary["restarts"]) == (n_killed, n_killed)
    assert frames["offered"] == ordeal.length_s * FPS
    assert frames["offered"] == sum(n for outcome, n in frames.items() if outcome != "offered")
    assert frames["in_flight"] == 0
    assert frames["delivered"] > LEAST_DELIVERED * frames["offered"]
    written = [*ended.directory.glob("detections*.jsonl")]
    assert len(written) == 1 + len(ordeal.replacements)
    lines = [line for path in written for line in path.read_text().split("\n")[:-1]]  # the last may be half
    rows = [json.loads(line) for line in lines]
    assert len({row["id"] for row in rows}) >= frames["delivered"]
    n_poisoned = len(range(0, frames["offered"], ordeal.poison_every))
    assert frames["lost"] >= n_poisoned
    assert not [row for row in rows if row["source_index"] % ordeal.poison_every == 0]


def main() -> None:
    """Undergo an ordeal of so many seconds, with the real periods."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("length_s", type=int)
    parser.add_argument("--results", type=Path, default=Path("results/survival"))
    options = parser.parse_args()
    ordeal, console = Ordeal(options.length_s), Console()
    ended = undergo(ordeal, options.results, console)
    console.print(ended.summary)
    check(ordeal, ended)
    console.print(f"survived: {ended.directory}", soft_wrap=True)


if __name__ == "__main__":
    main()
