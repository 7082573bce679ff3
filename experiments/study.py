"""`python -m experiments.study`: agents in cells under seeds, tables and pictures of how they compare."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.composing import checked, register
from experiments.config.programs import StudyConfig, StudySchema
from experiments.config.schemas import CONF
from experiments.program.console import counted, say
from experiments.program.entry import enter
from experiments.program.errors import ConfigError, ExecutionError
from experiments.program.files import write_whole
from experiments.report.block import Evidence
from experiments.report.report import write_report
from experiments.runs.provenance import git_commit
from experiments.runs.record import CONFIG
from experiments.statistics.episode import TOLERANCE, Episode, References, episode_table, references_of
from experiments.statistics.leaderboard import leaderboard
from experiments.sweeps.pool import Played, play_missing
from experiments.sweeps.study import Study, cells_of, study_of, variants_of
from experiments.sweeps.sweep import write_runs
from experiments.worlds.drawn import draw_shown


def perform(cfg: DictConfig) -> None:
    """Play what a study needs, and compare it. Raises ConfigError, ExecutionError."""
    config, console = checked(cfg, StudyConfig), Console()
    name = str(HydraConfig.get().runtime.choices["study"])
    if config.study is None:
        names = GlobalHydra.instance().config_loader().get_group_options("study")
        raise ConfigError(f"say which study: study={', '.join(sorted(names))} (more: --help)")
    config.results = str(Path(config.results).resolve())
    variants = variants_of(config.study, config.results)
    cells = cells_of(config.study, config.env)
    numbers = [cell.world for cell in cells if cell.world is not None]
    draw_shown(numbers, config.processes, config.live, console)
    study = study_of(config, cells, variants, console)
    title = f"{name}, on the real pipeline" if study.real else name
    known_by = f"study-{name}-pipeline" if study.real else f"study-{name}"
    every = [*study.simulated, *study.real]
    played = play_missing(study.simulated, "simulated", config, console)
    if study.real:
        real = play_missing(study.real, "on the real pipeline", config, console)
        played = real._replace(failed={**played.failed, **real.failed})
    failures = {run.title: played.failed[run.hash] for run in every if run.hash in played.failed}
    finished = [played.finished[run.hash] for run in every if run.hash in played.finished]
    write_runs(played.folder, known_by, finished)
    directory = Path(config.results) / "comparisons" / known_by
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    evidence = evidence_of(study, config.study, title, played, failures)
    page, *others = write_report(directory, evidence, console)
    for what, where in (("report", page), ("tables", others[0]), ("pictures", others[-1].parent)):
        say(console, f"{what:<10} {where}")
    if failures:
        n, (first, error) = counted(len(failures), "run"), next(iter(failures.items()))
        raise ExecutionError(f"{n} failed, the first: {first}: {error} (all: {directory / 'table.md'})")


def evidence_of(
    study: Study, schema: StudySchema, title: str, played: Played, failures: Mapping[str, str]
) -> Evidence:
    """Return what is reported. Raises ExecutionError: nothing can be compared."""
    references = references_of(played.episodes(study.references))
    episodes, twins = (
        [episode for episode in played.episodes(runs) if episode.cell in references]
        for runs in (study.runs, study.twins)
    )
    if not episodes:
        first = "; ".join(f"{run}: {error}" for run, error in list(failures.items())[:3])
        raise ExecutionError(f"nothing can be compared: {first}")
    return Evidence(
        title=title,
        episodes=episodes,
        references=references,
        reference=schema.reference,
        highlight=list(schema.highlight),
        notes=notes(study, episodes, twins, references, failures),
        facts={
            "Played in": "the real pipeline" if study.real else "the simulator",
            "Specs": ", ".join(dict.fromkeys(run.resolved.plan.spec.hash for run in study.runs)),
            "Commit": git_commit(),
        },
    )


def notes(
    study: Study,
    episodes: Sequence[Episode],
    twins: Sequence[Episode],
    references: References,
    failures: Mapping[str, str],
) -> list[str]:
    """Return what a reader must know of how this came about."""
    found = []
    if twins:
        scores = [
            leaderboard(episode_table(own, references), references).set_index("agent")["score"]
            for own in (episodes, twins)
        ]
        found.append(
            "Measured on the real pipeline; random and oracle, between which scores lie, are those of the "
            "simulated twin. Spearman's rank correlation with the simulator's scores: "
            f"{pd.concat(scores, axis=1).corr('spearman').iloc[0, 1]:.2f}."
        )
    beyond = [
        f"{one.agent} in {one.cell}, seed {one.seed}"
        for one in twins or episodes
        if one.figures["reward_mean"] > references[one.cell].best(one.seed) + TOLERANCE
    ]
    if beyond:  # the best known is not the best
        found.append(f"Better than the best known by more than {TOLERANCE:g} per step: {', '.join(beyond)}.")
    if absent := [cell.name for cell in study.cells if cell.name not in references]:
        found.append(f"Not compared, for random or oracle is missing there: {', '.join(absent)}.")
    failed = pd.Series(failures, dtype=object)
    return found + [
        f"Failed: {counted(len(own), 'run')}, the first {own.index[0]}: {error}."
        for error, own in failed.groupby(failed, sort=False)
    ]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any process begins: each has one core
    enter("experiments.study", CONF / "study.yaml", perform, register)
