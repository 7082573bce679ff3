"""The answer to STATUS."""

from pipeline.messages import State, Status, WorkerStatus
from pipeline.producer.stream import Stream
from pipeline.producer.workapi import WorkApi


def status(stream: Stream, work: WorkApi, state: State, collector: bool) -> Status:
    """Who is there, and what the stream is."""
    config = stream.config
    return Status(
        state=state,
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
        collector=collector,
    )
