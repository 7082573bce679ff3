"""A pipeline that runs by itself somewhere, to be steered through its control socket."""

import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pipeline.conditions import Conditions
from pipeline.control import ControlClient
from pipeline.messages import Status
from pipeline.options import WorkerOptions
from pipeline.program import ClusterError
from pipeline.restarts import NO_RESTARTS, Restarts

logger = logging.getLogger(__name__)


class RemoteCluster:
    """A pipeline that runs by itself somewhere; closing it only hangs up.

    Args:
        endpoint: its producer's control endpoint.
        n_workers: how many workers must be ready, >= 1.
        keys: folder with the key that is shown there; "" = none.
    """

    workers: Sequence[WorkerOptions] = ()
    slots: Mapping[str, int] = MappingProxyType({})

    def __init__(self, endpoint: str, n_workers: int, keys: str = "") -> None:
        if n_workers < 1:
            raise ValueError(f"n_workers must be >= 1, got {n_workers}")
        self.restarts = Restarts(NO_RESTARTS)
        self._endpoint = endpoint
        self._n_workers = n_workers
        self._keys = keys
        self._control: ControlClient | None = None

    @property
    def control(self) -> ControlClient:
        """Client of the producer's control socket, once started."""
        if self._control is None:
            raise ClusterError("not connected: call start() first")
        return self._control

    def start(self) -> None:
        """Connect."""
        self._control = ControlClient(self._endpoint, keys=self._keys)

    def restore(self) -> None:
        """Leave its workers as they are: they are not ours to start or end."""

    def wait_ready(self, timeout_s: float, on_progress: Callable[[str], None] = logger.info) -> Status:
        """Wait until enough workers are ready and the collector is there. Raises ControlError."""
        return self.control.wait_until(self._missing, timeout_s, on_progress)

    def mend(self) -> None:
        """Leave its programs as they are: whoever started them sees to them."""

    def kill_worker(self, slot: int) -> None:
        """Raise ClusterError: its workers run elsewhere."""
        raise ClusterError(f"worker {slot} of {self._endpoint} is not ours to kill")

    def add_worker(self, options: WorkerOptions) -> int:
        """Raise ClusterError: its workers run elsewhere."""
        raise ClusterError(f"a worker of {self._endpoint} is not ours to start")

    def set_conditions(self, slot: int, conditions: Conditions) -> None:
        """Raise ClusterError: its workers run elsewhere."""
        raise ClusterError(f"worker {slot} of {self._endpoint} is not ours to slow down")

    def close(self) -> None:
        """Hang up; idempotent."""
        if self._control is not None:
            self._control.close()
            self._control = None

    def _missing(self, status: Status) -> str:
        n_ready = sum(worker.ready for worker in status.workers)
        awaited = [] if status.collector else ["collector"]
        if n_ready < self._n_workers:
            awaited.append(f"{self._n_workers - n_ready} of {self._n_workers} workers")
        return ", ".join(awaited)
