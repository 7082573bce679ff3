"""`python -m experiments.study`: agents in cells under seeds, tables and pictures of how they compare."""

import os
from collections.abc import Mapping
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.programs import StudyConfig, register
from experiments.config.schemas import CONF, checked
from experiments.program.console import say
from experiments.program.entry import enter
from experiments.program.errors import ConfigError
from experiments.program.files import write_whole
from experiments.program.formatting import counted
from experiments.report.block import Evidence
from experiments.report.report import write_report
from experiments.runs.provenance import git_commit
from experiments.runs.record import CONFIG
from experiments.statistics.episode import TOLERANCE, episode_table
from experiments.statistics.pairs import halves_agreement
from experiments.sweeps.cells import cells_of
from experiments.sweeps.findings import Findings, ranking, read
from experiments.sweeps.place import write_runs
from experiments.sweeps.pool import Played, play_missing
from experiments.sweeps.study import Study, study_of, variants_of
from experiments.training.training_run import TrainingError
from experiments.worlds.drawn import draw_shown

PROGRAM = "experiments.study"


class StudyError(Exception):
    """Not all of it came about; the text says what."""


FAILURES = (StudyError, TrainingError)


def config_of(cfg: DictConfig) -> StudyConfig:
    """Return the configuration. Raises ConfigError: something in it is wrong, or no study is named."""
    config = checked(cfg, StudyConfig)
    if config.study is None:
        names = GlobalHydra.instance().config_loader().get_group_options("study")
        raise ConfigError(f"say which study: study={', '.join(sorted(names))} (more: --help)")
    return config


def play(study: Study, config: StudyConfig, console: Console) -> Played:
    """Play what is missing: first in the simulator, all cores at work, then in real time, one by one."""
    played = play_missing(study.simulated, "simulated", config, config.processes, console)
    if study.real:
        real = play_missing(study.real, "on the real pipeline", config, 1, console)
        played = real._replace(failed={**played.failed, **real.failed})
    return played


def report(
    study: Study,
    config: StudyConfig,
    played: Played,
    failures: Mapping[str, str],
    directory: Path,
    title: str,
    console: Console,
) -> None:
    """Write tables and pictures of all that is there."""
    assert config.study is not None
    findings, extras = read(study, played), {}
    if not findings.episodes:
        first = "; ".join(f"{run}: {error}" for run, error in list(failures.items())[:3])
        raise StudyError(f"nothing can be compared: {first}")
    found = notes(study, findings, failures)
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
        reference=config.study.reference,
        highlight=list(config.study.highlight),
        notes=found,
        facts=facts(study),
        extras=extras,
    )
    page, *others = write_report(directory, evidence, console)
    for what, where in (("report", page), ("tables", others[0]), ("pictures", others[-1].parent)):
        say(console, f"{what:<10} {where}")


def facts(study: Study) -> dict[str, str]:
    """Return what was played, for the head of the report."""
    worlds = "the real pipeline" if study.cells[0].is_real else "the simulator"
    specs = dict.fromkeys(run.resolved.plan.spec.hash for run in study.runs)
    return {"Played in": worlds, "Specs": ", ".join(specs), "Commit": git_commit()}


def notes(study: Study, findings: Findings, failures: Mapping[str, str]) -> list[str]:
    """Return what a reader must know of how this came about."""
    found = []
    if findings.beyond:
        episodes = ", ".join(f"{e.agent} in {e.cell}, seed {e.seed}" for e in findings.beyond)
        found.append(f"Better than the best known by more than {TOLERANCE:g} per step: {episodes}.")
    if absent := [cell.name for cell in study.cells if cell.name not in findings.references]:
        found.append(f"Not compared, for random or oracle is missing there: {', '.join(absent)}.")
    if (halves := halves_agreement(episode_table(findings.episodes, findings.references))) is not None:
        found.append(
            f"In two halves of the worlds, {halves.cells} or more each: of {halves.differing} differences "
            f"beyond chance in one, {halves.kept} have the same sign in the other; rank correlation "
            f"{halves.spearman:.3f}."
        )
    by_error: dict[tuple[str, str], list[str]] = {}
    for title, error in failures.items():
        by_error.setdefault((title.partition(" in ")[0], error), []).append(title)
    return found + [
        f"Failed: {counted(len(titles), 'run')}, the first {titles[0]}: {error}."
        for (_, error), titles in by_error.items()
    ]


def perform(cfg: DictConfig, console: Console) -> None:
    """Play what a study needs, and compare it."""
    config, choices = config_of(cfg), HydraConfig.get().runtime.choices
    name = str(choices["study"])
    config.results = str(Path(config.results).resolve())
    assert config.study is not None
    variants = variants_of(config.study, config.results)
    cells = cells_of(config)
    numbers = [cell.world for cell in cells if cell.world is not None]
    draw_shown(numbers, config.processes, config.live, console)
    study = study_of(config, cells, variants, console)
    title = f"{name}, on the real pipeline" if study.cells[0].is_real else name
    known_by = f"study-{name}-pipeline" if study.cells[0].is_real else f"study-{name}"
    played, own = play(study, config, console), [*study.simulated, *study.real]
    failures = {run.title: played.failed[run.hash] for run in own if run.hash in played.failed}
    finished = [played.finished[run.hash] for run in own if run.hash in played.finished]
    write_runs(played.folder, known_by, finished)
    directory = Path(config.results) / "comparisons" / known_by
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    report(study, config, played, failures, directory, title, console)
    if failures:
        n, (first, error) = counted(len(failures), "run"), next(iter(failures.items()))
        raise StudyError(f"{n} failed, the first: {first}: {error} (all: {directory / 'table.md'})")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any process begins: each has one core
    enter(PROGRAM, CONF / "study.yaml", lambda cfg: perform(cfg, Console()), register, FAILURES)
