"""The real cores of producer, workers and collector in virtual time: what the simulator must equal.

Network and inference are those that the simulator assumes; whatever decides anything is the real code.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import numpy as np
from msgspec import structs

from envs.hardware import Device
from envs.scenario import heat_after, throttled
from envs.simulator.records import N_AGES
from envs.simulator.system import System
from envs.simulator.timers import (
    CAPTURE,
    COLLECTOR_TICK,
    DOWN_CAME,
    LEFT,
    OFFER,
    PRODUCER_TICK,
    REPLIED,
    REQUEST,
    RESULT,
    SERVED,
    UP_CAME,
    WAKE,
)
from envs.simulator.workers import RESULT_BYTES
from pipeline.collector import events as collecting
from pipeline.collector.core import TICK_NS as COLLECTOR_TICK_NS
from pipeline.collector.core import Collector
from pipeline.messages import (
    Ack,
    GetTelemetry,
    Outcome,
    Result,
    ResultPart,
    SetKnobs,
    Start,
    Sync,
    TaskHeader,
    Telemetry,
    Weights,
    Work,
    WorkReply,
    WorkType,
)
from pipeline.pacing import Pacer
from pipeline.producer import config as configuring
from pipeline.producer import events as producing
from pipeline.producer.core import Producer
from pipeline.service_times import (
    occupied_ns,
)
from pipeline.settings import StreamSettings
from pipeline.slos import Slo
from pipeline.worker import events as working
from pipeline.worker.core import WorkerCore
from pipeline.worker.events import WorkerConfig
from pipeline.worker.jobs import Prepare
from pipeline.worker.progress import Activity

COLLECTOR = b"collector"
CONTROL = (b"control",)


@dataclass
class _Job:
    """One order to inference: a task, or models to load."""

    received_ns: int
    task: TaskHeader | None = None
    prepare: Prepare | None = None
    started_ns: int = 0
    done_ns: int = 0


class ReferenceWorker:
    """The real core, with inference and links as the simulator has them."""

    def __init__(self, world: Reference, number: int, device: Device, slot: int) -> None:
        self.name = f"worker-{number}"
        self.number, self.device, self.slot = number, device, slot
        self.alive = True
        self.generation = 0
        self._world = world
        self._core = WorkerCore(
            WorkerConfig(
                self.name,
                self.name,
                world.system.prefetch + 1,
                world.system.batch,
                medium=device.link.shared,
            )
        )
        self._arrived: tuple[TaskHeader, ...] = ()
        self._buffer: deque[_Job] = deque()
        self._serving: _Job | None = None
        self._free_ns = 0
        self._uplink: deque[_Job] = deque()
        self._is_sending = False
        self._loaded: set[int] = set()
        self._bound = 0, 0  # epoch and grade that the core was told of last
        self._n_asked = 0
        self.is_instant = False  # while the world is set up

    @property
    def peer(self) -> bytes:
        """Routing id of its present socket."""
        return f"{self.name}/{self.generation}".encode()

    @property
    def _delay_ns(self) -> int:
        return 0 if self.is_instant else round(self.device.link.delay_ms * 1e6)

    def tell(self, event: working.Event) -> None:
        """Let the core react, and do what it says."""
        if not self.alive:
            return
        job = self._serving
        at_a_task = job is not None and job.task is not None
        activity = Activity(job.started_ns) if job is not None and at_a_task else Activity()
        for command in self._core.handle(event, self._world.now_ns, activity):
            match command:
                case working.Request(message):
                    self._n_asked += 1
                    envelope = (self.peer, b"%d" % self._n_asked)
                    asked = producing.WorkRequested(envelope, message)
                    arrive = partial(self._world.produce, asked)
                    self._world.at(self._world.now_ns + self._delay_ns, REQUEST, self.number, arrive)
                case working.Reopen():
                    self.generation += 1
                case working.Bind(epoch, grade):
                    self._bound = epoch, grade
                case working.Load(prepare):
                    self._order(_Job(self._world.now_ns, prepare=prepare))
                case working.Accept():
                    for task in self._arrived:
                        self._order(_Job(self._world.now_ns, task=task))
                case working.Fail(reason):
                    raise AssertionError(reason)
        deadline_ns = self._core.deadline_ns
        if deadline_ns is not None:
            self._world.at(max(deadline_ns, self._world.now_ns), WAKE, self.number, self._wake)
        if not isinstance(event, working.TasksLeft):
            self._work()

    def compare_clocks(self) -> None:
        """Make up for the round trip that registering in an instant had no time for."""
        self._core._clock.reset()
        self._core._clock.sample(-2 * self._delay_ns, 0, -self._delay_ns)

    def _wake(self) -> None:
        """Stale ones are harmless only if the real core's shell would not have looked either."""
        deadline_ns = self._core.deadline_ns
        if deadline_ns is not None and deadline_ns <= self._world.now_ns:
            self.tell(working.Tick())

    def reply(self, envelope: tuple[bytes, ...], message: WorkReply, tasks: tuple[TaskHeader, ...]) -> None:
        """The producer answers a socket of ours; frames take their time on the link."""
        size_bytes = sum(int(np.prod(task.shape)) for task in tasks)
        left_ns = self._world.left_ns(self.device, size_bytes, "down")

        def arrive() -> None:
            if envelope == (self.peer, b"%d" % self._n_asked):  # REQ lets nothing else through
                self._arrived = tasks
                self.tell(working.Replied(message, tasks))

        self._world.at(left_ns + self._delay_ns, REPLIED, self.number, arrive)

    def _order(self, job: _Job) -> None:
        self._buffer.append(job)

    def _work(self) -> None:
        if self._serving is not None or not self._buffer or not self.alive:
            return
        job = self._serving = self._buffer.popleft()
        job.started_ns = max(job.received_ns, self._free_ns)
        epoch, grade = self._bound
        if job.task is not None and epoch > job.task.epoch and grade in self._loaded:
            job.task = structs.replace(job.task, epoch=epoch, grade=grade)
        takes_ns = self._loading_ns(job.prepare) if job.prepare else self._service_ns(job)
        job.done_ns = job.started_ns + takes_ns
        self._world.at(job.done_ns, SERVED, self.number, self._served)

    def _loading_ns(self, prepare: Prepare) -> int:
        if self.is_instant:
            return 0
        load_ms = self.device.load_ms * len(set(prepare.plan.load) - self._loaded)
        shape_ms = self.device.new_shape_ms * len(prepare.plan.load) * len(prepare.plan.sizes)
        return round((load_ms + shape_ms) * 1e6)

    def _service_ns(self, job: _Job) -> int:
        assert job.task is not None
        height, width, _ = job.task.shape
        grade = self._world.system.ladders.grades[job.task.grade]
        times, task = self._world.times[id(self.device)], job.task
        ms = times.draw_ms(grade, width, height, self._world.seed, task.stream, task.source_index)
        return occupied_ns(ms, self._world.slowdown(self.slot), self.device.capacity)

    def _served(self) -> None:
        if not self.alive:
            return
        job, self._serving = self._serving, None
        assert job is not None
        self._free_ns = self._world.now_ns
        if job.prepare is not None:
            self._loaded |= set(job.prepare.plan.load)
            self._work()
            self.tell(working.Prepared(job.prepare.number, Weights.EMULATED))
            return
        self._free_ns += round(self.device.handling_ms * 1e6)
        self._uplink.append(job)
        self._work()  # it has begun with the next one before anybody hears of this one
        if not self._is_sending:
            self._send()

    def _send(self) -> None:
        """Results leave one after the other; a slot is free once its result has left."""
        while self._uplink:
            task = self._uplink[0].task
            assert task is not None
            size_bytes = RESULT_BYTES
            if self._world.system.return_frames:
                size_bytes += int(np.prod(task.shape))
            left_ns = self._world.left_ns(self.device, size_bytes, "up")
            if left_ns > self._world.now_ns:
                self._is_sending = True
                self._world.at(left_ns, LEFT, self.number, self._left)
                return
            self._send_one()

    def _left(self) -> None:
        if self.alive:
            self._is_sending = False
            self._send_one()
            self._send()

    def _send_one(self) -> None:
        job = self._uplink.popleft()
        part = ResultPart(self._result(job), np.zeros((0, 6), np.float32), None)
        arrive = partial(self._world.collect, collecting.ResultsCame([part]))
        self._world.at(self._world.now_ns + self._delay_ns, RESULT, self.number, arrive)
        self.tell(working.TasksLeft(1))

    def _result(self, job: _Job) -> Result:
        task = job.task
        assert task is not None
        height, width, _ = task.shape
        zero_ns = task.captured_ns
        return Result(
            id=task.id,
            dtype="uint8",
            shape=(0,),
            stream=task.stream,
            incarnation=task.incarnation,
            episode=task.episode,
            epoch=task.epoch,
            grade=task.grade,
            source_index=task.source_index,
            size=(width, height),
            captured_ns=task.captured_ns,
            stamps_ns=(
                task.sent_ns - zero_ns,
                job.received_ns - zero_ns,
                job.started_ns - zero_ns,
                job.done_ns - zero_ns,
            ),
            service_ns=job.done_ns - job.started_ns,
            worker=self.name,
        )


