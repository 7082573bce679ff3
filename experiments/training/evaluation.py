"""What agents come to in simulated worlds: trials of their figures, and who was trained beside rivals."""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from agents.base import Agent
from agents.training import Side
from envs.simulator.system import Cell
from envs.spec import ElasticitySpec
from experiments.config.agents import make_agent
from experiments.config.programs import RangeSchema
from experiments.runs.episode import Steps, play
from experiments.runs.summary import summarise
from experiments.runs.trace import trace_of

if TYPE_CHECKING:  # compiles
    from envs.simulator.env import SimulatorEnv

SCORES = ("reward_mean", "slo_fulfilment", "qoe_mean")

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Arena:
    """Where every trial takes place, under the same seeds.

    Attributes:
        cells: one episode in each.
        seeds: of those episodes.
        values: of the agent's configuration, `_target_` among them; trials change some of them.
    """

    cells: Sequence[Cell]
    seeds: Sequence[int]
    values: Mapping[str, Any]

    def agent(self, figures: Figures, spec: ElasticitySpec) -> Agent:
        """The agent with these figures, for a spec. Raises ConfigError: one is out of range."""
        return make_agent(OmegaConf.create({**self.values, **figures}), spec)

    @cached_property
    def envs(self) -> "list[SimulatorEnv]":
        """Return the worlds, each made once."""
        from envs.simulator.env import SimulatorEnv  # compiles

        return [SimulatorEnv(cell.spec, cell.systems) for cell in self.cells]

    def rewards(self, figures: Figures) -> NDArray[np.float64]:
        """Return the mean reward per step of each episode, shape (n_episodes,)."""
        agents, means = dict[str, Agent](), []
        for env, seed in zip(self.envs, self.seeds, strict=True):
            spec = env.elasticity
            if spec.hash not in agents:
                agents[spec.hash] = self.agent(figures, spec)
                agents[spec.hash].warm_up()
            kept = Steps()
            play(agents[spec.hash], env, seed, [kept])
            means.append(np.mean([step.reward for step in kept.seen]))
        return np.array(means)


def check_range(name: str, schema: RangeSchema) -> None:
    """Raise ValueError if nothing can be drawn from it."""
    if not (math.isfinite(schema.low) and math.isfinite(schema.high) and schema.low < schema.high):
        raise ValueError(f"{name}: low must be below high, both finite, got {schema.low} and {schema.high}")
    if schema.log and schema.low <= 0:
        raise ValueError(f"{name}: low must be > 0 in a logarithmic range, got {schema.low}")
    if schema.integer and not (schema.low.is_integer() and schema.high.is_integer()):
        raise ValueError(f"{name}: low and high must be integers, got {schema.low} and {schema.high}")


def figure_at(schema: RangeSchema, share: float) -> float | int:
    """The figure at a share, in [0, 1), of the way from low to high; integers have equal parts of it."""
    width = 0.5 if schema.integer else 0.0  # to each side of the first and last integer
    low, high = schema.low - width, schema.high + width
    value = low * (high / low) ** share if schema.log else low + share * (high - low)
    if schema.integer:
        return int(min(max(round(value), schema.low), schema.high))
    return float(f"{value:.3g}")


def drawn(ranges: Mapping[str, RangeSchema], n: int, seed: int) -> list[dict[str, float]]:
    """So many trials, spread over all ranges by a scrambled Halton sequence."""
    from scipy.stats import qmc  # takes a second to import

    shares = qmc.Halton(len(ranges), rng=np.random.default_rng(seed)).random(n)
    return [
        {name: figure_at(schema, share) for (name, schema), share in zip(ranges.items(), row, strict=True)}
        for row in shares.tolist()
    ]


class Worker:
    """A process of the pool, which is sent the arena once."""

    arena: Arena

    @classmethod
    def begin(cls, arena: Arena) -> None:
        """Keep it between trials."""
        cls.arena = arena

    @classmethod
    def rewards(cls, figures: Figures) -> NDArray[np.float64]:
        """Return those of `Arena.rewards`."""
        return cls.arena.rewards(figures)


def try_all(
    arena: Arena,
    trials: Sequence[Figures],
    processes: int,
    on_trial: Callable[[NDArray[np.float64]], None],
) -> NDArray[np.float64]:
    """Return what each trial came to; `on_trial` hears of each as it ends, in any order.

    Returns:
        Mean reward per step, shape (n_trials, n_episodes).
    """
    rewards = np.empty((len(trials), len(arena.cells)))
    with ProcessPoolExecutor(processes, get_context("spawn"), Worker.begin, (arena,)) as pool:
        running = {pool.submit(Worker.rewards, trial): i for i, trial in enumerate(trials)}
        try:
            for future in as_completed(running):
                rewards[running[future]] = future.result()
                on_trial(rewards[running[future]])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return rewards


# --- of a trained agent and its rivals ---


def score(agent: Agent, env: gym.Env, seeds: Sequence[int]) -> dict[str, float]:
    """Play one episode per seed, of agent and world alike; close the world.

    Returns:
        By SCORES of a run's summary, means over all steps of all seeds; NaN where nothing is known.
    """
    kept = Steps()
    try:
        agent.warm_up()
        for seed in seeds:
            play(agent, env, seed, [kept])
    finally:
        env.close()
    figures = summarise(trace_of(kept.seen, agent.spec))
    return {name: math.nan if figures[name] is None else figures[name] for name in SCORES}


def random_reward(side: Side, seeds: Sequence[int], seed: int) -> float:
    """Return the mean reward per step of random decisions in each environment's first episode.

    Args:
        side: as many environments as seeds; they are closed.
        seeds: of the episodes.
        seed: of the decisions.
    """
    rng, n_levels = np.random.default_rng(seed), np.array([spec.n_levels for spec in side.specs])
    try:
        side.envs.reset(seed=list(seeds))  # pyright: ignore[reportArgumentType] - one each
        is_running, total, n_steps = np.ones(len(seeds), dtype=bool), 0.0, 0
        while is_running.any():
            _, rewards, terminated, truncated, _ = side.envs.step(rng.integers(n_levels))
            total += float(np.sum(rewards, where=is_running))
            n_steps += int(is_running.sum())
            is_running &= ~(terminated | truncated)
        return total / n_steps
    finally:
        side.envs.close()
