"""What a process of an evaluation does: an agent plays its episodes one by one, and reports each."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from agents.base import Agent
from agents.clairvoyant import Clairvoyant
from experiments.program.errors import sentence
from experiments.studies.cells import Cell
from experiments.studies.episodes import Task, play, play_really

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Episodes of one entrant under one spec, at least one: its agent is made, and compiled, once."""

    tasks: Sequence[Task]


def carry_out(job: Job, report: Connection, core: int | None, logs: Path) -> None:
    """Play all episodes; one that fails takes none of the others with it.

    Args:
        job: what to do.
        report: gets a pair per episode: its number in the job, and "" or what ended it.
        core: the only one to compute on, None for any.
        logs: directory for what the programs of real pipelines say.
    """
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    player = Player(logs)
    for i, task in enumerate(job.tasks):
        try:
            player.play(task)
        except Exception as error:  # whatever it is, it is the end of this episode only
            logger.info("%s", task.title, exc_info=error)
            report.send((i, sentence(error)))
        else:
            report.send((i, ""))
    report.close()


class Player:
    """An agent, and the world it is in; both are kept from one episode to the next where they can be."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._agent: Agent | None = None
        self._cell: Cell | None = None
        self._env = None

    def play(self, task: Task) -> None:
        """One episode; leaves its file."""
        if self._agent is None:
            agent = task.entrant.make(task.cell.spec)
            agent.warm_up()
            self._agent = agent
        if task.cell.is_real:
            play_really(task, self._agent, self._logs / task.path.stem)
            return
        if self._cell is not task.cell:
            self._env = task.cell.twin.make_env(self._logs, lambda _: None)
            self._cell = task.cell
            if isinstance(self._agent, Clairvoyant):
                self._agent.look(self._env)
        play(task, self._agent, self._env)
