"""Search of an agent's figures in the worlds for training: trials, what each is worth, what comes of it.

The budget is so many trials x episodes x steps. The present figures are one of the trials, every trial meets
the same worlds under the same seeds, and nothing in conf/ is changed: the best figures are left in a file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import OmegaConf
from rich.console import Console

from agents.base import Agent
from envs.procedural.world import world
from envs.processes import shared_among
from envs.simulator.system import Cell
from experiments.config.agents import make_agent
from experiments.config.programs import DrawnSchema, PairedSchema, RangeSchema, TrainConfig
from experiments.config.schemas import SimulatorSchema
from experiments.program.console import ProgressView, say
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.runs.provenance import git_commit
from experiments.runs.record import CONFIG, make_run_directory
from experiments.runs.trace import traced
from experiments.training.worlds import env_of, paired_cells, training_numbers
from experiments.worlds.drawn import draw_shown
from pipeline.allowance import usable_cores

BEST, TRIALS = "best.yaml", "trials.csv"  # in the search's own directory
OUTCOME = ("reward", "gain", "standard_error")  # of a trial; gains are over the present figures

Figures = Mapping[str, float]


def search(
    config: TrainConfig, name: str, values: Mapping[str, Any], config_yaml: str, console: Console
) -> None:
    """Try figures in an agent's file that have ranges, show each new best; leave all trials and the best.

    `name` is of that file in conf/agent, `values` are its own, `_target_` among them; `config_yaml` is
    `config` as a text, to be left beside what came of it.

    Raises ConfigError: something is wrong with it; nothing has been tried then.
    """
    if not isinstance(config.env, SimulatorSchema):
        raise ConfigError("figures are searched in the simulator; say env=simulator")
    check_search(config, name, values)
    cells = cells_for(config, console)
    trials: list[Figures] = [{figure: values[figure] for figure in config.ranges}]
    trials += drawn(config.ranges, config.trials - 1, config.seed)
    for figures in trials:  # one that cannot be made is better known now
        make_agent(OmegaConf.create({**values, **figures}), cells[0].spec)
    n, rewards, best = len(trials), list[list[float]](), -math.inf
    with (
        ProgressView(console, config.live, f"search for {name}", n, "trials") as view,
        shared_among(min(config.processes or len(usable_cores()), n), "spawn") as pool,
    ):
        for found in pool.map(partial(rewards_of, values, cells, config.seed), trials):
            rewards.append(found)
            mean = float(np.mean(found))
            is_better, best = mean > best, max(best, mean)
            view.show(len(rewards), n, f"best reward {best:+.4f}", is_better)
    tried = tried_of(trials, np.array(rewards))
    directory = make_run_directory(Path(config.results) / config.name, f"{name}-s{config.seed}")
    write_whole(directory / CONFIG, config_yaml)
    write_whole(directory / TRIALS, tried.to_csv(index_label="trial"))
    place = int(tried["reward"].argmax())
    outcome = {column: float(tried[column].iloc[place]) for column in OUTCOME}
    told = {"agent": name, "git_commit": git_commit(), "figures": trials[place], **outcome}
    write_whole(directory / BEST, OmegaConf.to_yaml(OmegaConf.create(told)))
    figures = ", ".join(f"{figure}={value:g}" for figure, value in trials[place].items())
    gain = f"{outcome['gain']:+.4f} ± {outcome['standard_error']:.4f}"
    say(console, f"best: {figures}; reward {outcome['reward']:+.4f} per step, {gain} more than as it is")
    budget = f"{n} trials x {config.episodes} episodes x {cells[0].systems[0].steps} steps"
    say(console, f"{budget}; the best figures: {directory / BEST}")


def check_search(config: TrainConfig, name: str, values: Mapping[str, Any]) -> None:
    """Raise ConfigError if something of the search's own is wrong."""
    with blaming("search"):
        for key in ("trials", "episodes"):
            if getattr(config, key) < 2:
                raise ValueError(f"{key} must be >= 2, got {getattr(config, key)}")
    with blaming("ranges"):
        for figure, schema in config.ranges.items():
            if figure not in values:
                raise ValueError(f"agent {name} has no figure {figure!r}; it has {', '.join(values)}")
            check_range(figure, schema)


