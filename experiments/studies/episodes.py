"""Episodes that an evaluation needs, one file of rows each, and how one is played."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agents.base import Agent
from envs.spec import ElasticitySpec
from experiments.config.schemas import CustomSchema
from experiments.program.files import whole
from experiments.runs import episode
from experiments.runs.code_hash import REAL, SIMULATED, source_hash
from experiments.runs.episode import Observer, Step, Steps
from experiments.runs.identity import module_of
from experiments.runs.provenance import digest
from experiments.runs.summary import FRAME_COUNTS, LATENCIES, degradation
from experiments.statistics.disturbances import Turn, borders
from experiments.statistics.episode import NEEDED, TRAINED
from experiments.studies.cells import Cell
from experiments.studies.entrants import Entrant
from experiments.worlds.build import assemble
from experiments.worlds.host import alone
from experiments.worlds.twin import let_look
from pipeline.program import ClusterError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """One episode to be played: who, where, under which seed, and the file that will have its rows."""

    entrant: Entrant
    cell: Cell
    seed: int
    path: Path

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.entrant.name} in {self.cell.name}, seed {self.seed}"


def task_of(root: Path, entrant: Entrant, cell: Cell, seed: int) -> Task:
    """The file's name changes with all that the episode depends on: values, worlds, checkpoint, code."""
    code = source_hash(REAL if cell.is_real else SIMULATED)
    depends_on = {"agent": entrant.identity, "world": cell.world(), "seed": seed, "code": code}
    video = cell.config.video
    if isinstance(video, CustomSchema):
        depends_on["stream"] = source_hash(module_of(video.factory))
    key = digest(depends_on)
    place = cell.name.replace("/", "-")
    world = "pipeline" if cell.is_real else "simulator"
    return Task(entrant, cell, seed, root / world / entrant.name / f"{place}-s{seed}-{key}.parquet")


class Rows(Observer):
    """Collects an episode's rows; columns as `runs.trace.row_of` names them, without explanations."""

    def __init__(self, spec: ElasticitySpec) -> None:
        knobs, slos = [knob.name for knob in spec.knobs], [slo.metric for slo in spec.slos]
        self._names = [
            *("step", "reward", "qoe", "interval_s", "overrun", "decision_ms", "learning_ms"),
            *(f"action.{knob}" for knob in knobs),
            *(f"slos.{slo}" for slo in slos),
            *(f"known.{slo}" for slo in slos),
            *(f"ratios.{slo}" for slo in slos),
            *(f"metrics.{name}" for name in LATENCIES),
            *(f"frames.{name}" for name in FRAME_COUNTS),
        ]
        self._rows: list[tuple[Any, ...]] = []

    def step(self, step: Step) -> None:
        """Keep one more row."""
        info = step.info
        metrics, frames = info["metrics"], info["frames"]
        self._rows.append(
            (
                *(step.index, step.reward, info["qoe"], info["interval_s"], info["overrun"]),
                *(step.decision_ms, step.learning_ms),
                *step.action,
                *map(int, info["slos"].values()),
                *info["known"].values(),
                *info["ratios"].values(),
                *(metrics.get(name) for name in LATENCIES),
                *(frames[name] for name in FRAME_COUNTS),
            )
        )

    def write(self, path: Path, trained_steps: int, needed: dict[int, bool]) -> None:
        """All of them, as a file that is whole or not there."""
        columns = dict(zip(self._names, map(list, zip(*self._rows, strict=True)), strict=True))
        columns[TRAINED] = [trained_steps] * len(self._rows)
        columns[NEEDED] = [float(needed[i]) if i in needed else None for i in range(len(self._rows))]
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            pq.write_table(pa.table(columns), partial)


class Holding(Observer):
    """Finds out, at each turn for the worse, whether holding the levels would break an SLO in that phase.

    Args:
        env: the episode's simulator.
        turns: of the episode.
        n_steps: of the episode.
    """

    def __init__(self, env: Any, turns: Sequence[Turn], n_steps: int) -> None:
        from envs.simulator.branches import Branches  # compiles

        self._branches = Branches(env, 1)
        self._ends = borders(turns, n_steps)
        self.needed: dict[int, bool] = {}

    def step(self, step: Step) -> None:
        """Look ahead if a phase begins with the next step."""
        begin = step.index + 1
        if begin not in self._ends:
            return
        self._branches.take()
        levels = np.array([step.action])
        is_broken, is_over = False, False
        for _ in range(self._ends[begin] - begin):
            if is_broken or is_over:
                break
            self._branches.step(levels)
            is_broken, is_over = not self._branches.fulfilled.all(), bool(self._branches.are_over.any())
        self.needed[begin] = is_broken


def play(task: Task, agent: Agent, env: Any) -> None:
    """One simulated episode, and its file."""
    rows = Rows(task.cell.spec)
    holding = Holding(env, task.cell.turns(task.seed), task.cell.config.env.steps)
    episode.play(agent, env, task.seed, [rows, holding])
    rows.write(task.path, agent.trained_steps, holding.needed)


def play_really(task: Task, agent: Agent, directory: Path) -> None:
    """One episode of the real pipeline, and its file; logs of its programs go to the directory.

    Raises:
        ClusterError: the pipeline broke.
    """
    plan = assemble(replace(task.cell.config, seed=task.seed))
    rows = Rows(plan.spec)
    (directory / "logs").mkdir(parents=True, exist_ok=True)
    with alone(directory, logger.warning):
        env = plan.make_env(directory, lambda _: None)
        try:
            let_look(agent, plan, lambda _: None)
            agent.warm_up()
            kept = Steps()
            episode.play(agent, env, task.seed, [rows, kept])
            if harm := degradation(kept.seen[-1].info):
                raise ClusterError(harm)
        finally:
            env.close()
    rows.write(task.path, agent.trained_steps, {})
