"""The simulator's pipeline once more, in SimPy.

Written as SimPy is: a process for the source and two for each worker, callbacks for messages under way, and
no tick where an event does. It draws the simulator's own service times, by the same compiled arithmetic, and
counts whole nanoseconds, so that a test can hold it to the simulator frame by frame.

It has what a steady stream uses: pacing, the bounded queue, one request at a time per worker, prefetch
buffers, links, reordering with gaps, batched acknowledgements, the interval's meter. It has no leases,
heartbeats, deaths or changes of settings, and judges nothing: where it is simpler it is the faster for it.
"""

from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from benchmarks.simulator.simpy_queues import Meter, SimpyCollector, SimpyProducer, Task
from envs.hardware import Device
from envs.simulator.compiling import compiled
from envs.simulator.draws import lognormal_factor, normal_quantile, occupied_ns, stream_seed, uniform
from envs.simulator.system import System
from envs.simulator.workers import RESULT_BYTES
from pipeline.clock import FRESH_NS
from pipeline.pacing import NS_PER_S, Pacer

if TYPE_CHECKING:  # an extra: whoever makes the model has it
    from simpy import Environment, Event

Process = Generator["Event", Any, None]


@compiled
def service_ns(seed, index, mean_ms, sigma, capacity):
    """How long this very frame of stream 0 occupies a worker: as the simulator draws it."""
    factor = lognormal_factor(normal_quantile(uniform(stream_seed(seed, 0), index)), sigma)
    return occupied_ns(mean_ms * factor, 1.0, capacity)


class SimpyPipeline:
    """One stream of a system under the system's first levels.

    Args:
        env: a new `simpy.Environment()`.
        system: with one stream and log-normal service times; its scenario and source length are ignored.
        seed: of the service times.
    """

    def __init__(self, env: "Environment", system: System, seed: int) -> None:
        settings = system.ladders.settings(system.first_levels)
        frame_bytes = settings.width * settings.height * 3
        self._env, self._interval_ns, self._step = env, system.interval_ns, 0
        self.producer = SimpyProducer(env, system, frame_bytes)
        collector = SimpyCollector(env, system, self.producer)
        grade = system.ladders.grades[settings.grade]
        for device in system.cluster.workers:
            mean_ms = device.service_times().mean_ms(grade, settings.width, settings.height)
            SimpyWorker(env, system, device, frame_bytes, mean_ms, seed, self.producer, collector)
        env.process(self._source(system, settings.fps))

    def _source(self, system: System, fps: float) -> Process:
        """Frames that the FPS knob lets through, at their times."""
        env, producer, pacer = self._env, self.producer, Pacer(fps, system.source_fps)
        capture_ns = round(system.cluster.host.capture_ms * 1e6)
        index = 0
        while True:
            due_ns = round(index * NS_PER_S / system.source_fps)
            if pacer.take(due_ns):
                if due_ns > env.now:
                    yield env.timeout(due_ns - env.now)
                if capture_ns:
                    yield env.timeout(capture_ns)
                producer.offer(index, due_ns)
            index += 1

    def step(self) -> Meter:
        """One control interval."""
        self._step += 1
        self._env.run(until=self._step * self._interval_ns)
        meter, self.producer.meter = self.producer.meter, Meter()
        return meter


class SimpyWorker:
    """One worker: it asks, it computes, it sends, all at once."""

    def __init__(
        self,
        env: "Environment",
        system: System,
        device: Device,
        frame_bytes: int,
        mean_ms: float,
        seed: int,
        producer: SimpyProducer,
        collector: SimpyCollector,
    ) -> None:
        self._env: Any = env  # its times are whole; SimPy's types say that they may not be
        self._producer, self._collector = producer, collector
        self._seed, self._mean_ms = seed, mean_ms
        self._sigma, self._capacity = device.sigma, device.capacity
        self._delay_ns = round(device.link.delay_ms * 1e6)
        self._ns_per_byte, self._frame_bytes = 8e3 / device.link.mbit_s, frame_bytes
        result_bytes = RESULT_BYTES + (frame_bytes if system.return_frames else 0)
        self._result_ns = int(result_bytes * self._ns_per_byte + 0.5)
        self._is_sending = False
        self._handling_ns = round(device.handling_ms * 1e6)
        self._n_slots, self._batch = system.prefetch + 1, system.batch
        self._in_hand = 0
        self._buffer: deque[Task] = deque()
        self._uplink: deque[Task] = deque()
        # what a process waits for while it has nothing to do
        self._slot_free: Event | None = None
        self._task_came: Event | None = None
        env.process(self._ask())
        env.process(self._compute())

    def _ask(self) -> Process:
        """One request at a time, for as many tasks as there is room for."""
        env, producer, delay_ns = self._env, self._producer, self._delay_ns
        clock_ns = 0  # when the producer's clock was measured
        yield env.timeout(delay_ns)  # an episode begins with word of its settings
        while True:
            if self._in_hand == self._n_slots:
                self._slot_free = slot_free = env.event()
                yield slot_free
            is_fresh = env.now - clock_ns < FRESH_NS  # else it asks for the time, not for tasks
            n = min(self._batch, self._n_slots - self._in_hand) if is_fresh else 0
            yield env.timeout(delay_ns)
            tasks: list[Task] = []
            if n > 0:
                tasks = producer.tasks_for(n) or (yield producer.hold(n))
            transfer_ns = int(len(tasks) * self._frame_bytes * self._ns_per_byte + 0.5)
            yield env.timeout(delay_ns + transfer_ns)
            if n == 0:
                clock_ns = env.now
            else:
                self._accept(tasks)

    def _accept(self, tasks: list[Task]) -> None:
        self._in_hand += len(tasks)
        self._buffer.extend(tasks)
        if self._task_came is not None:
            self._task_came.succeed()
            self._task_came = None

    def _compute(self) -> Process:
        """Inference, one task after the other."""
        env, buffer, free_ns = self._env, self._buffer, 0
        while True:
            if not buffer:
                self._task_came = task_came = env.event()
                yield task_came
            task = buffer.popleft()
            own_ns = service_ns(self._seed, task.index, self._mean_ms, self._sigma, self._capacity)
            yield env.timeout(max(free_ns - env.now, 0) + own_ns)
            free_ns = env.now + self._handling_ns
            self._uplink.append(task)
            if not self._is_sending:
                self._send()

    def _send(self) -> None:
        """The first result that waits begins to leave."""
        self._is_sending = True
        if self._result_ns:
            self._env.timeout(self._result_ns).callbacks.append(self._left)
        else:
            self._left()

    def _left(self, _: "Event | None" = None) -> None:
        """The link has carried a result: its slot is free, the next one follows."""
        task = self._uplink.popleft()
        self._env.timeout(self._delay_ns, task).callbacks.append(self._collector.result_came)
        self._in_hand -= 1
        if self._slot_free is not None:
            self._slot_free.succeed()
            self._slot_free = None
        self._is_sending = False
        if self._uplink:
            self._send()
