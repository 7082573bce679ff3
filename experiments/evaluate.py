"""`python -m experiments.evaluate`: agents in cells under seeds, tables and pictures of how they compare."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.schemas import CONF, check_keys
from experiments.config.world_schemas import PipelineSchema
from experiments.display.progress import ProgressView
from experiments.program.entry import complaining, enter
from experiments.program.errors import blaming
from experiments.program.files import write_whole
from experiments.program.formatting import counted
from experiments.report.block import Evidence
from experiments.report.report import write_report
from experiments.runs.provenance import git_commit
from experiments.runs.record import CONFIG
from experiments.statistics.scores import TOLERANCE
from experiments.studies.cells import cells_of
from experiments.studies.entrants import entrants_of, trained
from experiments.studies.episodes import Task
from experiments.studies.plan import Campaign, campaign_of, missing, with_references
from experiments.studies.pool import jobs_of, work_through
from experiments.studies.report import Findings, ranking, read
from experiments.studies.schema import EvaluateConfig, register
from experiments.training.training_run import TrainingError

PROGRAM = "experiments.evaluate"
EPISODES = "episodes"  # under RESULTS/evaluation/, shared by all evaluations
LOGS = "logs"  # of real pipelines, in the evaluation's own directory


class EvaluationError(Exception):
    """Not all of it came about; the text says what."""


FAILURES = (EvaluationError, TrainingError)


@dataclass(frozen=True, slots=True)
class Failure:
    """An episode that ended before its time."""

    task: Task
    error: str

    def __str__(self) -> str:
        return f"{self.task.title}: {self.error}"


def prepare(cfg: DictConfig, root: Path, console: Console) -> Campaign:
    """Check everything, and train whoever must be trained first.

    Raises:
        ConfigError, TrainingError, KeyboardInterrupt.
    """
    with blaming("configuration"):
        check_keys(cfg)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, EvaluateConfig)
    entrants = entrants_of(with_references(config.evaluation), config.results)
    cells = cells_of(config)
    training = str(HydraConfig.get().runtime.choices["training"])
    by_spec = {entrant.name: trained(entrant, cells, training, console, config.live) for entrant in entrants}
    return campaign_of(root / EPISODES, cells, by_spec, list(config.evaluation.agents))


def play(campaign: Campaign, config: EvaluateConfig, logs: Path, console: Console) -> list[Failure]:
    """Whatever is missing: first in the simulator, all cores at work, then in real time, one by one."""
    failures: list[Failure] = []
    for title, tasks, n_processes in (
        ("simulated", campaign.simulated, config.processes),
        ("on the real pipeline", campaign.real, 1),
    ):
        left = missing(tasks)
        if tasks and len(left) < len(tasks):
            there = len(tasks) - len(left)
            console.print(
                f"{title}: {there} of {counted(len(tasks), 'episode')} are there already", highlight=False
            )
        if not left:
            continue
        with ProgressView(console, config.live, title, len(left), "episodes") as view:

            def on_done(task: Task, error: str, view: ProgressView = view) -> None:
                view.done(task.title, error)
                if error:
                    failures.append(Failure(task, error))

            work_through(jobs_of(left), n_processes, logs, on_done)
    return failures


def report(
    campaign: Campaign,
    cfg: DictConfig,
    failures: Sequence[Failure],
    directory: Path,
    title: str,
    console: Console,
) -> None:
    """Tables and pictures of all that is there."""
    findings = read(campaign)
    if not findings.episodes:
        raise EvaluationError(f"nothing can be compared: {'; '.join(map(str, failures[:3]))}")
    found, extras = notes(campaign, findings, failures), {}
    if findings.twins:
        frame, correlation = ranking(findings)
        write_whole(directory / "ranks.csv", frame.to_csv(index=False))
        extras["The pipeline and its simulated twin"] = frame
        found.insert(
            0,
            "Measured on the real pipeline; random and oracle, between which scores lie, are those of the "
            f"simulated twin. Spearman's rank correlation with the simulator's scores: {correlation:.2f}.",
        )
        console.print(f"rank correlation with the simulator: {correlation:.2f}", highlight=False)
    evidence = Evidence(
        title=title,
        episodes=findings.episodes,
        references=findings.references,
        reference=cfg.evaluation.reference,
        highlight=list(cfg.evaluation.highlight),
        notes=found,
        facts=facts(campaign),
        extras=extras,
    )
    page, *others = write_report(directory, evidence, console)
    for what, where in (("report", page), ("tables", others[0]), ("pictures", others[-1].parent)):
        console.print(f"{what:<10} {where}", markup=False, highlight=False, soft_wrap=True)


def facts(campaign: Campaign) -> dict[str, str]:
    """What was played, for the head of the report."""
    worlds = "the real pipeline" if campaign.cells[0].is_real else "the simulator"
    specs = dict.fromkeys(cell.spec.hash for cell in campaign.cells)
    return {"Played in": worlds, "Specs": ", ".join(specs), "Commit": git_commit()}


def notes(campaign: Campaign, findings: Findings, failures: Sequence[Failure]) -> list[str]:
    """What a reader must know of how this came about."""
    found = []
    if findings.beyond:
        episodes = ", ".join(f"{e.agent} in {e.cell}, seed {e.seed}" for e in findings.beyond)
        found.append(f"Better than the best known by more than {TOLERANCE:g} per step: {episodes}.")
    if absent := [cell.name for cell in campaign.cells if cell.name not in findings.references]:
        found.append(f"Not compared, for random or oracle is missing there: {', '.join(absent)}.")
    by_error: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        by_error.setdefault((failure.task.entrant.name, failure.error), []).append(failure)
    found += [f"Failed: {counted(len(same), 'episode')}, the first {same[0]}." for same in by_error.values()]
    return found


def perform(cfg: DictConfig, console: Console) -> None:
    """Everything."""
    name = str(HydraConfig.get().runtime.choices["evaluation"])
    root = Path(cfg.results).resolve() / "evaluation"
    campaign = prepare(cfg, root, console)
    config = OmegaConf.to_object(cfg)
    assert isinstance(config, EvaluateConfig)
    is_real = isinstance(config.env, PipelineSchema)
    directory = root / (f"{name}-pipeline" if is_real else name)
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    failures = play(campaign, config, directory / LOGS, console)
    title = f"{name}, on the real pipeline" if is_real else name
    report(campaign, cfg, failures, directory, title, console)
    if failures:
        n = counted(len(failures), "episode")
        raise EvaluationError(f"{n} failed, the first: {failures[0]} (all: {directory / 'table.md'})")


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="evaluate")
def main(cfg: DictConfig) -> None:
    """Evaluate; what goes wrong ends the program here, for Hydra would print it too."""
    with complaining(PROGRAM, FAILURES):
        perform(cfg, Console())


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any process begins: each has one core
    enter(PROGRAM, main, register, FAILURES)