@dataclass
class Delivered:
    """What the producer learns of one delivered frame, in the order in which it does."""

    key: tuple[int, int]
    latency_ns: int
    hops_ns: tuple[int, ...]


@dataclass
class Reference:
    """One episode of a system."""

    system: System
    slos: tuple[Slo, ...]
    seed: int
    now_ns: int = 0
    delivered: list[Delivered] = field(default_factory=list)  # in this interval

    def __post_init__(self) -> None:
        self.workers: list[ReferenceWorker] = []
        self.cluster = self.system.cluster
        self.times = {id(device): device.service_times() for device in self.cluster.devices}
        self._agenda: list[tuple[int, int, int, int, Callable[[], None]]] = []
        self._order = count()
        self._told: dict[int, float] = {}
        self._heat: dict[int, float] = {}
        self._link_mbit_s: float | None = None
        self._free_ns: dict[tuple[str, str], int] = {}  # of shared media
        self._source_index, self._taken_ns = 0, 0
        self._begun: producing.BeginCapture | None = None
        self._settings: tuple[int, StreamSettings] | None = None
        self._judged: set[tuple[int, int]] = set()
        self._emitted: list[tuple[int, Result]] = []
        self._producer = Producer(self._config(), 0)
        self._collector = Collector("results", self.system.return_frames, identity=1)
        self._step = 0
        self._source_is_over = False
        self._timeline = self.system.scenario.timeline(
            self.system.steps, self.system.control_interval_s, self.seed
        )
        self._message_ns = round(self.cluster.host.message_ms * 1e6)
        self._set_up()
        self._every(configuring.TICK_NS, PRODUCER_TICK, lambda: self.produce(producing.Tick()))
        self._every(COLLECTOR_TICK_NS, COLLECTOR_TICK, lambda: self.collect(collecting.Tick()))

    def _config(self) -> configuring.ProducerConfig:
        s, host = self.system, self.cluster.host
        width, height = s.source_size
        full_bytes = int(s.queue_bound_s * s.source_fps * width * height * 3)
        return configuring.ProducerConfig(
            ladders=s.ladders,
            source_size=s.source_size,
            source_fps=s.source_fps,
            is_live=False,
            work_type=WorkType.EMULATED,
            loading_mode=s.loading_mode,
            binding=s.binding,
            hand_out=s.hand_out,
            weights={},
            queue_policy=s.queue_policy,
            queue_bound_s=s.queue_bound_s,
            heartbeat_ns=int(s.heartbeat_s * 1e9),
            lease_ns=int(s.lease_s * 1e9),
            retries=s.retries,
            drain_ns=10_000_000_000,
            budget_bytes=int(s.memory_budget_mb * 1e6) or full_bytes,
            host_used_bytes=int(host.used_mb * 1e6),
            host_bytes=int(host.memory_mb * 1e6),
            slos=self.slos,
            seed=self.seed,
            streams=s.scenario.streams,
            levels=s.first_levels,
            supervised=True,
            wait_workers=0,
            incarnation=1,
        )

    # --- time ---

    def at(self, time_ns: int, rank: int, worker: int, action: Callable[[], None]) -> None:
        """Put an action on the agenda, whose order at one instant is that of `envs.simulator.timers`."""
        heapq.heappush(self._agenda, (time_ns, rank, worker, next(self._order), action))

    def _every(self, period_ns: int, rank: int, action: Callable[[], None]) -> None:
        def again() -> None:
            self.at(self.now_ns + period_ns, rank, 0, again)
            action()

        self.at(self.now_ns + period_ns, rank, 0, again)

    def _run_until(self, until_ns: int) -> None:
        while self._agenda and self._agenda[0][0] < until_ns:
            self.now_ns, _, _, _, action = heapq.heappop(self._agenda)
            action()
        self.now_ns = until_ns

    # --- the beginning: everybody is ready and has asked for work ---

    def _set_up(self) -> None:
        sync = Sync(sent_ns=0, collector=1, results="results", return_frames=self.system.return_frames)
        for command in self._producer.handle(producing.CollectorSpoke(COLLECTOR, sync), 0):
            assert isinstance(command, producing.Tell)
            self._collector.handle(collecting.ProducerSpoke(command.message), 0)
        for number, device in enumerate(self.cluster.workers):
            worker = ReferenceWorker(self, number, device, number)
            self.workers.append(worker)
            self._register(worker)
        start = Start(seed=self.seed, levels=self.system.first_levels, streams=self.system.scenario.streams)
        self.produce(producing.ControlRequested(CONTROL, start))

    def _register(self, worker: ReferenceWorker) -> None:
        """The whole registration within an instant, before the clock runs."""
        worker.is_instant = True
        worker.tell(working.Tick())
        while self._agenda and self._agenda[0][0] == 0:
            _, _, _, _, action = heapq.heappop(self._agenda)
            action()
        worker.is_instant = False
        worker.compare_clocks()

    # --- the network ---

    def left_ns(self, device: Device, size_bytes: int, way: str) -> int:
        """When a message that is put on a link now has left; on a shared one after those of others."""
        takes_ns = int(size_bytes * 8e3 / (self._link_mbit_s or device.link.mbit_s) + 0.5)
        if not (takes_ns and device.link.shared):
            return self.now_ns + takes_ns
        medium = device.link.shared, way
        self._free_ns[medium] = max(self.now_ns, self._free_ns.get(medium, 0)) + takes_ns
        return self._free_ns[medium]

    def produce(self, event: producing.Event) -> None:
        """The producer hears of something; what could not be sent it hears after all the rest has left."""
        unroutable: list[producing.Unroutable] = []
        for command in self._producer.handle(event, self.now_ns):
            match command:
                case producing.Reply():
                    unroutable += self._reply(command)
                case producing.Tell(_, message):
                    arrive = partial(self.collect, collecting.ProducerSpoke(message))
                    self.at(self.now_ns + self._message_ns, DOWN_CAME, 0, arrive)
                case producing.BeginCapture():
                    self._begun = command
                    self._settings = command.epoch, command.settings
                    self._pacer = Pacer(command.settings.fps, self.system.source_fps)
                    self._choose_next()
                case producing.ChangeCapture(epoch, settings):
                    self._settings = epoch, settings
        for gone in unroutable:
            self.produce(gone)

    def _reply(self, reply: producing.Reply) -> list[producing.Unroutable]:
        peer, headers = reply.envelope[0], tuple(header for header, _ in reply.tasks)
        name, _, _ = peer.decode().partition("/")
        worker = next(worker for worker in self.workers if worker.name == name)
        if not worker.alive or worker.peer != peer:
            return [producing.Unroutable(peer, headers)]
        assert isinstance(reply.message, Work) or not headers
        worker.reply(reply.envelope, reply.message, headers)
        return []

    def collect(self, event: collecting.Event) -> None:
        """The collector hears of something."""
        for command in self._collector.handle(event, self.now_ns):
            if isinstance(command, collecting.Emit):
                self._emitted.append((command.emitted_ns, command.part.header))
            if isinstance(command, collecting.Tell):
                arrive = partial(self._heard, command.message)
                self.at(self.now_ns + self._message_ns, UP_CAME, 0, arrive)

    def _heard(self, message) -> None:
        if isinstance(message, Ack):
            for verdict in message.verdicts:
                key = verdict.stream, verdict.id
                if verdict.outcome is Outcome.DELIVERED and key not in self._judged:
                    self.delivered.append(Delivered(key, verdict.latency_ns, tuple(verdict.hops_ns)))
                self._judged.add(key)
        self.produce(producing.CollectorSpoke(COLLECTOR, message))

    # --- the source ---

    def _pts_ns(self, index: int) -> int:
        return round(index * 1_000_000_000 / self.system.source_fps)

    def _choose_next(self) -> None:
        assert self._settings is not None
        length_s, fps = self.system.source_length_s, self.system.source_fps
        n_frames = max(1, round(length_s * fps)) if length_s else None
        self._pacer.set_fps(self._settings[1].fps)
        while True:
            if n_frames is not None and self._source_index >= n_frames:
                self._source_is_over = True
                return
            pts_ns = self._pts_ns(self._source_index)
            if self._pacer.take(pts_ns):
                self.at(max(pts_ns, self.now_ns), CAPTURE, 0, partial(self._capture, pts_ns))
                return
            self._source_index += 1

    def _capture(self, pts_ns: int) -> None:
        assert self._settings is not None and self._begun is not None
        epoch, settings = self._settings
        index = self._source_index
        self._source_index += 1
        image = np.empty((settings.height, settings.width, 3), np.uint8)
        capture_ns = round(self.cluster.host.capture_ms * 1e6)

        def offer() -> None:
            assert self._begun is not None
            captured = producing.Captured(
                self._begun.episode,
                epoch,
                settings.grade,
                index,
                pts_ns,
                pts_ns,
                image,
                busy_ns=capture_ns,
            )
            self.produce(captured)
            self._choose_next()

        if capture_ns:
            self.at(self.now_ns + capture_ns, OFFER, 0, offer)
        else:
            offer()

    # --- the scenario ---

    def slowdown(self, slot: int) -> float:
        """Of the worker in a slot, as it is now."""
        told, thermal = self._told.get(slot, 1.0), self.system.scenario.thermal
        if thermal is None:
            return told
        return told * throttled(self._heat.get(slot, 0.0), thermal.throttles_from, thermal.slowdown)

    def set_streams(self, streams: int) -> None:
        """Scenario."""
        self.produce(producing.ControlRequested(CONTROL, SetKnobs(streams=streams)))

    def _in_slot(self, slot: int) -> ReferenceWorker | None:
        return next((worker for worker in self.workers if worker.alive and worker.slot == slot), None)

    def lose_worker(self, worker: int) -> None:
        """Scenario."""
        victim = self._in_slot(worker)
        if victim is not None:
            victim.alive = False

    def join_worker(self, worker: int) -> None:
        """Scenario."""
        devices = self.cluster.workers
        slots = (slot for slot in range(len(devices)) if devices[slot] is devices[worker])
        vacant = [slot for slot in slots if self._in_slot(slot) is None]
        slot = vacant[0] if vacant else max(w.slot for w in self.workers) + 1
        newcomer = ReferenceWorker(self, len(self.workers), devices[worker], slot)
        self.workers.append(newcomer)
        start_ns = self.now_ns + round(devices[worker].start_ms * 1e6)
        self.at(start_ns, WAKE, newcomer.number, lambda: newcomer.tell(working.Tick()))

    def slow_worker(self, worker: int, slowdown: float) -> None:
        """Scenario."""
        self._told[worker] = slowdown

    def set_links(self, mbit_s: float) -> None:
        """Scenario."""
        self._link_mbit_s = mbit_s

    def set_threshold(self, metric: str, threshold: float) -> None:
        """Scenario: not for the pipeline's parts."""

    # --- what can be asked ---

    def step(self, levels: tuple[int, int, int]) -> Telemetry:
        """One control interval, as `PipelineEnv` makes it."""
        began_ns = self._step * self.system.interval_ns
        self.delivered.clear()
        for event in self._timeline.get(self._step, ()):
            event.apply(self)
        self._run_until(began_ns + round(self.system.decision_ms * 1e6))
        self.produce(producing.ControlRequested(CONTROL, SetKnobs(levels=levels)))
        self._run_until(began_ns + self.system.interval_ns)
        self._step += 1
        telemetry = self._telemetry()
        self._heat_up(telemetry)
        return telemetry

    def streaming_f1(self, n_streams: int) -> float:
        """Mean F1 of the interval that has just ended, source frame by source frame, of what was shown."""
        s, began_ns, found = self.system, self.now_ns - self.system.interval_ns, []
        assert s.accuracy is not None
        length = max(1, round(s.source_length_s * s.source_fps)) if s.source_length_s else math.inf
        for index in range(math.ceil(self.now_ns * 1e-9 * s.source_fps) + 1):
            due_ns = self._pts_ns(index)
            if not began_ns <= due_ns < self.now_ns or index >= length:
                continue
            for stream in range(n_streams):
                shown = [h for at_ns, h in self._emitted if h.stream == stream and at_ns <= due_ns]
                if not shown:
                    found.append(0.0)
                    continue
                grade, age = s.ladders.grades[shown[-1].grade], index - shown[-1].source_index
                age_s = min(age, N_AGES - 1) / s.source_fps
                found.append(s.accuracy.f1(grade, shown[-1].size[1], age_s))
        return float(np.mean(found)) if found else math.nan

    def _heat_up(self, telemetry: Telemetry) -> None:
        thermal = self.system.scenario.thermal
        if thermal is None:
            return
        duration_s = telemetry.interval.duration_s
        busy_s = {worker.name: worker.busy_s for worker in telemetry.interval.workers}
        for slot in range(16):
            worker = self._in_slot(slot)
            share = busy_s.get(worker.name, 0.0) / duration_s if worker else 0.0
            heat = heat_after(self._heat.get(slot, 0.0), share, duration_s, thermal.tau_s)
            self._heat[slot] = heat

    def _telemetry(self) -> Telemetry:
        asked = producing.ControlRequested(CONTROL, GetTelemetry(close=True))
        for command in self._producer.handle(asked, self.now_ns):
            if isinstance(command, producing.Answer) and isinstance(command.message, Telemetry):
                return command.message
        raise AssertionError("no telemetry")
