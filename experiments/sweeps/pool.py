"""One of many runs, and processes that share a study's: each has a core, and takes no other with it."""

import contextlib
import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import groupby
from math import ceil
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from hydra.utils import get_class
from omegaconf import OmegaConf
from rich.console import Console

from agents.base import Agent
from agents.clairvoyant import Clairvoyant
from experiments.config.programs import CompareConfig, RosterConfig
from experiments.execution.counterfactual import change_points_of
from experiments.execution.execute import Ended, execute
from experiments.execution.resolve import ResolvedRun
from experiments.program.console import ProgressView, counted, say
from experiments.program.errors import sentence
from experiments.runs.logged import finished_in, read_run
from experiments.runs.provenance import digest
from experiments.runs.record import finish_killed
from experiments.statistics.episode import GOLDEN, TRAINED, Episode, episode_of
from experiments.sweeps.study import STUDIES, StudyRun
from experiments.worlds.plan import show_world
from pipeline.allowance import usable_cores

logger = logging.getLogger(__name__)

PRELOADED = ["experiments.sweeps.pool", "envs.simulator.env"]  # imported once, for all processes
GO_ON = "{} of {} runs are finished; the same command plays the others"  # after an interruption
MOST_AHEAD = 8  # runs of a job that look ahead

OnDone = Callable[[StudyRun, str, str], None]  # a run has ended: its directory, and "" or what ended it
Job = Sequence[StudyRun]  # of one agent over one grid of levels, at least one: it is compiled once


class Played(NamedTuple):
    """What there is of runs that were to be played."""

    folder: Path  # of the runs of studies
    finished: Mapping[str, str]  # names of the directories in it of all runs that are finished, by their hash
    failed: Mapping[str, str]  # what ended each that did not come to its own end, likewise

    def episodes(self, runs: Iterable[StudyRun]) -> list[Episode]:
        """Return the episodes of those runs that are finished."""
        return [self._episode(run) for run in runs if run.hash in self.finished]

    def _episode(self, run: StudyRun) -> Episode:
        logged, cell = read_run(self.folder / self.finished[run.hash]), run.cell
        facts = {TRAINED: logged.summary["trained_steps"], GOLDEN: logged.summary.get(GOLDEN)}
        points, trace = change_points_of(run.resolved.plan, run.seed), logged.trace().assign(**facts)
        return episode_of(trace, run.agent, cell.name, cell.block, run.seed, points, cell.stratum)


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
    runs: Sequence[StudyRun], title: str, config: RosterConfig | CompareConfig, console: Console
) -> Played:
    """Play those runs, each once, that are not finished yet; what was killed is completed first.

    All of them take real time, and are played one by one, or none; `title` says what they are.
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
                play_all(jobs_of(left), 1 if left[0].cell.is_real else config.processes, on_done)
            except KeyboardInterrupt:
                n = sum(run.hash in finished for run in runs)
                say(console, GO_ON.format(n, len(runs)), "bold yellow")
                raise
    return Played(folder, finished, failed)


def play_all(jobs: Sequence[Job], n_processes: int | None, on_done: OnDone) -> None:
    """Play all runs, `n_processes` jobs at a time, None = one per core; one of the pipeline has all cores.

    Jobs begin in their order; `on_done` is told of every run.
    """
    cores = sorted(usable_cores())
    n = n_processes or len(cores)
    free = SimpleQueue[int]()
    for i in range(n):
        free.put(cores[i % len(cores)])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)

    is_over = threading.Event()

    def do(job: Job) -> None:
        """Have a job done by a process of its own; whatever it has not reported in the end has failed."""
        core, left = free.get(), dict(enumerate(job))
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(job, theirs, None if job[0].cell.is_real else core))
        process.start()
        theirs.close()
        with ours, contextlib.suppress(EOFError):
            while True:
                i, directory, error = ours.recv()
                on_done(left.pop(i), directory, error)
        process.join()
        free.put(core)
        for run in () if is_over.is_set() else left.values():
            on_done(run, "", f"its process ended with exit code {process.exitcode}")

    with ThreadPoolExecutor(n) as threads:
        try:
            for done in [threads.submit(do, job) for job in jobs]:
                done.result()
        except BaseException:
            is_over.set()
            threads.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def work(job: Job, report: Connection, core: int | None) -> None:
    """Play a job's runs, in a process of its own, on that core alone; one that fails takes no other with it.

    Reports a tuple per run: its number in the job, its directory's name, "" or what ended it.
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


def play_run(resolved: ResolvedRun) -> Ended:
    """Play one of many runs, and show nothing. Raises ConfigError, OSError.

    The last agent is kept: to make one and to compile it takes far longer than to reset it.
    """
    values = OmegaConf.to_container(resolved.agent, resolve=True, enum_to_str=True)
    made_of = {"values": values, "spec": resolved.plan.spec.hash, "code": resolved.identity.code_hash}
    agents, known_by = kept(), digest(made_of)
    if (agent := agents.get(known_by)) is None:
        agents.clear()
        agent = agents[known_by] = resolved.make_agent()
    else:
        show_world(agent, resolved.plan)
    ended = execute(resolved.plan, agent, resolved.identity, Console(quiet=True))
    if ended.cause is not None:
        agents.clear()  # who knows what state it is in
    return ended


@cache
def kept() -> dict[str, Agent]:
    """Return the last agent of this process, which may be given many jobs, by what it is made of."""
    return {}
