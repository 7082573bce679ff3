"""`python -m experiments.forecast`: hold what agents with a model expect against what comes true."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import hydra
import pandas as pd
from hydra import compose
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from agents.forecasting import Forecaster
from envs.spec import ElasticitySpec
from experiments.config.agents import make_agent
from experiments.config.schemas import CONF, RunConfig, check_keys
from experiments.config.world_schemas import SimulatorSchema
from experiments.forecasts.questions import Inquiry, ask
from experiments.forecasts.report import plot_calibration, rows_of, scores_of, scores_table
from experiments.forecasts.schema import ForecastsConfig, check, register
from experiments.program.entry import complaining, enter
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.runs.record import CONFIG, make_run_directory
from experiments.training.worlds import Pair, option, pairs_of
from experiments.worlds.simulator import SimulatorPlan, plan_simulator

PAIRS, SCORES, PICTURE = "pairs.csv", "scores.csv", "calibration.png"


@dataclass(frozen=True, slots=True)
class Place:
    """A world: names of its files in conf/, and what they stand for."""

    pair: Pair
    plan: SimulatorPlan


class Cast:
    """The agents, each made and warmed up once per spec."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Forecaster] = {}

    def agent(self, name: str, spec: ElasticitySpec) -> Forecaster:
        """Of conf/agent/NAME.yaml. Raises ConfigError if it has no model to ask."""
        key = (name, spec.hash)
        if key not in self._made:
            values = compose("config", overrides=[f"agent={name}"])["agent"]
            agent = make_agent(values, spec, f"agent {name}")
            if not isinstance(agent, Forecaster):
                raise ConfigError(f"agents: {name} makes no forecasts, see agents.forecasting.Forecaster")
            self._made[key] = agent
        return self._made[key]


def places_of(config: ForecastsConfig) -> list[Place]:
    """Every hardware with every scenario, inside a `hydra.main`. Raises ConfigError: one is not possible."""
    assert isinstance(config.env, SimulatorSchema)
    like = OmegaConf.to_object(compose("config", overrides=["env=simulator"]))
    assert isinstance(like, RunConfig)
    parts = {"video": config.video, "detector": config.detector, "env": config.env, "slo": config.slo}
    places = []
    for pair in pairs_of(config.worlds):
        at = {"hardware": option("hardware", pair.hardware), "scenario": option("scenario", pair.scenario)}
        try:
            places.append(Place(pair, plan_simulator(replace(like, **parts, **at), config.env)))
        except ConfigError as error:
            raise ConfigError(f"{pair}: {error}") from error
    return places


def collect(
    config: ForecastsConfig, places: list[Place], cast: Cast, progress: Progress
) -> Iterator[Mapping[str, Any]]:
    """The rows of `PAIRS`, episode by episode."""
    inquiry = Inquiry(config.moments, config.settings, config.clones, config.held)
    n_episodes = len(config.agents) * len(places) * config.seeds
    task = progress.add_task("forecasts", total=n_episodes * len(config.moments))
    for name, place in product(config.agents, places):
        progress.update(task, description=f"{name} on {place.pair}")
        agent = cast.agent(name, place.plan.spec)
        agent.warm_up()
        env = place.plan.make_env(Path(), lambda _: None)
        for seed in range(config.seeds):
            world = {**place.pair._asdict(), "seed": seed}
            for answers in ask(agent, env, seed, inquiry, lambda: progress.advance(task)):
                yield from rows_of(name, world, agent.spec, answers)


def carry_out(config: ForecastsConfig, config_yaml: str, console: Console) -> Path:
    """Ask, judge, and leave it all in a directory, which is returned. Raises ConfigError."""
    places, cast = places_of(config), Cast()
    for name, place in product(config.agents, places):
        cast.agent(name, place.plan.spec)  # what is wrong with one is said before anything is asked
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    is_shown = console.is_terminal if config.live is None else config.live
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as progress:
        pairs = pd.DataFrame(collect(config, places, cast, progress))
    scores = scores_of(pairs, config.bins)
    directory = make_run_directory(Path(config.results) / "forecasts", "-".join(config.agents))
    write_whole(directory / CONFIG, config_yaml)
    write_whole(directory / PAIRS, pairs.to_csv(index=False))
    write_whole(directory / SCORES, scores.to_csv(index=False))
    plot_calibration(pairs, config.bins, directory / PICTURE)
    console.print(scores_table(scores))
    for what, name in (("every forecast", PAIRS), ("scores", SCORES), ("calibration", PICTURE)):
        console.print(f"{what:<16} {directory / name}", markup=False, highlight=False, soft_wrap=True)
    return directory


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="forecasts")
def main(cfg: DictConfig) -> None:
    """Ask and judge; what goes wrong ends the program here, for Hydra would print it too."""
    with complaining("experiments.forecast", ()):
        with blaming("configuration"):
            check_keys(cfg)
            config = OmegaConf.to_object(cfg)
            assert isinstance(config, ForecastsConfig)
            check(config)
        carry_out(config, OmegaConf.to_yaml(cfg, resolve=True), Console())


if __name__ == "__main__":
    enter("experiments.forecast", main, register, ())
