"""A pipeline without processes, on a clock that moves only when someone waits or works."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from envs.spec import ElasticitySpec
from envs.video import video_spec
from pipeline.conditions import Conditions
from pipeline.control import ControlClient
from pipeline.interval import Interval, WorkerInterval
from pipeline.messages import Done, State, Status, Telemetry, Totals, Weights, WorkerStatus
from pipeline.options import WorkerOptions
from pipeline.producer.meter import HOPS
from pipeline.program import ClusterError
from pipeline.restarts import RestartBudget, Restarts
from pipeline.settings import Ladders
from pipeline.slos import video_slo
from pipeline.sources.base import NOTHING_WRONG, SourceReport

S = 1_000_000_000
MS = 1_000_000

LADDERS = Ladders(fps=(10.0, 20.0, 30.0), sizes=((320, 180), (640, 360)), grades=("n", "s"))
SLOS = (video_slo("queue_size", 2.0), video_slo("latency_p95_ms", 1000.0), video_slo("load", 1.0))


def spec() -> ElasticitySpec:
    """Three knobs of 3, 2 and 2 levels; three SLOs."""
    return video_spec(LADDERS, SLOS)


def interval(**changes: Any) -> Interval:
    """One second of a healthy stream: 30 frames of 640x360, half of them by each grade, two busy workers."""
    facts: dict[str, Any] = {
        "duration_s": 1.0,
        "source_fps": 30.0,
        "fps": 30.0,
        "n_streams": 1,
        "offered": 30,
        "delivered": 30,
        "dropped": {},
        "lost": 0,
        "late": 0,
        "queue_size": 6,
        "held_bytes": 1_000_000,
        "budget_bytes": 200_000_000,
        "host_used_bytes": 4_000_000_000,
        "host_bytes": 8_000_000_000,
        "latencies_ms": (40.0, 80.0, 90.0),
        "oldest_undelivered_ms": 12.0,
        "delivered_height_px": 360.0,
        "delivered_by_grade": (15, 15),
        "workers": tuple(
            WorkerInterval(name=name, processed=15, service_s=0.6, busy_s=0.6, in_hand=1)
            for name in ("worker-0", "worker-1")
        ),
        "recent_service_s": 0.04,
        "hops_ms": dict.fromkeys(HOPS, 5.0),
    }
    return Interval(**(facts | changes))


@dataclass
class FakeClock:
    """Monotonic ns that pass only by `sleep_until` and `work`."""

    now_ns: int = 5 * S

    def __call__(self) -> int:
        return self.now_ns

    def sleep_until(self, when_ns: int) -> None:
        """As long as asked, no longer."""
        self.now_ns = max(self.now_ns, when_ns)

    def work(self, ms: float) -> None:
        """Someone was busy."""
        self.now_ns += int(ms * MS)


@dataclass
class FakeControl:
    """Answers like a producer; writes down what it was told, and when."""

    clock: FakeClock
    told: list[tuple[int, Any]] = field(default_factory=list)  # (ms since the clock's start, what)
    levels: tuple[int, ...] = (0, 0, 0)
    streams: int = 1
    state: State = State.STANDBY
    error: str = ""
    source: SourceReport = NOTHING_WRONG
    report_age_s: float = 0.1
    fails: Exception | None = None  # raised instead of any answer
    closed_ns: int = 0
    ladders: Ladders = LADDERS
    facts: dict[str, Any] = field(default_factory=dict)

    def _hear(self, what: Any) -> None:
        if self.fails is not None:
            raise self.fails
        self.told.append(((self.clock.now_ns - 5 * S) // MS, what))

    def status(self) -> Status:
        self._hear("status")
        levels = (self.levels[0], self.levels[1], self.levels[2])
        worker = WorkerStatus(name="worker-0", ready=True, weights=Weights.EMULATED, in_hand=0)
        return Status(
            state=self.state,
            episode=1,
            epoch=1,
            levels=levels,
            streams=self.streams,
            source_size=(640, 360),
            source_fps=30.0,
            is_live=False,
            fps_levels=self.ladders.fps,
            sizes=self.ladders.sizes,
            grades=self.ladders.grades,
            workers=(worker,),
            collector=True,
        )

    def start(self, seed: int, levels: Sequence[int], streams: int = 1) -> Done:
        self._hear(("start", seed, tuple(levels), streams))
        self.levels, self.streams, self.state = tuple(levels), streams, State.RUNNING
        self.closed_ns = self.clock.now_ns
        return Done(1, 1)

    def set_levels(self, levels: Sequence[int]) -> Done:
        self._hear(("levels", tuple(levels)))
        self.levels = tuple(levels)
        return Done(1, 1)

    def set_streams(self, streams: int) -> Done:
        self._hear(("streams", streams))
        self.streams = streams
        return Done(1, 1)

    def telemetry(self, close: bool) -> Telemetry:
        self._hear("telemetry")
        assert close
        duration_s = (self.clock.now_ns - self.closed_ns) / S
        self.closed_ns = self.clock.now_ns
        return Telemetry(
            state=self.state,
            episode=1,
            epoch=1,
            levels=(self.levels[0], self.levels[1], self.levels[2]),
            ended_ns=self.clock.now_ns,
            interval=interval(duration_s=duration_s, n_streams=self.streams, **self.facts),
            metrics={},
            slos={},
            totals=Totals(
                offered=60,
                delivered=50,
                dropped={"drop_oldest": 4},
                lost=1,
                lost_by={"no_answer": 1},
                late=2,
                in_flight=3,
                requeued=5,
            ),
            report_age_s=self.report_age_s,
            rejected=0,
            duplicates=0,
            error=self.error,
            source=self.source,
        )


class FakeCluster:
    """Counts what was started and closed; `dead` makes `mend` fail, `dying` are found and come back."""

    def __init__(self, control: FakeControl, n_workers: int = 2) -> None:
        self.workers: Sequence[WorkerOptions] = [WorkerOptions(seed=i) for i in range(n_workers)]
        self.fake = control
        self.calls: list[Any] = []
        self.dead = ""
        self.dying: list[str] = []
        self.restarts = Restarts(RestartBudget(99, 60.0))
        self.slots: Mapping[str, int] = {f"worker-{slot}": slot for slot in range(n_workers)}

    @property
    def control(self) -> ControlClient:
        return cast(ControlClient, self.fake)

    def start(self) -> None:
        self.calls.append("start")

    def restore(self) -> None:
        self.calls.append("restore")

    def wait_ready(self, timeout_s: float, on_progress: Callable[[str], None] = print) -> Status:
        return self.fake.status()

    def mend(self) -> None:
        while self.dying:
            self.restarts.may_return(self.dying.pop(), "it ended with exit code -9")
        if self.dead:
            raise ClusterError(self.dead)

    def kill_worker(self, slot: int) -> None:
        self.calls.append(("kill", slot))

    def add_worker(self, options: WorkerOptions) -> int:
        self.calls.append(("add", options.seed))
        self.slots = {**self.slots, f"worker-{len(self.slots)}": len(self.slots)}
        return len(self.slots) - 1

    def set_conditions(self, slot: int, conditions: Conditions) -> None:
        self.calls.append((slot, conditions))

    def close(self) -> None:
        self.calls.append("close")
