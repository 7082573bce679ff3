"""`elasticbench rank my_package.MyAgent`: where an agent stands among all others, in the published worlds."""

import os
import re
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from envs.procedural.world import draw_again
from experiments.config.composing import checked, register
from experiments.config.programs import RankConfig
from experiments.config.schemas import CONF
from experiments.execution.resolve import CUSTOM
from experiments.program.console import ProgressView, counted, figure, say
from experiments.program.entry import enter
from experiments.program.errors import ConfigError, ExecutionError
from experiments.program.files import write_whole
from experiments.report.tables import Columns, chance, interval, percent, terminal, written
from experiments.statistics.episode import Episodes
from experiments.statistics.pairs import beaten_worst, standing
from experiments.sweeps.pool import play_missing
from experiments.sweeps.published_leaderboard import commit_of, publish, read
from experiments.sweeps.study import AgentVariant, Resolver, StudyRun, drawn_cell
from pipeline.allowance import usable_cores

CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def perform(cfg: DictConfig) -> None:
    """Play the agent, and place it among the others; or publish what a study left."""
    config, console = checked(cfg, RankConfig), Console()
    if config.worlds is not None and config.worlds < 2:
        raise ConfigError(f"configuration: worlds must be >= 2, got {config.worlds}")
    if config.publish:
        commit = commit_of(folder := Path(config.publish))
        n = counted(publish(folder, commit), "world")
        say(console, f"published: the leaderboard in {n}, of commit {commit[:12]}")
        return
    board, choice = read(), str(HydraConfig.get().runtime.choices["agent"])
    name = config.name or (cfg.agent["_target_"].rpartition(".")[2] if choice == CUSTOM else choice)
    if not config.name and name in set(board.episodes["agent"]):
        name = f"{name} (yours)"
    chosen = dict(list(board.worlds.items())[: config.worlds])
    with ProgressView(console, config.live, "drawing", len(chosen), "worlds") as view:
        for drawn in draw_again(chosen, config.processes or len(usable_cores())):
            board.check(drawn)
            view.done(f"world {drawn.number}")
    config.results = str(Path(config.results).resolve())
    variant, resolver = AgentVariant(name, choice, cfg.agent), Resolver(config, console)
    cells = [drawn_cell(number, config.env) for number in chosen]
    runs = [StudyRun(name, cell, resolver.resolve(variant, cell)) for cell in cells]
    played = play_missing(runs, name, config, console)
    if own := played.episodes(runs):
        report(board.among(name, own), name, board.commit, Path(config.results), console)
    if played.failed:
        n, error = counted(len(played.failed), "episode"), next(iter(played.failed.values()))
        raise ExecutionError(f"{n} of {len(runs)} failed, and are not in the standing; the first: {error}")


def report(episodes: Episodes, name: str, commit: str, results: Path, console: Console) -> None:
    """Print where the agent stands, and what broke it; leave the same as files."""
    table, broken = standing(episodes, name), beaten_worst(episodes, name)
    title = f"{counted(episodes['cell'].nunique(), 'drawn world')}; the others are of commit {commit[:12]}"
    console.print(terminal(written(table, columns(name)), title))
    say(console, f"\nWhere {name} did worst")
    for row in broken.to_dict("records"):
        where = f"  {row['cell']} ({row['stratum']}): {row['score']:.2f}, all SLOs hold in "
        held = f"{percent(row['slo_fulfilment'])} % of the steps"
        say(console, f"{where}{held}; {row['best']} came to {row['best_score']:.2f}")
    first = str(broken["cell"].iloc[0]).rpartition("_")[2]
    say(console, f"  look: elasticbench world {first} --picture world.png")
    directory = results / "comparisons" / "rank"
    directory.mkdir(parents=True, exist_ok=True)
    for what, frame in (("standing.csv", table), ("worst.csv", broken)):
        write_whole(directory / what, frame.to_csv(index=False))
        say(console, f"{what.removesuffix('.csv'):<10} {directory / what}")


def columns(name: str) -> Columns:
    """Return what is shown of a standing, the most important first."""

    def against(write: Callable[[Any], str]) -> Callable[[Any], str]:
        return lambda row: "" if row["agent"] == name else write(row)

    return {
        "agent": lambda row: str(row["agent"]),
        "score": lambda row: interval(row, "score"),
        "worst 10th": lambda row: figure(row["score_worst_tenth"]),
        "yours - theirs": against(lambda row: interval(row, "difference", sign="+")),
        "p (Holm)": against(lambda row: chance(row["p"])),
        "SLOs, %": lambda row: percent(row["fulfilment"]),
        "QoE": lambda row: figure(row["qoe"]),
    }


def overrides(words: Sequence[str]) -> list[str]:
    """Return what Hydra is told: a class alone, as in `rank my_package.MyAgent`, is an agent of one's own."""
    own = [["agent=custom", f"agent._target_={word}"] if CLASS.fullmatch(word) else [word] for word in words]
    return list(chain(*own))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any process begins: each has one core
    enter("experiments.rank", CONF / "rank.yaml", perform, register, overrides)
