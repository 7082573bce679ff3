"""The inference process: takes jobs from a pipe, frames from shared memory, gives results to a pipe.

It is alone with its models: nothing else happens in it, and nothing waits for it but who must. It ends
when its parent says so or is gone.
"""

import contextlib
import logging
import math
import os
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection

from msgspec import structs

from pipeline.messages import LABEL_CHARACTERS, Failure, Result, TaskHeader, Weights, encode
from pipeline.options import WorkerOptions
from pipeline.worker.detector import FrameError, ModelError
from pipeline.worker.jobs import (
    Attach,
    Failed,
    Finish,
    Finished,
    Job,
    Order,
    Plan,
    Prepare,
    Ready,
    Slow,
    TaskFailed,
    decode_order,
    encode_note,
    pack_finished,
)
from pipeline.worker.progress import Patience, Progress
from pipeline.worker.ring import SlotReader
from pipeline.worker.workloads import Processed, Workload, picture_size, workload_for

logger = logging.getLogger(__name__)

POISONED = "CUDA error"  # PyTorch's words for those after which its process can compute nothing any more


class ParentGoneError(Exception):
    """Nobody listens any more."""


class TaskError(Exception):
    """This task cannot be done; the text says why. Others may be."""


def main(
    orders: Connection, reports: Connection, results: Connection, progress: Progress, options: WorkerOptions
) -> None:
    """Entry of the spawned process, which was started with the signals that stop programs blocked.

    Whatever goes wrong ends it with exit code 1, after its parent was told why.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s inference %(levelname)s %(message)s")
    reader, failure = SlotReader(), ""
    try:
        if options.cores:
            _pin(options.cores)  # before any library counts cores and starts threads
        _serve(orders, reports, results, progress, Inference(options, reader, progress))
    except ParentGoneError:
        logger.debug("the parent is gone")
    except Exception as error:
        failure = error_text(error)
        logger.debug("inference failed", exc_info=True)
    reader.close()  # not while an exception holds on to a frame
    if failure:
        with contextlib.suppress(ParentGoneError):
            _send(reports, encode_note(Failed(failure)))
        raise SystemExit(1)


def _pin(cores: Sequence[int]) -> None:
    if not hasattr(os, "sched_setaffinity"):
        logger.warning("this system cannot pin a process to cores: --cores has no effect")
        return
    there = os.sched_getaffinity(0)
    if not set(cores) <= there:
        raise ValueError(f"--cores must be of this host's {sorted(there)}, got {list(cores)}")
    os.sched_setaffinity(0, cores)


def _serve(
    orders: Connection,
    reports: Connection,
    results: Connection,
    progress: Progress,
    inference: "Inference",
) -> None:
    waiting: deque[Order] = deque()
    while True:
        while not waiting or orders.poll():  # all that was said: Slow does not wait behind the jobs in hand
            progress.wait()
            order = _next(orders)
            progress.take()
            if isinstance(order, Slow):
                inference.slow(order.slowdown)
            else:
                waiting.append(order)
        match waiting.popleft():
            case Job() as job:
                _send(results, pack_finished(_done(job, inference, reports)))
            case Attach() as attach:
                inference.reader.attach(attach)
            case Prepare(number, plan):
                _send(reports, encode_note(Ready(number, inference.prepare(plan))))
            case Finish():
                return


def _done(job: Job, inference: "Inference", reports: Connection) -> Finished:
    """Do a job; of one that cannot be done the parent is told, and there is no result."""
    try:
        return inference.process(job)
    except TaskError as error:
        task = job.task
        failure = Failure(task.stream, task.id, task.episode, str(error)[:LABEL_CHARACTERS])
        _send(reports, encode_note(TaskFailed(failure)))
        return Finished(job.slot, b"", b"", 0)


def _next(orders: Connection) -> Order:
    try:
        return decode_order(orders.recv_bytes())
    except EOFError:
        raise ParentGoneError from None


def _send(pipe: Connection, message: bytes) -> None:
    try:
        pipe.send_bytes(message)
    except BrokenPipeError:
        raise ParentGoneError from None


class Inference:
    """Jobs in, encoded results out.

    Args:
        reader: the slots that hold the frames.
        progress: where it says what it is at.
    """

    def __init__(self, options: WorkerOptions, reader: SlotReader, progress: Progress) -> None:
        self.reader = reader
        self._progress = progress
        self._patience = Patience()
        self._options = options
        self._plan: Plan | None = None
        self._loaded: set[int] = set()  # grades, by index
        self._workload: Workload | None = None
        self._noted: set[type] = set()  # kinds of errors that the log has
        self._slowdown = 1.0

    def slow(self, slowdown: float) -> None:
        """Whatever is done from now on takes this many times as long, >= 1."""
        self._slowdown = slowdown
        if self._workload is not None:
            self._workload.slowdown = slowdown

    def prepare(self, plan: Plan) -> Weights:
        """Be ready for jobs under this plan; may take long."""
        if self._plan is None or self._plan.work_type != plan.work_type:
            self._workload = workload_for(plan.work_type, self._options)
            self._workload.slowdown = self._slowdown
            self._forget()
        elif (self._plan.weights, self._plan.grades) != (plan.weights, plan.grades):
            self._forget()
        self._plan = plan
        assert self._workload is not None, "made above"
        weights = self._workload.prepare(plan)
        self._loaded.update(plan.load)
        return weights

    def _forget(self) -> None:
        self._patience.forget()
        self._loaded.clear()

    def process(self, job: Job) -> Finished:
        """Do a job. Raises TaskError, or what leaves nothing to go on with."""
        assert self._plan is not None and self._workload is not None, "no job comes before a plan"
        job = self._bound(job)
        task = job.task
        kind = task.grade, task.shape, self._slowdown
        started_ns = self._workload.begin_ns(job)
        self._progress.begin(started_ns, self._patience.due_ns(started_ns, *kind))
        try:
            done = self._workload.process(job, self.reader, started_ns)
        except Exception as error:  # of this frame, whatever it is
            if isinstance(error, ModelError) or POISONED in str(error):
                raise  # the next one would fare no better; the progress says at which task it was
            self._progress.end()
            raise TaskError(self._note(error)) from error
        self._patience.took(done.done_ns - done.started_ns, *kind)
        self._progress.end()
        has_frame = self._plan.return_frames and _is_bgr(task)
        header = encode(_result(job, done, has_frame))
        return Finished(job.slot, header, done.boxes.tobytes(), math.prod(task.shape) if has_frame else 0)

    def _bound(self, job: Job) -> Job:
        """The job at the grade that is wanted now, if that is loaded."""
        epoch, grade = self._progress.bound
        if epoch <= job.task.epoch or grade not in self._loaded:
            return job
        return structs.replace(job, task=structs.replace(job.task, epoch=epoch, grade=grade))

    def _note(self, error: Exception) -> str:
        """Say what went wrong in one line; the log has the first of each kind, and where it came from."""
        reason = error_text(error)
        if type(error) not in self._noted:
            self._noted.add(type(error))
            is_ours = isinstance(error, FrameError)
            logger.warning("a task cannot be done: %s", reason, exc_info=None if is_ours else error)
        return reason


def error_text(error: Exception) -> str:
    """Kind and text of an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _result(job: Job, done: Processed, has_frame: bool) -> Result:
    task = job.task
    to_stamp_ns = job.offset_ns - task.captured_ns
    return Result(
        id=task.id,
        dtype="uint8",
        shape=task.shape if has_frame else (0,),
        boxes=done.boxes.shape,
        stream=task.stream,
        incarnation=task.incarnation,
        episode=task.episode,
        epoch=task.epoch,
        grade=task.grade,
        source_index=task.source_index,
        size=picture_size(task.shape),
        captured_ns=task.captured_ns,
        stamps_ns=(
            task.sent_ns - task.captured_ns,
            job.received_ns + to_stamp_ns,
            done.started_ns + to_stamp_ns,
            done.done_ns + to_stamp_ns,
        ),
        service_ns=done.done_ns - done.started_ns,
        worker=job.worker,
    )


def _is_bgr(task: TaskHeader) -> bool:
    """Tell whether the frame is such as results can carry."""
    return task.dtype == "uint8" and len(task.shape) == 3 and task.shape[2] == 3
