"""Everything that the producer is told once, from its options and its source, and what follows from it."""

from dataclasses import dataclass
from math import ceil

from pipeline.allowance import memory
from pipeline.messages import Binding, HandOut, LoadingMode, Truth, WorkType, random_identity
from pipeline.options import ProducerOptions, QueuePolicy
from pipeline.settings import Ladders, ladders_for
from pipeline.slos import Slo, parse_slo
from pipeline.sources.base import Source

TICK_NS = 50_000_000  # how often the core is told that time has passed
SILENT_HEARTBEATS = 4  # a worker that has not spoken for so many is taken for dead
HELD_SHARE = 0.8  # of a heartbeat: an unanswered request gets WAIT after this, so that it comes within one
GAP_MARGIN_S = 2.0  # the collector waits this much longer than a frame can take


def queue_bound(queue_bound_s: float, source_fps: float, n_streams: int) -> int:
    """Compute the size of the task queue, in tasks, of queue_bound_s of the source's frames."""
    return ceil(queue_bound_s * source_fps * n_streams)


def gap_deadline_s(lease_ns: int, retries: int) -> float:
    """Compute how long a frame may be missing at the collector: longer than all its leases together."""
    return lease_ns * 1e-9 * (retries + 1) + GAP_MARGIN_S


def memory_budget_bytes(
    memory_budget_mb: float,
    queue_bound_s: float,
    source_fps: float,
    source_size: tuple[int, int],
) -> int:
    """Compute what frames may take of the producer's memory; for 0 MB a full queue of one stream at best."""
    width, height = source_size
    full_queue_bytes = queue_bound_s * source_fps * width * height * 3
    return int(memory_budget_mb * 1e6) or int(full_queue_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerConfig:
    """Everything that stays as it is; units and meanings as in `ProducerOptions`.

    Attributes:
        incarnation: random, of this producer; its episodes count from 1.
        source_size: (width, height) in px.
        budget_bytes: of its memory, what frames may take.
        host_used_bytes, host_bytes: of its host's memory, what was in use when it was ready, and all of it.
        truth: what is known of the source's pictures before an episode, None if nothing is.
    """

    ladders: Ladders
    source_size: tuple[int, int]
    source_fps: float
    is_live: bool
    work_type: WorkType
    loading_mode: LoadingMode
    binding: Binding
    hand_out: HandOut
    weights: dict[str, str]
    queue_policy: QueuePolicy
    queue_bound_s: float
    heartbeat_ns: int
    lease_ns: int
    retries: int
    drain_ns: int
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
    truth: Truth | None = None

    @property
    def silent_ns(self) -> int:
        """Compute the silence after which a worker is taken for dead."""
        return SILENT_HEARTBEATS * self.heartbeat_ns


def config_from(options: ProducerOptions, source: Source, truth: Truth | None) -> ProducerConfig:
    """Configure the core for an opened source. Raises ValueError for a level that the source lacks."""
    ladders = ladders_for(
        source.width,
        source.height,
        source.fps,
        options.grades,
        options.fps_levels or None,
        options.heights_px or None,
    )
    fps, size, grade = (n - 1 for n in ladders.n_levels)
    levels = tuple(options.levels) or (fps, size, grade)
    ladders.settings(levels)
    host = memory()
    budget_bytes = memory_budget_bytes(
        options.memory_budget_mb,
        options.queue_bound_s,
        source.fps,
        (source.width, source.height),
    )
    return ProducerConfig(
        ladders=ladders,
        source_size=(source.width, source.height),
        source_fps=source.fps,
        is_live=source.is_live,
        work_type=options.work_type,
        loading_mode=options.loading_mode,
        binding=options.binding,
        hand_out=options.hand_out,
        weights=options.weights,
        queue_policy=options.queue_policy,
        queue_bound_s=options.queue_bound_s,
        heartbeat_ns=int(options.heartbeat_s * 1e9),
        lease_ns=int(options.lease_s * 1e9),
        retries=options.retries,
        drain_ns=int(options.drain_s * 1e9),
        budget_bytes=budget_bytes,
        host_used_bytes=host.used,
        host_bytes=host.total,
        slos=tuple(parse_slo(text) for text in options.slos),
        seed=options.seed,
        streams=options.streams,
        levels=(levels[0], levels[1], levels[2]),
        supervised=options.supervised,
        wait_workers=options.wait_workers,
        incarnation=random_identity(),
        truth=truth,
    )