def cells_for(config: TrainConfig, console: Console) -> list[Cell]:
    """Return as many worlds as there are episodes: drawn ones, or variants of pairs as evenly as can be.

    Raises ConfigError: one is not possible, or not to be searched on.
    """
    schema = config.training
    if isinstance(schema, DrawnSchema):
        with blaming("training"):
            numbers = training_numbers(schema.first, config.episodes)
        draw_shown(numbers, config.processes, config.live, console)
        return [world(number).cell for number in numbers]
    assert isinstance(schema, PairedSchema)
    variants = [replace(cell, systems=[one]) for cell in paired_cells(config, schema) for one in cell.systems]
    order = np.random.default_rng(config.seed).permutation(len(variants))
    return [variants[order[i % len(variants)]] for i in range(config.episodes)]


# --- what is tried ---


def check_range(name: str, schema: RangeSchema) -> None:
    """Raise ValueError if nothing can be drawn from it."""
    if not (math.isfinite(schema.low) and math.isfinite(schema.high) and schema.low < schema.high):
        raise ValueError(f"{name}: low must be below high, both finite, got {schema.low} and {schema.high}")
    if schema.log and schema.low <= 0:
        raise ValueError(f"{name}: low must be > 0 in a logarithmic range, got {schema.low}")
    if schema.integer and not (schema.low.is_integer() and schema.high.is_integer()):
        raise ValueError(f"{name}: low and high must be integers, got {schema.low} and {schema.high}")


def figure_at(schema: RangeSchema, share: float) -> float | int:
    """Return the figure at a share, in [0, 1), of the way from low to high; integers have equal parts."""
    width = 0.5 if schema.integer else 0.0  # to each side of the first and last integer
    low, high = schema.low - width, schema.high + width
    value = low * (high / low) ** share if schema.log else low + share * (high - low)
    if schema.integer:
        return int(min(max(round(value), schema.low), schema.high))
    return float(f"{value:.3g}")


def drawn(ranges: Mapping[str, RangeSchema], n: int, seed: int) -> list[dict[str, float]]:
    """Draw so many trials, spread over all ranges by a scrambled Halton sequence."""
    from scipy.stats import qmc  # takes a second to import

    shares = qmc.Halton(len(ranges), rng=np.random.default_rng(seed)).random(n)
    return [
        {name: figure_at(schema, share) for (name, schema), share in zip(ranges.items(), row, strict=True)}
        for row in shares.tolist()
    ]


def rewards_of(
    values: Mapping[str, Any], cells: Sequence[Cell], first_seed: int, figures: Figures
) -> list[float]:
    """Return a trial's mean reward per step in one episode of each cell; a process of the pool plays them."""
    agents, means = dict[str, Agent](), []
    for seed, cell in enumerate(cells, first_seed):
        if cell.spec.hash not in agents:
            agents[cell.spec.hash] = make_agent(OmegaConf.create({**values, **figures}), cell.spec)
            agents[cell.spec.hash].warm_up()
        trace = traced(agents[cell.spec.hash], env_of(cell), seed)
        means.append(float(np.mean(trace["reward"].to_numpy())))
    return means


def tried_of(trials: Sequence[Figures], rewards: NDArray[np.float64]) -> pd.DataFrame:
    """Return a row per trial: its figures; mean reward; gain over the first, and that mean's standard error.

    `rewards` are means per step, shape (n_trials, n_episodes).
    """
    gains = rewards - rewards[0]
    errors = gains.std(axis=1, ddof=1) / math.sqrt(gains.shape[1])
    outcome = (rewards.mean(axis=1), gains.mean(axis=1), errors)
    return pd.DataFrame(trials).assign(**dict(zip(OUTCOME, outcome, strict=True)))
