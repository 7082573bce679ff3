"""A whole pipeline as one thing to start, wait for, hurt and close: its programs run on this machine."""

import contextlib
import dataclasses
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pipeline.conditions import AS_STARTED, Conditions, line_of
from pipeline.control import ControlClient, ControlError
from pipeline.messages import Status
from pipeline.options import CollectorOptions, ProducerOptions, WorkerOptions
from pipeline.program import ClusterError, Endpoints, Program, ResultsEndpoint
from pipeline.restarts import NO_RESTARTS, RestartBudget, Restarts, part_of

logger = logging.getLogger(__name__)

PIPELINE = (sys.executable, "-m", "pipeline")
ANY_PORT = "tcp://127.0.0.1:*"  # the system chooses: clusters that start at once cannot race for a port
ENDPOINTS_TIMEOUT_S = 60.0  # the producer speaks once its source has given a frame
END_MARGIN_S = 5.0  # beyond the producer's drain deadline
FAREWELL_S = 1.0  # between the producer's end and closing everybody's input
INPUT_TIMEOUT_S = 10.0  # between closing inputs and killing: a video is finished meanwhile
LAST_WORDS_S = 1.0  # to read what a dead program has said


class LocalCluster:
    """Producer, collector and workers as child processes of this one.

    Args:
        producer, collector, workers: as for the command line; endpoints, names and
            `supervised` are set here, and keys are those of the producer.
        log_dir: gets producer.log, collector.log, worker-0.log, …
        command: what runs the programs.
        budget: how often `mend` starts a worker or the collector again; by default never.

    Attributes:
        workers: options of the workers that were configured, by slot.
        restarts: of workers and collectors that died by themselves, not by `kill_worker`.
    """

    def __init__(
        self,
        producer: ProducerOptions,
        collector: CollectorOptions,
        workers: Sequence[WorkerOptions],
        log_dir: Path | str,
        command: Sequence[str] = PIPELINE,
        budget: RestartBudget = NO_RESTARTS,
    ) -> None:
        self.workers: Sequence[WorkerOptions] = tuple(workers)
        self.restarts = Restarts(budget)
        self._producer_options = producer
        self._keys = producer.keys
        self._collector_options = collector
        self._log_dir = Path(log_dir)
        self._command = tuple(command)
        self._programs: dict[str, Program] = {}  # producer and collector, while they are ours
        self._workers: dict[int, Program] = {}  # by slot; those that died stay until replaced or closed
        self._options: dict[int, WorkerOptions] = {}  # by slot
        self._conditions: dict[int, Conditions] = {}  # by slot, where they are not as at the start
        self._n_started = 0  # workers ever started: each has a name of its own
        self._n_collectors = 0  # ever started: each has files of its own
        self._results = ANY_PORT  # where the last collector took results
        self._mourned: set[str] = set()  # workers whose death has been reported, or was our doing
        self._given_up: set[int] = set()  # slots whose worker died by itself and is not started again
        self._endpoints: Endpoints | None = None
        self._control: ControlClient | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def slots(self) -> Mapping[str, int]:
        """Slot by worker name."""
        return {worker.name: slot for slot, worker in self._workers.items()}

    @property
    def control(self) -> ControlClient:
        """Client of the producer's control socket, while the cluster runs."""
        if self._control is None:
            raise ClusterError("the cluster is not running: call start() first")
        return self._control

    def start(self) -> None:
        """Start every program; does not wait for the workers to be ready.

        Raises ClusterError: a program ended at once, or the producer did not say where it listens.
        """
        try:
            self._start_producer()
            self._start_collector()
            for slot, options in enumerate(self.workers):
                self._start_worker(slot, options)
        except BaseException:
            self.close()
            raise

    def wait_ready(self, timeout_s: float, on_progress: Callable[[str], None] = logger.info) -> Status:
        """Wait until every running worker is ready (models load for 10 to 30 s) and the collector is there.

        Raises:
            ClusterError: a program died meanwhile.
            ControlError: not ready in time.
        """
        return self.control.wait_until(self._missing, timeout_s, on_progress)

    def check(self) -> None:
        """Raise ClusterError if producer or collector is gone; log a worker's death, once."""
        for program in self._programs.values():
            if not program.is_running:
                raise ClusterError(program.obituary())
        for _, worker in self._newly_dead():
            logger.warning("%s", worker.obituary())

    def mend(self) -> None:
        """Start again what died by itself: a worker in its slot, the collector at its endpoint.

        A collector that takes another's place writes to files of its own: NAME.2.mp4 after NAME.mp4.

        Raises:
            ClusterError: the producer is gone; or the collector is, or every worker, and was started again
                as often as is allowed.
        """
        self._check_producer()
        collector = self._programs["collector"]
        if not collector.is_running:
            if not self.restarts.may_return("the collector", collector.obituary()):
                raise ClusterError(f"the collector is not started again: {collector.obituary()}")
            self._start_collector()
        for slot, worker in self._newly_dead():
            if self.restarts.may_return(f"the worker in slot {slot}", worker.obituary()):
                self._start_worker(slot, self._options[slot])
            else:
                self._given_up.add(slot)
        if self._given_up and not any(worker.is_running for worker in self._workers.values()):
            last = self._workers[max(self._given_up)]
            raise ClusterError(f"no worker is left that could be started again: {last.obituary()}")

    def kill_worker(self, slot: int) -> None:
        """SIGKILL the worker in this slot, as a crash would: it cannot say goodbye."""
        worker = self._workers[slot]
        self._mourned.add(worker.name)
        worker.crash()
        logger.info("killed %s", worker.name)

    def add_worker(self, options: WorkerOptions) -> int:
        """Start one more worker, in the slot of a dead one like it, else in the next; returns the slot."""
        slot = next(self._vacant(options), max(self._workers, default=-1) + 1)
        self._start_worker(slot, options)
        return slot

    def set_conditions(self, slot: int, conditions: Conditions) -> None:
        """Tell the worker in this slot, and any that takes its place, how its device and its link are now."""
        self._conditions[slot] = conditions
        self._workers[slot].tell(line_of(conditions))

    def restore(self) -> None:
        """Have the workers again that were configured, as they were: start the lost, end the added ones."""
        changed, self._conditions = self._conditions, {}
        for slot in [slot for slot in self._workers if slot >= len(self.workers)]:
            self._workers.pop(slot).kill()
            self._given_up.discard(slot)
        for slot, options in enumerate(self.workers):
            if not self._workers[slot].is_running:
                self._start_worker(slot, options)
            elif slot in changed:
                self._workers[slot].tell(line_of(AS_STARTED))

    def alive(self) -> dict[str, int]:
        """Process id by name, of the programs that run."""
        return {program.name: program.pid for program in self._all() if program.is_running}

    def close(self) -> None:
        """Stop, wait for the drain to end, then close inputs, then kill; idempotent."""
        programs = self._all()
        try:
            if self._stopped():
                _wait([self._programs["producer"]], self._producer_options.drain_s + END_MARGIN_S)
                _wait(programs, FAREWELL_S)  # who was not told END by now never will be
            for program in programs:
                program.close_input()
            _wait(programs, INPUT_TIMEOUT_S)
        finally:
            for program in programs:
                if program.is_running:
                    logger.warning("%s did not end by itself and is killed", program.name)
                program.kill()
            if self._control is not None:
                self._control.close()
            self._programs, self._workers, self._conditions = {}, {}, {}
            self._control = self._endpoints = None
            self._results = ANY_PORT

    @property
    def endpoints(self) -> Endpoints:
        """Where the producer listens, while the cluster runs."""
        if self._endpoints is None:
            raise ClusterError("the producer is not running: call start() first")
        return self._endpoints

    def _start_producer(self) -> None:
        options = dataclasses.replace(
            self._producer_options, work=ANY_PORT, link=ANY_PORT, control=ANY_PORT, supervised=True
        )
        producer = self._programs["producer"] = self._launch("producer", "producer", options, piped=True)
        self._endpoints = producer.endpoints(Endpoints, ENDPOINTS_TIMEOUT_S)
        endpoint, check = self._endpoints.control, self._check_producer
        self._control = ControlClient(endpoint, check=check, keys=self._keys)

    def _check_producer(self) -> None:
        """Raise ClusterError if it is gone: nobody else can take its place, for the frames were with it."""
        if not self._programs["producer"].is_running:
            raise ClusterError(self._programs["producer"].obituary())

    def _start_collector(self) -> None:
        """Start the first, or one in the place of a dead one: workers then find it by themselves."""
        before = self._programs.get("collector")
        if before is not None:
            with contextlib.suppress(ClusterError):  # it died before it had an endpoint: nobody knows it
                self._results = before.endpoints(ResultsEndpoint, LAST_WORDS_S).results
            before.kill()  # it is dead: this releases its pipes
        self._n_collectors += 1
        n, options = self._n_collectors, self._collector_options
        told = {name: part_of(getattr(options, name), n) for name in ("video", "detections", "frames")}
        where = {"producer": self.endpoints.link, "results": self._results}
        told |= {**where, "keys": self._keys, "supervised": True}
        options, name = dataclasses.replace(options, **told), "collector" if n == 1 else f"collector-{n}"
        self._programs["collector"] = self._launch("collector", name, options, piped=True)

    def _newly_dead(self) -> list[tuple[int, Program]]:
        """Workers, with their slots, whose death was not our doing and was not told before."""
        found = [
            (slot, worker)
            for slot, worker in self._workers.items()
            if not worker.is_running and worker.name not in self._mourned
        ]
        self._mourned |= {worker.name for _, worker in found}
        return found

    def _vacant(self, options: WorkerOptions) -> Iterator[int]:
        """Slots of configured workers with these options that have died."""
        for slot, configured in enumerate(self.workers):
            if configured == options and not self._workers[slot].is_running:
                yield slot

    def _start_worker(self, slot: int, options: WorkerOptions) -> None:
        if slot in self._workers:
            self._workers[slot].kill()  # it is dead: this releases its pipes
        self._options[slot] = options
        self._given_up.discard(slot)
        name = f"worker-{self._n_started}"
        self._n_started += 1
        where = {"producer": self.endpoints.work, "keys": self._keys, "supervised": True}
        told = dataclasses.replace(options, **where, name=name)
        self._workers[slot] = self._launch("worker", name, told, threads=options.threads)
        if slot in self._conditions:
            self._workers[slot].tell(line_of(self._conditions[slot]))

    def _launch(
        self, program: str, name: str, options: Any, threads: int = 1, piped: bool = False
    ) -> Program:
        child = Program(name, (*self._command, program), options, self._log_dir, threads, piped)
        logger.info("started %s, process %d", name, child.pid)
        return child

    def _missing(self, status: Status) -> str:
        for program in self._all():
            if not program.is_running and program.name not in self._mourned:
                raise ClusterError(f"before the cluster was ready, {program.obituary()}")
        ready = {worker.name for worker in status.workers if worker.ready}
        awaited = [] if status.collector else ["collector"]
        awaited += [w.name for w in self._workers.values() if w.is_running and w.name not in ready]
        return ", ".join(awaited)

    def _stopped(self) -> bool:
        """Tell the producer to stop; False if there is none that listens."""
        producer = self._programs.get("producer")
        if self._control is None or producer is None or not producer.is_running:
            return False
        try:
            self._control.stop()
        except (ControlError, ClusterError) as error:
            logger.warning("the pipeline cannot be stopped in order: %s", error)
            return False
        return True

    def _all(self) -> list[Program]:
        return [*self._programs.values(), *self._workers.values()]


def _wait(programs: Sequence[Program], timeout_s: float) -> None:
    """Until all have ended, or timeout_s has passed."""
    deadline_s = time.monotonic() + timeout_s
    for program in programs:
        program.wait(deadline_s - time.monotonic())
