"""What an environment needs of a pipeline."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pipeline.conditions import Conditions
from pipeline.control import ControlClient
from pipeline.messages import Status
from pipeline.options import WorkerOptions
from pipeline.restarts import Restarts


class Cluster(Protocol):
    """A pipeline, wherever it runs: `pipeline.cluster.LocalCluster` or `pipeline.remote.RemoteCluster`.

    Attributes:
        workers: options of the workers that it starts itself, by slot; empty if it starts none.
        restarts: of its workers and collectors that died by themselves, since it was made.
    """

    workers: Sequence[WorkerOptions]
    restarts: Restarts

    @property
    def slots(self) -> Mapping[str, int]:
        """Slot by name of the workers that it has started, dead ones that were not replaced among them."""
        ...

    @property
    def control(self) -> ControlClient:
        """Client of the running producer."""
        ...

    def start(self) -> None:
        """Start what is its own to start."""
        ...

    def restore(self) -> None:
        """Undo losses and joins of workers, and have their devices and links as they were at the start."""
        ...

    def wait_ready(self, timeout_s: float, on_progress: Callable[[str], None] = ...) -> Status:
        """Wait for every worker and the collector. Raises ClusterError or ControlError."""
        ...

    def mend(self) -> None:
        """Start again what died by itself. Raises ClusterError: it cannot work any more."""
        ...

    def kill_worker(self, slot: int) -> None:
        """SIGKILL one worker."""
        ...

    def add_worker(self, options: WorkerOptions) -> int:
        """Start one more worker; returns its slot."""
        ...

    def set_conditions(self, slot: int, conditions: Conditions) -> None:
        """Tell the worker in this slot, and those that will take its place, how device and link are."""
        ...

    def close(self) -> None:
        """End what was started; idempotent."""
        ...
