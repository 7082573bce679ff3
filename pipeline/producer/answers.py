"""The answers to STATUS and TELEMETRY, and to what is malformed."""

from pipeline.catalogue import measure
from pipeline.messages import Error, Status, Telemetry, WorkerStatus
from pipeline.producer.events import Answer, Command, Malformed, Reply, Tell
from pipeline.producer.link import CollectorLink
from pipeline.producer.meter import Meter
from pipeline.producer.stream import Stream
from pipeline.producer.workapi import WorkApi
from pipeline.slos import read_slos


def status(stream: Stream, work: WorkApi, link: CollectorLink) -> Status:
    """Say who is there, and what the stream is."""
    config = stream.config
    return Status(
        state=stream.state,
        episode=stream.episode,
        epoch=stream.epoch,
        levels=stream.levels,
        streams=stream.n_streams,
        source_size=config.source_size,
        source_fps=config.source_fps,
        is_live=config.is_live,
        fps_levels=config.ladders.fps,
        sizes=config.ladders.sizes,
        grades=config.ladders.grades,
        workers=tuple(
            WorkerStatus(
                name=worker.name,
                ready=worker.ready,
                weights=worker.weights,
                in_hand=len(stream.ledger.held_by(peer)),
            )
            for peer, worker in work.workers.items()
        ),
        collector=bool(link.peer),
        draws=config.truth is not None and config.truth.drawn is not None,
    )


def telemetry(
    stream: Stream, work: WorkApi, link: CollectorLink, meter: Meter, rejected: int, now_ns: int
) -> Telemetry:
    """Say what was measured since the interval began; `rejected` counts malformed messages so far."""
    interval = meter.read(now_ns, stream, work.ready_workers, work.n_failures)
    said = link.said
    return Telemetry(
        state=stream.state,
        episode=stream.episode,
        epoch=stream.epoch,
        levels=stream.levels,
        ended_ns=now_ns,
        interval=interval,
        metrics=measure(interval),
        slos=read_slos(stream.config.slos, interval),
        totals=stream.ledger.totals(),
        report_age_s=(now_ns - link.heard_ns) * 1e-9,
        rejected=rejected + link.rejected,
        duplicates=link.duplicates,
        trials=work.turns.n_trials,
        refused=link.refused,
        clock_offset_ms=said.clock_offset_ns * 1e-6,
        clock_error_ms=None if said.clock_error_ns is None else said.clock_error_ns * 1e-6,
        incidents=work.incidents,
        error=stream.error,
        source=stream.source,
    )


def refusal(event: Malformed) -> list[Command]:
    """Say what was wrong to whoever expects an answer, if anybody does."""
    error = Error(event.reason, event.code)
    if event.work is not None:
        return [Reply(event.work, error)]
    if event.link is not None:
        return [Tell(event.link, error)]
    return [Answer(event.control, error)] if event.control is not None else []
