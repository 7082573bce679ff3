"""Processes that share a study's runs: each has a core, and takes no other with it when it dies."""

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from math import ceil
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from hydra.utils import get_class
from rich.console import Console

from agents.clairvoyant import Clairvoyant
from experiments.config.programs import CompareConfig, RosterConfig
from experiments.config.schemas import PipelineSchema
from experiments.program.console import ProgressView, counted, say
from experiments.program.errors import sentence
from experiments.runs.logged import read_run
from experiments.runs.record import finish_killed
from experiments.statistics.disturbances import change_points_of
from experiments.statistics.episode import GOLDEN, TRAINED, Episode, episode_of
from experiments.sweeps.job import play_run
from experiments.sweeps.place import GO_ON, finished_in
from experiments.sweeps.study import STUDIES, StudyRun
from pipeline.allowance import usable_cores

logger = logging.getLogger(__name__)

PRELOADED = ["experiments.sweeps.pool", "envs.simulator.env"]  # imported once, for all processes
STOP_TIMEOUT_S = 5.0
MOST_AHEAD = 8  # runs of a job that look ahead

OnDone = Callable[[StudyRun, str, str], None]  # a run has ended: its directory, and "" or what ended it
Job = Sequence[StudyRun]  # of one agent over one grid of levels, at least one: it is compiled once


class Running(NamedTuple):
    """A job under way.

    Attributes:
        left: runs that it has not reported yet, by their numbers in the job.
        process: that does it.
        core: that it computes on, None for any.
    """

    left: dict[int, StudyRun]
    process: BaseProcess
    core: int | None


class Played(NamedTuple):
    """What there is of runs that were to be played.

    Attributes:
        folder: of the runs of studies.
        finished: names of the directories in it of all runs that are finished, by the runs' hashes.
        failed: what ended each that did not come to its own end, likewise.
    """

    folder: Path
    finished: Mapping[str, str]
    failed: Mapping[str, str]

    def episodes(self, runs: Iterable[StudyRun]) -> list[Episode]:
        """Return the episodes of those runs that are finished."""
        found = []
        for run in runs:
            if run.hash in self.finished:
                logged = read_run(self.folder / self.finished[run.hash])
                facts = {TRAINED: logged.summary["trained_steps"], GOLDEN: logged.summary.get(GOLDEN)}
                trace = logged.trace().assign(**facts)
                points = change_points_of(run.resolved.plan, run.seed)
                found.append(episode_of(trace, run.agent, run.cell, run.block, run.seed, points, run.stratum))
        return found


def jobs_of(runs: Iterable[StudyRun]) -> list[Job]:
    """Return runs of one agent over one grid together, in the order in which they are to begin.

    What is compiled depends on both. Those that look ahead take longest: they come first, in parts that keep
    all processes busy and yet are worth the start of one.
    """

    def key(run: StudyRun) -> tuple[bool, str, str]:
        is_clairvoyant = issubclass(get_class(run.resolved.agent["_target_"]), Clairvoyant)
        return not is_clairvoyant, run.agent, str(run.resolved.plan.spec.n_levels)

    jobs: list[Job] = []
    for (is_short, *_), group in groupby(sorted(runs, key=key), key):
        job = list(group)
        size = len(job) if is_short else min(MOST_AHEAD, ceil(len(job) / MOST_AHEAD))
        jobs += [job[i : i + size] for i in range(0, len(job), size)]
    return jobs


def play_missing(
    runs: Sequence[StudyRun],
    title: str,
    config: RosterConfig | CompareConfig,
    n_processes: int | None,
    console: Console,
) -> Played:
    """Play those runs that are not finished yet; what was killed while it was played is completed first.

    Args:
        runs: each once.
        title: what they are, for people.
        config: says where results are, and how progress is shown.
        n_processes: as for `play_all`.
        console: shows it.
    """
    folder = Path(config.results).resolve() / STUDIES
    finish_killed(folder, console)
    finished, failed = finished_in(folder), dict[str, str]()
    left = [run for run in runs if run.hash not in finished]
    if len(left) < len(runs):
        there, n = len(runs) - len(left), counted(len(runs), "run")
        console.print(f"{title}: {there} of {n} are there already", highlight=False)
    if left:
        folder.mkdir(parents=True, exist_ok=True)
        with ProgressView(console, config.live, title, len(left), "runs") as view:

            def on_done(run: StudyRun, directory: str, error: str) -> None:
                view.done(run.title, error)
                ended, what = (failed, error) if error else (finished, directory)
                ended[run.hash] = what

            try:
                play_all(jobs_of(left), n_processes, on_done)
            except KeyboardInterrupt:
                n = sum(run.hash in finished for run in runs)
                say(console, GO_ON.format(n, len(runs)), "bold yellow")
                raise
    return Played(folder, finished, failed)


def play_all(jobs: Sequence[Job], n_processes: int | None, on_done: OnDone) -> None:
    """Play all runs, so many jobs at a time; one that is of the real pipeline has all cores.

    Args:
        jobs: in the order in which they begin.
        n_processes: at the same time, >= 1; None = one per core.
        on_done: told of every run.
    """
    cores = sorted(usable_cores())
    free: list[int | None] = [cores[i % len(cores)] for i in range(n_processes or len(cores))]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    waiting, running = list(jobs), dict[Connection, Running]()
    try:
        while waiting or running:
            while waiting and free:
                connection, begun = begin(context, waiting.pop(0), free.pop())
                running[connection] = begun
            for ready in wait(list(running)):
                assert isinstance(ready, Connection)
                if not listen(ready, running[ready], on_done):
                    free.append(running.pop(ready).core)
    finally:
        for left in running.values():
            left.process.terminate()
            left.process.join(STOP_TIMEOUT_S)


def begin(context: ForkServerContext, job: Job, core: int | None) -> tuple[Connection, Running]:
    """Start a job's process; it is heard at the connection."""
    ours, theirs = context.Pipe(duplex=False)
    takes_all = isinstance(job[0].resolved.plan.config.env, PipelineSchema)
    process = context.Process(target=work, args=(job, theirs, None if takes_all else core))
    process.start()
    theirs.close()
    return ours, Running(dict(enumerate(job)), process, core)


def listen(connection: Connection, running: Running, on_done: OnDone) -> bool:
    """Hear one report, or the job's end: then False, and whatever it had not reported has failed with it."""
    try:
        i, directory, error = connection.recv()
    except EOFError:
        connection.close()
        running.process.join()
        for run in running.left.values():
            on_done(run, "", f"its process ended with exit code {running.process.exitcode}")
        return False
    on_done(running.left.pop(i), directory, error)
    return True


def work(job: Job, report: Connection, core: int | None) -> None:
    """Play a job's runs, in a process of its own; one that fails takes none of the others with it.

    Reports a tuple per run: its number in the job, its directory's name, "" or what ended it. `core` is the
    only one to compute on, None for any.
    """
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    for i, run in enumerate(job):
        try:
            ended = play_run(run.resolved)
        except Exception as trouble:  # whatever it is, it is the end of this run only
            logger.info("%s", run.title, exc_info=trouble)
            report.send((i, "", sentence(trouble)))
        else:
            report.send((i, ended.directory.name, ended.error))
            if ended.interruption is not None:
                break
    report.close()
