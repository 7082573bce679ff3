"""The stream's state that the producer's parts share, and what their peers are told of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec import structs

from pipeline.catalogue import AGREEMENT, OF_CONFIDENCE
from pipeline.messages import (
    NOTHING_WRONG,
    Binding,
    Change,
    RegistrationConfirmation,
    Settings,
    SourceReport,
    TaskHeader,
    Truth,
    WorkLoad,
)
from pipeline.producer.adaptation import Adaptation
from pipeline.producer.config import ProducerConfig, gap_deadline_s, queue_bound
from pipeline.producer.events import Captured
from pipeline.producer.ledger import Frame, Ledger
from pipeline.producer.states import Cause, EpisodeState, after
from pipeline.settings import StreamSettings


@dataclass(slots=True)
class Stream:
    """The episode: its state, its settings and its frames.

    Attributes:
        episode: 0 before the first.
        epoch: number of the settings in force; ascends with every change.
        error: why the source failed, "" if it has not.
        source: what was wrong with it all the same, as far as it knows.
        next_ids: per stream, the id of the next frame offered; streams that pause go on counting.
        adaptation: how long the settings of this episode took to show.
        truth: what is really in this episode's pictures, None if nobody knows.
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
    adaptation: Adaptation = field(default_factory=Adaptation)
    truth: Truth | None = None

    def __post_init__(self) -> None:
        self.ledger = self._new_ledger()

    def begin(self, levels: tuple[int, int, int], n_streams: int, seed: int) -> None:
        """Start the next episode with an empty account."""
        self.state = after(self.state, Cause.BEGIN)
        self.error, self.source = "", NOTHING_WRONG
        self.episode += 1
        self.epoch += 1
        self.levels, self.n_streams = levels, n_streams
        self.next_ids.clear()
        self.ledger = self._new_ledger()
        self.adaptation = Adaptation()
        truth = self.config.truth
        self.truth = None if truth is None else structs.replace(truth, seed=seed)

    def began(self, began_ns: int) -> bool:
        """Note when the source's first picture was due; tells whether somebody must hear of it."""
        if self.truth is None or self.truth.began_ns:
            return False
        self.truth = structs.replace(self.truth, began_ns=began_ns)
        return True

    def set_levels(self, levels: tuple[int, int, int], now_ns: int) -> StreamSettings:
        """Put other settings in force. Raises ValueError if there is no such level."""
        settings = self.config.ladders.settings(levels)
        self.levels = levels
        self.epoch += 1
        self.adaptation.set(self.epoch, now_ns)
        return settings

    def bind(self, frame: Frame) -> None:
        """Give a frame that is handed out the settings in force, if it is then that they bind."""
        if self.config.binding is Binding.HAND_OUT and frame.header.epoch != self.epoch:
            settings = self.settings
            self.ledger.bind(frame, self.epoch, settings.grade, (settings.width, settings.height))

    def set_streams(self, n_streams: int) -> None:
        """Change the number of concurrent streams, and the queue's bound with it."""
        self.n_streams = n_streams
        self.ledger.bound = self._bound

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
            binding=config.binding,
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
            gap_deadline_s=gap_deadline_s(self.config.lease_ns, self.config.retries),
            floor={**self.next_ids, **self.ledger.floor()},
            now_ns=now_ns,
            echo_ns=echo_ns,
            grades=self.config.ladders.grades,
            truth=self.truth if self.state is EpisodeState.RUNNING else None,
            confidences=any(slo.metric in OF_CONFIDENCE for slo in self.config.slos),
            compares=self.compares,
        )

    @property
    def compares(self) -> bool:
        """Tell whether some pictures are given to two workers, since an SLO is on their agreement."""
        return any(slo.metric == AGREEMENT for slo in self.config.slos)

    @property
    def queue_bytes(self) -> int:
        """Compute what the pictures of a full queue take at most."""
        width, height = self.config.source_size
        return self.ledger.bound * width * height * 3

    @property
    def _bound(self) -> int:
        return queue_bound(self.config.queue_bound_s, self.config.source_fps, self.n_streams)

    def _new_ledger(self) -> Ledger:
        return Ledger(
            policy=self.config.queue_policy,
            retries=self.config.retries,
            bound=self._bound,
        )
