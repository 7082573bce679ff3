"""What would have come of holding still: a simulated episode is asked at every change for the worse.

A trace does not say whether a disturbance needed an answer. The simulator does: a copy of the episode goes on
without a change.
"""

import gymnasium as gym
import numpy as np

from envs.scenario import Scenario
from experiments.config.derived import build
from experiments.config.schemas import SimulatorSchema
from experiments.runs.episode import Observer, Step
from experiments.runs.trace import Row
from experiments.statistics.disturbances import ChangePoint, borders, change_points
from experiments.statistics.episode import NEEDED
from experiments.worlds.plan import Plan


def change_points_of(plan: Plan, seed: int) -> tuple[ChangePoint, ...]:
    """Return the change points of a run's episode under a seed, as `change_points`."""
    scenario, env = build(Scenario, plan.config.scenario), plan.config.env
    return change_points(scenario, plan.spec.slos, env.steps, env.control_interval_s, seed)


class Counterfactual(Observer):
    """Finds out, at each change for the worse, whether holding the levels would break an SLO in that phase.

    Of a run that is not simulated nothing can be asked.
    """

    def __init__(self, plan: Plan) -> None:
        is_simulated = isinstance(plan.config.env, SimulatorSchema)
        points = change_points_of(plan, plan.config.seed) if is_simulated else ()
        self._ends = borders(points, plan.config.env.steps)
        self._needed: dict[int, bool] = {}  # by the step of each change that has been asked about: an answer

    def begin(self, env: gym.Env) -> None:
        """Make ready to copy the episode of a simulator."""
        if self._ends:
            from envs.simulator.branches import Branches  # compiles

            self._branches = Branches(env.unwrapped, 1)  # type: ignore[arg-type] - it is a simulator's

    def step(self, step: Step) -> None:
        """Look ahead if a phase begins with the next step."""
        begin = step.index + 1
        if begin not in self._ends:
            return
        self._branches.take()
        self._needed[begin] = False
        for _ in range(self._ends[begin] - begin):
            self._branches.step(np.array([step.action]))
            self._needed[begin] = not self._branches.fulfilled.all()
            if self._needed[begin] or self._branches.are_over.any():
                break

    def columns(self, step: int) -> Row:
        """Return what a step's row has of it: NEEDED, in an episode that has changes for the worse."""
        if not self._ends:
            return {}
        return {NEEDED: float(self._needed[step]) if step in self._needed else None}
