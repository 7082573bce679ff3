"""Everything that the producer is told once (config), and the stream's state that its parts share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil

from pipeline.messages import (
    Change,
    LoadingMode,
    RegistrationConfirmation,
    Settings,
    TaskHeader,
    WorkLoad,
    WorkType,
)
from pipeline.options import QueuePolicy
from pipeline.producer.events import Captured
from pipeline.producer.ledger import Ledger
from pipeline.producer.states import Cause, EpisodeState, after
from pipeline.settings import Ladders, StreamSettings
from pipeline.slos import Slo
from pipeline.sources.base import NOTHING_WRONG, SourceReport

TICK_NS = 50_000_000  # how often the core is told that time has passed
SILENT_HEARTBEATS = 4  # a worker that has not spoken for so many is taken for dead
GAP_MARGIN_S = 2.0  # the collector waits this much longer than a frame can take


def queue_bound(queue_bound_s: float, source_fps: float, n_streams: int) -> int:
    """Compute the size of the task queue, in tasks, of queue_bound_s of the source's frames."""
    return ceil(queue_bound_s * source_fps * n_streams)


def gap_deadline_s(lease_ns: int, retries: int) -> float:
    """Compute how long a frame may be missing at the collector: longer than all its leases together."""
    return lease_ns * 1e-9 * (retries + 1) + GAP_MARGIN_S


def memory_budget_bytes(
    memory_budget_mb: float,
    baseline_bytes: int,
    queue_bound_s: float,
    source_fps: float,
    source_size: tuple[int, int],
) -> int:
    """Compute what the producer may use; for 0 MB its own memory and a full queue of one stream at best."""
    width, height = source_size
    full_queue_bytes = queue_bound_s * source_fps * width * height * 3
    return int(memory_budget_mb * 1e6) or baseline_bytes + int(full_queue_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerConfig:
    """Everything that stays as it is; units and meanings as in `ProducerOptions`.

    Attributes:
        incarnation: random, of this producer; its episodes count from 1.
        source_size: (width, height) in px.
        baseline_bytes: RSS when ready.
        budget_bytes: memory the producer may use.
        host_used_bytes, host_bytes: of its host's memory, what was in use when it was ready, and all of it.
    """

    ladders: Ladders
    source_size: tuple[int, int]
    source_fps: float
    is_live: bool
    work_type: WorkType
    loading_mode: LoadingMode
    weights: dict[str, str]
    queue_policy: QueuePolicy
    queue_bound_s: float
    heartbeat_ns: int
    lease_ns: int
    retries: int
    drain_ns: int
    baseline_bytes: int
    budget_bytes: int
    host_used_bytes: int
    host_bytes: int
    slos: tuple[Slo, ...]
    seed: int
    streams: int
    levels: tuple[int, int, int]
    supervised: bool
    wait_workers: int
    incarnation: int

    @property
    def silent_ns(self) -> int:
        """Compute the silence after which a worker is taken for dead."""
        return SILENT_HEARTBEATS * self.heartbeat_ns

    @property
    def gap_deadline_s(self) -> float:
        """Compute how long a frame may be missing at the collector: longer than all its leases together."""
        return gap_deadline_s(self.lease_ns, self.retries)

    def queue_bound(self, n_streams: int) -> int:
        """Compute the size of the task queue, in tasks."""
        return queue_bound(self.queue_bound_s, self.source_fps, n_streams)


@dataclass(slots=True)
class Stream:
    """The episode: its state, its settings and its frames.

    Attributes:
        episode: 0 before the first.
        epoch: number of the settings in force; ascends with every change.
        error: why the source failed, "" if it has not.
        source: what was wrong with it all the same, as far as it knows.
        next_ids: per stream, the id of the next frame offered; streams that pause go on counting.
    """

    config: ProducerConfig
    levels: tuple[int, int, int]
    n_streams: int
    episode: int = 0
    epoch: int = 0
    state: EpisodeState = EpisodeState.STANDBY
    error: str = ""
    source: SourceReport = NOTHING_WRONG
    next_ids: dict[int, int] = field(default_factory=dict)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = self._new_ledger()

    def begin(self, levels: tuple[int, int, int], n_streams: int) -> None:
        """Start the next episode with an empty account."""
        self.state = after(self.state, Cause.BEGIN)
        self.error, self.source = "", NOTHING_WRONG
        self.episode += 1
        self.epoch += 1
        self.levels, self.n_streams = levels, n_streams
        self.next_ids.clear()
        self.ledger = self._new_ledger()

    def set_levels(self, levels: tuple[int, int, int]) -> StreamSettings:
        """Put other settings in force. Raises ValueError if there is no such level."""
        settings = self.config.ladders.settings(levels)
        self.levels = levels
        self.epoch += 1
        return settings

    def set_streams(self, n_streams: int) -> None:
        """Change the number of concurrent streams, and the queue's bound with it."""
        self.n_streams = n_streams
        self.ledger.bound = self.config.queue_bound(n_streams)

    @property
    def settings(self) -> StreamSettings:
        """Look up what the levels stand for."""
        return self.config.ladders.settings(self.levels)

    def headers(self, event: Captured) -> Iterator[TaskHeader]:
        """Make a task of a picture for each stream, under the next id of each."""
        for stream in range(self.n_streams):
            frame_id = self.next_ids.get(stream, 0)
            self.next_ids[stream] = frame_id + 1
            yield TaskHeader(
                id=frame_id,
                dtype="uint8",
                shape=() if event.image is None else event.image.shape,
                stream=stream,
                incarnation=self.config.incarnation,
                episode=event.episode,
                epoch=event.epoch,
                grade=event.grade,
                source_index=event.source_index,
                captured_ns=event.captured_ns,
            )

    def confirmation(
        self, worker: str, results: str, return_frames: bool, now_ns: int
    ) -> RegistrationConfirmation:
        """Say what a worker must know; `results` and `return_frames` are the collector's wishes."""
        config = self.config
        return RegistrationConfirmation(
            work_type=config.work_type,
            work_load=WorkLoad(self.settings.grade).name,
            loading_mode=config.loading_mode,
            epoch=self.epoch,
            grades=config.ladders.grades,
            weights=config.weights,
            sizes=config.ladders.sizes,
            results=results,
            return_frames=return_frames,
            heartbeat_s=config.heartbeat_ns * 1e-9,
            now_ns=now_ns,
            name=worker,
        )

    def change(self) -> Change:
        """Say which settings are in force."""
        settings = self.settings
        return Change(
            epoch=self.epoch,
            CHANGE_WORK_LOAD=settings.grade,
            CHANGE_FPS=settings.fps,
            CHANGE_SIZE=(settings.width, settings.height),
        )

    def announcement(self, now_ns: int, echo_ns: int = 0) -> Settings:
        """Say what the collector must know."""
        settings = self.settings
        return Settings(
            incarnation=self.config.incarnation,
            episode=self.episode,
            epoch=self.epoch,
            fps=settings.fps,
            size=(settings.width, settings.height),
            source_size=self.config.source_size,
            source_fps=self.config.source_fps,
            streams=self.n_streams,
            gap_deadline_s=self.config.gap_deadline_s,
            floor={**self.next_ids, **self.ledger.floor()},
            now_ns=now_ns,
            echo_ns=echo_ns,
        )

    def _new_ledger(self) -> Ledger:
        return Ledger(
            policy=self.config.queue_policy,
            retries=self.config.retries,
            bound=self.config.queue_bound(self.n_streams),
        )
