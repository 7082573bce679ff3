"""The pipeline itself as a contender: started for its turn, so that nothing of it runs in the others'."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.pipeline.peers import Pictures
from benchmarks.turns import BenchmarkError
from pipeline.cluster import LocalCluster
from pipeline.messages import HandOut, WorkType
from pipeline.options import CollectorOptions, ProducerOptions, QueuePolicy, SourceKind, WorkerOptions

READY_S = 60.0
GRADE = "n"
HIGHEST = (0, 0, 0)  # of every ladder, since each has one level


class FullPath:
    """Frames from memory -> producer -> two workers -> collector without a sink, pacing off.

    Args:
        pictures: size of the frames.
        work_type: what workers do.
        weights: path per grade.
        workers: one options object per worker.
        log_dir: for the programs' logs; each turn writes over the last one's.
        keys: folder of keys; None = none.
    """

    def __init__(
        self,
        pictures: Pictures,
        work_type: WorkType,
        weights: dict[str, str],
        workers: Sequence[WorkerOptions],
        log_dir: Path,
        keys: Path | None = None,
    ) -> None:
        self.name = "full" if keys is None else "locked"
        producer = ProducerOptions(
            source=SourceKind.MEMORY,
            width=pictures.width,
            height=pictures.height,
            fps_levels=(30.0,),
            heights_px=(pictures.height,),
            grades=(GRADE,),
            pacing=False,
            # one that takes no time at all tells `EARLIEST_DONE` nothing of how long it takes
            hand_out=HandOut.FIRST_ASKS if work_type is WorkType.EMULATED else HandOut.EARLIEST_DONE,
            queue_policy=QueuePolicy.WAIT,
            work_type=work_type,
            weights=weights,
            keys="" if keys is None else str(keys),
        )
        self._cluster = LocalCluster(producer, CollectorOptions(), workers, log_dir)

    def resume(self) -> None:
        """Start the programs and, once all are ready, the stream."""
        self._cluster.start()
        self._cluster.wait_ready(READY_S)
        self._cluster.control.start(seed=0, levels=HIGHEST)

    def pause(self) -> None:
        """End the programs."""
        self._cluster.close()

    def progress(self) -> tuple[int, int]:
        """(frames that the collector has emitted, when that was so). Raises BenchmarkError."""
        self._cluster.check()
        telemetry = self._cluster.control.telemetry(close=False)
        if telemetry.error:
            raise BenchmarkError(f"the source of the full path failed: {telemetry.error}")
        return telemetry.totals.delivered, telemetry.ended_ns

    def pids(self) -> list[int]:
        """Producer, collector, workers."""
        return list(self._cluster.alive().values())
