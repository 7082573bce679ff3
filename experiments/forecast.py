"""`python -m experiments.forecast`: hold what agents with a model expect against what comes true."""

from itertools import product
from pathlib import Path

import pandas as pd
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.base import Forecaster
from envs.spec import ElasticitySpec
from experiments.config.agents import make_agent
from experiments.config.composing import agent_values
from experiments.config.schemas import CONF, check_keys
from experiments.forecasts.questions import Inquiry, ask
from experiments.forecasts.report import plot_calibration, scores_of, scores_table, table_of
from experiments.forecasts.schema import ForecastsConfig, check, register
from experiments.program.console import ProgressView, say
from experiments.program.entry import enter
from experiments.program.errors import ConfigError, blaming
from experiments.program.files import write_whole
from experiments.runs.record import CONFIG, make_run_directory
from experiments.training.worlds import pairs_of, plans_of

PROGRAM = "experiments.forecast"
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
    inquiry = Inquiry(config.moments, config.settings, config.clones, config.held)
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
                answers = ask(agent, env, seed, inquiry, view.done)
                tables += [table_of(one, agent.spec, world) for one in answers]
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


def perform(cfg: DictConfig) -> None:
    """Check everything, then ask and judge."""
    with blaming("configuration"):
        check_keys(cfg)
        config = OmegaConf.to_object(cfg)
        assert isinstance(config, ForecastsConfig)
        check(config)
    execute(config, OmegaConf.to_yaml(cfg, resolve=True), Console())


if __name__ == "__main__":
    enter(PROGRAM, CONF / "forecasts.yaml", perform, register)
