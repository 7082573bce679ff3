"""`python -m experiments.forecast`: hold what agents with a model expect against what comes true."""

from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.base import Forecaster
from envs.spec import ElasticitySpec
from experiments.config.agents import agent_values, make_agent
from experiments.config.composing import checked, register
from experiments.config.programs import ForecastsConfig
from experiments.config.schemas import CONF, SimulatorSchema
from experiments.execution.questions import ask
from experiments.program.console import ProgressView, say
from experiments.program.entry import enter
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.report.forecasts import plot_calibration, scores_table
from experiments.runs.record import CONFIG, make_run_directory
from experiments.statistics.forecasts import scores_of
from experiments.training.worlds import pairs_of, plans_of

PAIRS, SCORES, PICTURE = "pairs.csv", "scores.csv", "calibration.png"


def forecaster(name: str, results: str, spec: ElasticitySpec) -> Forecaster:
    """Make the agent of conf/agent/NAME.yaml. Raises ConfigError if it has no model to ask."""
    agent = make_agent(agent_values(name, results, f"agents: {name}"), spec, f"agents: {name}")
    if not isinstance(agent, Forecaster):
        raise ConfigError(f"agents: {name} makes no forecasts, see agents.forecasting.Forecaster")
    return agent


def execute(config: ForecastsConfig, config_yaml: str, console: Console) -> Path:
    """Ask, judge, and leave it all in a directory, which is returned. Raises ConfigError."""
    plans = plans_of(config, pairs_of(config.worlds), seed=0)
    specs = {plan.spec.hash: plan.spec for plan in plans.values()}
    agents = {  # what is wrong with one is said before anything is asked
        (name, key): forecaster(name, config.results, spec)
        for name, (key, spec) in product(config.agents, specs.items())
    }
    asked = partial(
        ask, moments=config.moments, n_settings=config.settings, n_clones=config.clones, held=config.held
    )
    n_moments = len(config.agents) * len(plans) * config.seeds * len(config.moments)
    tables = []
    with ProgressView(console, config.live, "forecasts", n_moments, "moments") as view:
        for name, (pair, plan) in product(config.agents, plans.items()):
            view.say(f"{name} on {pair}")
            agent = agents[name, plan.spec.hash]
            agent.warm_up()
            env = plan.make_env(Path(), lambda _: None)
            for seed in range(config.seeds):
                world = {"agent": name, **pair._asdict(), "seed": seed}
                for answers in asked(agent, env, seed):
                    tables.append(answers.table(agent.spec, world))
                    view.done()
    pairs = pd.concat(tables, ignore_index=True)
    scores = scores_of(pairs, config.bins)
    directory = make_run_directory(Path(config.results) / "forecasts", "-".join(config.agents))
    write_whole(directory / CONFIG, config_yaml)
    write_whole(directory / PAIRS, pairs.to_csv(index=False))
    write_whole(directory / SCORES, scores.to_csv(index=False))
    plot_calibration(pairs, config.bins, directory / PICTURE)
    console.print(scores_table(scores))
    for what, name in (("every forecast", PAIRS), ("scores", SCORES), ("calibration", PICTURE)):
        say(console, f"{what:<16} {directory / name}")
    return directory


def check(config: ForecastsConfig) -> None:
    """Raise ValueError if a number is out of range, or a forecast would reach beyond the episode's end."""
    if not isinstance(config.env, SimulatorSchema):
        raise ValueError("only the simulator can be copied: say env=simulator")
    for name, least in (("seeds", 1), ("settings", 3), ("clones", 1), ("held", 1), ("bins", 1)):
        if getattr(config, name) < least:
            raise ValueError(f"{name} must be >= {least}, got {getattr(config, name)} (conf/forecasts.yaml)")
    lists = {"agents": config.agents, "moments": config.moments, **vars(config.worlds)}
    if empty := [name for name, entries in lists.items() if not entries]:
        raise ValueError(f"{empty[0]} must not be empty (conf/forecasts.yaml)")
    last = config.env.steps - config.held
    if not all(0 <= moment <= last for moment in config.moments):
        raise ValueError(
            f"moments must be in [0, env.steps - held = {last}], got {config.moments} (conf/forecasts.yaml)"
        )


def perform(cfg: DictConfig) -> None:
    """Check everything, then ask and judge."""
    config = checked(cfg, ForecastsConfig)
    with blaming("configuration"):
        check(config)
    execute(config, OmegaConf.to_yaml(cfg, resolve=True), Console())


if __name__ == "__main__":
    enter("experiments.forecast", CONF / "forecasts.yaml", perform, register)
