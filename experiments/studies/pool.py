"""Processes that share an evaluation's work: each has a core, and takes no other with it when it dies."""

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from envs.hardware import usable_cores
from experiments.studies.episodes import Task
from experiments.studies.work import Job, carry_out

PRELOADED = ["experiments.studies.work", "envs.simulator.env"]  # imported once, for all processes
STOP_TIMEOUT_S = 5.0


OnDone = Callable[[Task, str], None]  # an episode has ended, and "" or what ended it


@dataclass(slots=True)
class Running:
    """A job under way.

    Attributes:
        job: what it is to do.
        process: that does it.
        core: that it computes on, None for any.
        open: numbers of the episodes that it has not reported yet.
    """

    job: Job
    process: BaseProcess
    core: int | None
    open: set[int] = field(default_factory=set)


def jobs_of(tasks: Iterable[Task]) -> list[Job]:
    """Tasks of one entrant and spec together; of those that look ahead, each cell on its own, and first.

    To look ahead takes longest, and needs nothing compiled per agent.
    """

    def key(task: Task) -> tuple[bool, str, str, str]:
        entrant, cell = task.entrant, task.cell
        alone = cell.name if entrant.is_clairvoyant else ""
        return not entrant.is_clairvoyant, entrant.name, cell.spec.hash, alone

    return [Job(list(group)) for _, group in groupby(sorted(tasks, key=key), key)]


def work_through(jobs: Sequence[Job], n_processes: int | None, logs: Path, on_done: OnDone) -> None:
    """Carry out all jobs, so many at a time; one that is of the real pipeline has all cores.

    Args:
        jobs: in the order in which they begin.
        n_processes: at the same time, >= 1; None = one per core.
        logs: directory for what the programs of real pipelines say.
        on_done: told of every episode.
    """
    cores = sorted(usable_cores())
    free: list[int | None] = [cores[i % len(cores)] for i in range(n_processes or len(cores))]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    waiting, running = list(jobs), dict[Connection, Running]()
    try:
        while waiting or running:
            while waiting and free:
                connection, begun = begin(context, waiting.pop(0), free.pop(), logs)
                running[connection] = begun
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                if not listen(ready, running[ready], on_done):
                    free.append(running.pop(ready).core)
    finally:
        for left in running.values():
            left.process.terminate()
            left.process.join(STOP_TIMEOUT_S)


def begin(context: ForkServerContext, job: Job, core: int | None, logs: Path) -> tuple[Connection, Running]:
    """Start a job's process; it is heard at the connection."""
    ours, theirs = context.Pipe(duplex=False)
    pinned = None if job.tasks[0].cell.is_real else core
    process = context.Process(target=carry_out, args=(job, theirs, pinned, logs))
    process.start()
    theirs.close()
    return ours, Running(job, process, core, set(range(len(job.tasks))))


def listen(connection: Connection, running: Running, on_done: OnDone) -> bool:
    """One report, or the job's end: then False, and whatever it had not reported has failed with it."""
    try:
        i, error = connection.recv()
    except EOFError:
        connection.close()
        running.process.join()
        for i in sorted(running.open):
            on_done(running.job.tasks[i], f"its process ended with exit code {running.process.exitcode}")
        return False
    running.open.discard(i)
    on_done(running.job.tasks[i], error)
    return True
