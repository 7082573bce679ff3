"""Logged runs of the simulator, played again to the last digit: what would have come of holding still.

A trace does not say whether a disturbance needed an answer. The simulator does: the same settings lead to the
same rewards, and at every turn for the worse it can be asked what would have happened without a change.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from experiments.execution.counterfactual import Counterfactual
from experiments.program.errors import ConfigError
from experiments.results.cells import Venue
from experiments.results.comparable import present_spec
from experiments.runs.episode import Step
from experiments.runs.summary import column
from experiments.statistics.disturbances import ChangePoint
from experiments.statistics.episode import NEEDED
from experiments.worlds.simulator import SimulatorPlan

EXACT = 1e-12  # difference of rewards; more is another world, or other code
NOTHING = MappingProxyType({})


class Again:
    """A cell's simulator; made at the first run that has turns for the worse.

    Args:
        cell: whose runs are played again.
    """

    def __init__(self, cell: Venue) -> None:
        self._plan: SimulatorPlan | None = None
        world = cell.world
        if not (isinstance(world, ConfigError) or cell.is_real or present_spec(cell) is None):
            self._plan = world.plan if isinstance(world.plan, SimulatorPlan) else None
        self._env = None

    def asked(self, trace: pd.DataFrame, turns: Sequence[ChangePoint], seed: int) -> pd.DataFrame | None:
        """A trace with the column NEEDED; None if what it tells does not happen here.

        Args:
            trace: of a run of this cell.
            turns: of its episode.
            seed: of its episode.
        """
        if NEEDED in trace:  # found out when it was played
            return trace
        worse = [turn.step for turn in turns if turn.is_worse and turn.step < len(trace)]
        if not worse:
            return trace
        if self._plan is None:
            return None
        needed = self._needed(trace, turns, seed, max(worse))
        if needed is None:
            return None
        told = [float(needed[step]) if step in needed else np.nan for step in range(len(trace))]
        return trace.assign(**{NEEDED: told})

    def _needed(
        self, trace: pd.DataFrame, turns: Sequence[ChangePoint], seed: int, until: int
    ) -> dict[int, bool] | None:
        """By step of each turn for the worse; None if a reward is another."""
        assert self._plan is not None
        if self._env is None:
            self._env = self._plan.make_env(Path(), lambda _: None)
        env = self._env
        env.reset(seed=seed)
        holding = Counterfactual(turns, self._plan.system.steps)
        holding.begin(env)
        knobs = [f"action.{knob.name}" for knob in self._plan.spec.knobs]
        actions = trace[knobs].to_numpy(dtype=np.int64)
        for i, (levels, logged) in enumerate(zip(actions[:until], column(trace, "reward"), strict=False)):
            _, reward, _, _, _ = env.step(levels)
            if abs(float(reward) - logged) > EXACT:
                return None
            holding.step(Step(i, 0.0, tuple(levels.tolist()), logged, 0.0, 0.0, NOTHING, NOTHING))
        return holding.needed
