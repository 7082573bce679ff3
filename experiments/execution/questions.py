"""What an agent forecasts in the midst of its own episode, and what copies of that episode make of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agents.base import Forecaster, Transition
from envs.spec import ElasticitySpec
from experiments.runs.episode import received
from experiments.statistics.forecasts import ALL

if TYPE_CHECKING:  # compiles
    from envs.simulator.branches import Branches
    from envs.simulator.env import SimulatorEnv

CHOICE, SEEDS = 1, 2  # what a generator draws: settings to ask about, the clones' seeds


@dataclass(frozen=True, slots=True)
class Answers:
    """What is forecast and what comes true at one moment.

    `forecasts` are P(fulfilled) per SLO, then of all: the least of these, the upper bound of Fréchet and
    Hoeffding, right if SLOs break together, as those that watch the same queue do; shape (n, n_slos + 1).
    """

    step: int  # decisions made before
    settings: NDArray[np.int64]  # shape (n, n_knobs): the one in force, the lowest, the highest, others
    forecasts: NDArray[np.float64]
    shares: NDArray[np.float64]  # of the clones that fulfilled it, likewise

    def table(self, spec: ElasticitySpec, world: Mapping[str, object]) -> pd.DataFrame:
        """Return a row per setting and SLO: columns of `world`, then step, setting, slo, forecast, share."""
        slos = [*(slo.metric for slo in spec.slos), ALL]
        settings = ["-".join(map(str, setting)) for setting in self.settings.tolist()]
        columns = {
            **world,
            "step": self.step,
            "setting": np.repeat(settings, len(slos)),
            "slo": np.tile(slos, len(settings)),
            "forecast": self.forecasts.ravel(),
            "share": self.shares.ravel(),
        }
        return pd.DataFrame(columns)


def ask(
    agent: Forecaster,
    env: "SimulatorEnv",
    seed: int,
    *,
    moments: Sequence[int],
    n_settings: int,
    n_clones: int,
    held: int,
) -> Iterator[Answers]:
    """Let the agent drive an episode, and ask it on the way, each time after its decision.

    Seeds of the clones and settings are drawn by seed and moment alone, so that all agents face the same.

    Args:
        moments: steps at which it is asked, ascending or not.
        n_settings: asked about at each, >= 3; all there are if there are no more.
        n_clones: copies of the episode per setting.
        held: intervals that a setting is held; the last is judged.
    """
    from envs.simulator.branches import Branches

    branches = Branches(env, n_clones)
    agent.reset(seed)
    observation, info = env.reset(seed=seed)
    in_force = tuple(agent.spec.decode(observation).levels.tolist())
    for step in range(max(moments) + 1):
        levels = agent.act(observation, info)
        if step in moments:
            rng = np.random.default_rng([seed, step, CHOICE])
            settings = drawn(agent.spec, in_force, n_settings, rng)
            forecasts = agent.forecast(settings)
            seeds = np.random.default_rng([seed, step, SEEDS]).integers(2**31, size=n_clones)
            shares = np.stack([truth(branches, one, seeds, held) for one in settings])
            yield Answers(step, settings, np.column_stack([forecasts, forecasts.min(axis=1)]), shares)
        seen, (observation, reward, terminated, _, info) = observation, env.step(levels)
        agent.learn(Transition(seen, levels, received(info, reward), observation, terminated))
        in_force = tuple(levels.tolist())


def drawn(
    spec: ElasticitySpec, in_force: tuple[int, ...], n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw different settings, shape (n, n_knobs): the one in force, lowest, highest, then others by lot."""
    settings = list(dict.fromkeys([in_force, spec.lowest, spec.highest]))
    others = [setting for setting in np.ndindex(*spec.n_levels) if setting not in settings]
    wanted = min(n - len(settings), len(others))
    settings += [others[i] for i in rng.permutation(len(others))[:wanted]]
    return np.array(settings, dtype=np.int64)


def truth(
    branches: "Branches", setting: NDArray[np.int64], seeds: NDArray[np.int64], held: int
) -> NDArray[np.float64]:
    """Return the share of the clones that fulfil each SLO in the last of `held` intervals, and all.

    An SLO of which nothing is measured counts as fulfilled, as it does in the reward. Shape (n_slos + 1,).
    """
    branches.take()
    branches.draw_from(seeds.tolist())
    actions = np.tile(setting, (seeds.size, 1))
    for _ in range(held):
        branches.step(actions)
    fulfilled = branches.fulfilled
    return np.append(fulfilled.mean(axis=0), fulfilled.all(axis=1).mean())
