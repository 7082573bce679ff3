"""`python -m experiments.study`: agents in cells under seeds, tables and pictures of how they compare."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from experiments.config.programs import StudyConfig, register
from experiments.config.schemas import CONF, checked
from experiments.program.console import say
from experiments.program.entry import enter
from experiments.program.errors import ConfigError, ExecutionError
from experiments.program.files import write_whole
from experiments.program.formatting import counted
from experiments.report.block import Evidence
from experiments.report.report import write_report
from experiments.runs.provenance import git_commit
from experiments.runs.record import CONFIG
from experiments.statistics.episode import TOLERANCE, Episode, References, episode_table, references_of
from experiments.statistics.leaderboard import leaderboard
from experiments.statistics.pairs import halves_agreement
from experiments.sweeps.cells import cells_of
from experiments.sweeps.place import write_runs
from experiments.sweeps.pool import Played, play_missing
from experiments.sweeps.study import Study, study_of, variants_of
from experiments.worlds.drawn import draw_shown


def perform(cfg: DictConfig, console: Console) -> None:
    """Play what a study needs, and compare it. Raises ConfigError, ExecutionError."""
    config, name = checked(cfg, StudyConfig), str(HydraConfig.get().runtime.choices["study"])
    if config.study is None:
        names = GlobalHydra.instance().config_loader().get_group_options("study")
        raise ConfigError(f"say which study: study={', '.join(sorted(names))} (more: --help)")
    config.results = str(Path(config.results).resolve())
    variants = variants_of(config.study, config.results)
    cells = cells_of(config.study, config.env)
    numbers = [cell.world for cell in cells if cell.world is not None]
    draw_shown(numbers, config.processes, config.live, console)
    study = study_of(config, cells, variants, console)
    title, known_by = name, f"study-{name}"
    if study.is_real:
        title, known_by = f"{name}, on the real pipeline", f"study-{name}-pipeline"
    played = play(study, config, console)
    failures = {run.title: played.failed[run.hash] for run in study.all if run.hash in played.failed}
    finished = [played.finished[run.hash] for run in study.all if run.hash in played.finished]
    write_runs(played.folder, known_by, finished)
    directory = Path(config.results) / "comparisons" / known_by
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    evidence = evidence_of(study, config, title, played, failures, directory, console)
    page, *others = write_report(directory, evidence, console)
    for what, where in (("report", page), ("tables", others[0]), ("pictures", others[-1].parent)):
        say(console, f"{what:<10} {where}")
    if failures:
        n, (first, error) = counted(len(failures), "run"), next(iter(failures.items()))
        raise ExecutionError(f"{n} failed, the first: {first}: {error} (all: {directory / 'table.md'})")


def play(study: Study, config: StudyConfig, console: Console) -> Played:
    """Play what is missing: first in the simulator, all cores at work, then in real time, one by one."""
    played = play_missing(study.simulated, "simulated", config, config.processes, console)
    if study.real:
        real = play_missing(study.real, "on the real pipeline", config, 1, console)
        played = real._replace(failed={**played.failed, **real.failed})
    return played


def evidence_of(
    study: Study,
    config: StudyConfig,
    title: str,
    played: Played,
    failures: Mapping[str, str],
    directory: Path,
    console: Console,
) -> Evidence:
    """Return what is reported. Raises ExecutionError: nothing can be compared.

    On the real pipeline, ranks there and in the simulator are left in `directory`, too.
    """
    assert config.study is not None
    references = references_of(played.episodes(study.references))
    episodes, twins = (
        [episode for episode in played.episodes(runs) if episode.cell in references]
        for runs in (study.runs, study.twins)
    )
    if not episodes:
        first = "; ".join(f"{run}: {error}" for run, error in list(failures.items())[:3])
        raise ExecutionError(f"nothing can be compared: {first}")
    found = notes(study, episodes, twins, references, failures)
    if twins:
        frame, correlation = ranking(episodes, twins, references)
        write_whole(directory / "ranks.csv", frame.to_csv(index=False))
        found.insert(
            0,
            "Measured on the real pipeline; random and oracle, between which scores lie, are those of the "
            f"simulated twin. Spearman's rank correlation with the simulator's scores: {correlation:.2f}.",
        )
        console.print(f"rank correlation with the simulator: {correlation:.2f}", highlight=False)
    return Evidence(
        title=title,
        episodes=episodes,
        references=references,
        reference=config.study.reference,
        highlight=list(config.study.highlight),
        notes=found,
        facts={
            "Played in": "the real pipeline" if study.is_real else "the simulator",
            "Specs": ", ".join(dict.fromkeys(run.resolved.plan.spec.hash for run in study.runs)),
            "Commit": git_commit(),
        },
    )


def ranking(
    episodes: Sequence[Episode], twins: Sequence[Episode], references: References
) -> tuple[pd.DataFrame, float]:
    """Return scores on the pipeline beside the simulator's, and Spearman's correlation of their ranks."""
    real, simulated = (
        leaderboard(episode_table(own, references), references).set_index("agent")["score"]
        for own in (episodes, twins)
    )
    both = pd.DataFrame({"pipeline": real, "simulator": simulated}).dropna()
    ranks = both.rank(ascending=False).add_suffix("_rank")
    frame = both.join(ranks).sort_values("pipeline", ascending=False)
    return frame.reset_index(), float(both.corr("spearman").iloc[0, 1])


def notes(
    study: Study,
    episodes: Sequence[Episode],
    twins: Sequence[Episode],
    references: References,
    failures: Mapping[str, str],
) -> list[str]:
    """Return what a reader must know of how this came about."""
    found = []
    beyond = [
        f"{one.agent} in {one.cell}, seed {one.seed}"
        for one in twins or episodes
        if one.figures["reward_mean"] > references[one.cell].best(one.seed) + TOLERANCE
    ]
    if beyond:  # the best known is not the best
        found.append(f"Better than the best known by more than {TOLERANCE:g} per step: {', '.join(beyond)}.")
    if absent := [cell.name for cell in study.cells if cell.name not in references]:
        found.append(f"Not compared, for random or oracle is missing there: {', '.join(absent)}.")
    if (halves := halves_agreement(episode_table(episodes, references))) is not None:
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


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any process begins: each has one core
    enter("experiments.study", CONF / "study.yaml", lambda cfg: perform(cfg, Console()), register)
