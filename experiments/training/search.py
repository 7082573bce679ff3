"""Search of an agent's figures in the worlds for training: trials, what each is worth, what comes of it.

The budget is so many trials x episodes x steps. The present figures are one of the trials, every trial meets
the same worlds under the same seeds, and nothing in conf/ is changed: the best figures are printed, and left
in a file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from envs.simulator.system import Cell
from experiments.config.programs import DrawnSchema, PairedSchema, TrainConfig
from experiments.config.world_schemas import SimulatorSchema
from experiments.program.console import ProgressView, plain_table, say
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.runs.provenance import git_commit
from experiments.runs.record import CONFIG, make_run_directory
from experiments.training.evaluation import Arena, check_range, drawn, try_all
from experiments.training.worlds import cells_of_worlds, check_training, paired_cells, training_numbers
from experiments.worlds.drawn import draw_shown
from pipeline.allowance import usable_cores

BEST, TRIALS = "best.yaml", "trials.csv"  # in the search's own directory
SHOWN = 4  # trials in the table, beside the present figures


@dataclass(frozen=True, slots=True)
class Search:
    """A search, ready to begin.

    Attributes:
        config: all that was asked for.
        name: of the agent's file in conf/agent.
        arena: where the trials take place.
        trials: figures to be tried; the first are the present ones.
    """

    config: TrainConfig
    name: str
    arena: Arena
    trials: list[dict[str, float]]


def search_of(config: TrainConfig, name: str, values: Mapping[str, Any], console: Console) -> Search:
    """Check a search of the figures in an agent's file, and draw its trials. Raises ConfigError."""
    if not isinstance(config.env, SimulatorSchema):
        raise ConfigError("figures are searched in the simulator; say env=simulator")
    check_search(config, name, values)
    arena = Arena(cells_for(config, console), range(config.seed, config.seed + config.episodes), values)
    present = {figure: values[figure] for figure in config.ranges}
    trials = [present, *drawn(config.ranges, config.trials - 1, config.seed)]
    for figures in trials:
        arena.agent(figures, arena.cells[0].spec)  # one that cannot be made is better known now
    return Search(config, name, arena, trials)


def check_search(config: TrainConfig, name: str, values: Mapping[str, Any]) -> None:
    """Raise ConfigError if something of the search's own is wrong."""
    with blaming("search"):
        for key in ("trials", "episodes"):
            if getattr(config, key) < 2:
                raise ValueError(f"{key} must be >= 2, got {getattr(config, key)}")
    with blaming("ranges"):
        if not config.ranges:
            raise ValueError("at least one figure must have a range, got none")
        for figure, schema in config.ranges.items():
            if figure not in values:
                raise ValueError(f"agent {name} has no figure {figure!r}; it has {', '.join(values)}")
            check_range(figure, schema)


def cells_for(config: TrainConfig, console: Console) -> list[Cell]:
    """Return as many worlds as there are episodes: drawn ones, or variants of pairs as evenly as can be.

    Raises:
        ConfigError: one is not possible, or not to be searched on.
    """
    schema = config.training
    if isinstance(schema, DrawnSchema):
        with blaming("training"):
            numbers = training_numbers(schema.first, config.episodes)
        draw_shown(numbers, config.processes, config.live, console)
        return cells_of_worlds(numbers)
    assert isinstance(schema, PairedSchema)
    with blaming("training"):
        check_training(schema)
    variants = [replace(cell, systems=[one]) for cell in paired_cells(config, schema) for one in cell.systems]
    order = np.random.default_rng(config.seed).permutation(len(variants))
    return [variants[order[i % len(variants)]] for i in range(config.episodes)]


def search(searched: Search, config_yaml: str, console: Console) -> dict[str, Any]:
    """Try everything, leave the best figures, and return what is left."""
    config = searched.config
    rewards = watched(searched, console)
    directory = make_run_directory(Path(config.results) / config.name, f"{searched.name}-s{config.seed}")
    write_whole(directory / CONFIG, config_yaml)
    means = rewards.mean(axis=1)
    tried = pd.DataFrame(searched.trials).assign(reward=means)
    write_whole(directory / TRIALS, tried.to_csv(index_label="trial"))
    outcome = outcome_of(searched, rewards)
    write_whole(directory / BEST, OmegaConf.to_yaml(OmegaConf.create(outcome)))
    console.print(trial_table(searched, means))
    say(console, said(outcome))
    say(console, f"the best figures: {directory / BEST}")
    return outcome


def watched(searched: Search, console: Console) -> NDArray[np.float64]:
    """Return the rewards of all trials; shows how far they are, and where there is no bar each new best."""
    config, n = searched.config, len(searched.trials)
    best, n_done = -math.inf, 0
    with ProgressView(console, config.live, f"search for {searched.name}", n, "trials") as view:

        def on_trial(rewards: NDArray[np.float64]) -> None:
            nonlocal best, n_done
            mean, n_done = float(rewards.mean()), n_done + 1
            is_better, best = mean > best, max(best, mean)
            view.show(n_done, n, f"best reward {best:+.4f}", is_better)

        processes = min(config.processes or len(usable_cores()), n)
        return try_all(searched.arena, searched.trials, processes, on_trial)


def outcome_of(searched: Search, rewards: NDArray[np.float64]) -> dict[str, Any]:
    """What came of it.

    Args:
        rewards: mean reward per step, shape (n_trials, n_episodes); the first trial is the present figures.
    """
    config, means = searched.config, rewards.mean(axis=1)
    best = int(np.argmax(means))
    gains = rewards[best] - rewards[0]
    steps = searched.arena.cells[0].systems[0].steps
    return {
        "agent": searched.name,
        "figures": searched.trials[best],
        "reward": float(means[best]),
        "present_figures": searched.trials[0],
        "present_reward": float(means[0]),
        "gain": float(gains.mean()),
        "gain_standard_error": float(gains.std(ddof=1) / math.sqrt(len(gains))),
        "trials": len(searched.trials),
        "episodes": config.episodes,
        "steps": steps,
        "decisions": len(searched.trials) * config.episodes * steps,
        "seed": config.seed,
        "worlds": list(dict.fromkeys(cell.name for cell in searched.arena.cells)),
        "git_commit": git_commit(),
    }


def trial_table(searched: Search, means: NDArray[np.float64]) -> Table:
    """Return the present figures and the best trials beside them, one row per figure."""
    best = np.argsort(-means, kind="stable").tolist()[:SHOWN]
    shown = [0, *best]
    headings = ("", "as it is", *(f"no. {rank}" for rank in range(1, len(best) + 1)))
    rows = [
        (figure, *(f"{searched.trials[index][figure]:g}" for index in shown))
        for figure in searched.config.ranges
    ]
    rows.append(("reward", *(f"{means[index]:+.4f}" for index in shown)))
    return plain_table(headings, rows, "mean reward per step")


def said(outcome: Mapping[str, Any]) -> str:
    """The budget and the gain in a sentence."""
    return (
        f"{outcome['trials']} trials x {outcome['episodes']} episodes x {outcome['steps']} steps: "
        f"{outcome['present_reward']:+.4f} as it is, {outcome['reward']:+.4f} with the best figures "
        f"(gain {outcome['gain']:.4f}, standard error {outcome['gain_standard_error']:.4f})"
    )
