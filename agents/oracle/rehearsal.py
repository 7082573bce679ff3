"""A simulated episode, played as often as one likes before it happens, with the draws that it will have.

The best of three kinds of courses: a setting that is held to the end, one per phase of the scenario, and
receding horizons over exact copies: the model predictive control of the textbooks (Rawlings, Mayne and Diehl
2017), with the simulator itself for a model and a held setting for a plan.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agents.clairvoyant import Course
from envs.simulator.branches import Branches
from envs.simulator.env import SimulatorEnv

SHORTEST_PHASE = 8  # steps; what changes sooner counts as one phase with what was before

Settings = NDArray[np.int64]
Plan = Callable[[int], tuple[int, int]]  # at a step: how many intervals to look ahead, and how many to go


class Rehearsal:
    """Plays episodes of a world like the one it was given, which it leaves alone.

    Args:
        world: to play in; of its systems, a seed chooses the one that it chooses there.
        n_candidates: settings per phase that are tried at every step, the best of those held throughout.
        horizons: intervals for which each of them is tried.
    """

    def __init__(self, world: SimulatorEnv, n_candidates: int, horizons: Sequence[int]) -> None:
        self._stage = SimulatorEnv(world.elasticity, world.fleet.systems)
        n_levels = world.elasticity.n_levels
        self._settings: Settings = np.stack(np.unravel_index(np.arange(np.prod(n_levels)), n_levels), axis=1)
        self._all = Branches(self._stage, len(self._settings))
        self._n_candidates, self._horizons = n_candidates, tuple(horizons)

    def best_static(self, seed: int) -> Course:
        """Return the setting that earns most in hindsight if it never changes."""
        return self._static(self._statics(seed))

    def best(self, seed: int) -> Course:
        """Return the best course that is known, and what each kind of course earns."""
        statics = self._statics(seed)
        begins = [step for step in self.phases(seed) if step < len(statics)]
        candidates = self._candidates(statics, begins)
        spans = dict(pairwise([*begins, len(statics)]))

        def phase(step: int) -> tuple[int, int]:
            length = spans.get(step, step + 1) - step
            return length, length

        courses = {"static": self._static(statics), "phases": self._play(seed, candidates, phase)}
        for horizon in self._horizons:
            courses[f"hold_{horizon}"] = self._play(seed, candidates, lambda _, h=horizon: (h, 1))
        figures = {name: float(course.rewards.mean()) for name, course in courses.items()}
        best = max(courses.values(), key=lambda course: course.rewards.mean())
        return best._replace(figures=figures)

    def phases(self, seed: int) -> list[int]:
        """Return steps at which a phase begins, ascending from 0; each lasts SHORTEST_PHASE or more."""
        self._stage.reset(seed=seed)
        system = self._stage.fleet.systems[int(self._stage.fleet.episodes[0]["system"])]
        begins = [0]
        for step in sorted(system.scenario.timeline(system.steps, system.control_interval_s, seed)):
            if begins[-1] + SHORTEST_PHASE <= step <= system.steps - SHORTEST_PHASE:
                begins.append(step)
        return begins

    def _statics(self, seed: int) -> NDArray[np.float64]:
        """Return reward of each step and setting that is held all the time, shape (n_steps, n_settings)."""
        self._stage.reset(seed=seed)
        return hold(self._all, self._settings, None)

    def _static(self, statics: NDArray[np.float64]) -> Course:
        best = int(statics.mean(axis=0).argmax())
        return Course(self._settings[[best]], statics[:, best], {})

    def _candidates(self, statics: NDArray[np.float64], begins: Sequence[int]) -> Settings:
        """Return the best of each phase, and the lowest, with which a backlog is gone soonest."""
        chosen = {0}
        for begin, end in pairwise([*begins, len(statics)]):
            order = np.argsort(-statics[begin:end].mean(axis=0), kind="stable")
            chosen |= set(order[: self._n_candidates].tolist())
        return self._settings[sorted(chosen)]

    def _play(self, seed: int, candidates: Settings, plan: Plan) -> Course:
        """Play an episode, always going on with the candidate that earns most in the time looked ahead."""
        self._stage.reset(seed=seed)
        branches = Branches(self._stage, len(candidates))
        levels: list[NDArray[np.int64]] = []
        rewards: list[float] = []
        is_over = False
        while not is_over:
            horizon, stride = plan(len(rewards))
            chosen = candidates[hold(branches, candidates, horizon).sum(axis=0).argmax()]
            until = len(rewards) + stride
            while not is_over and len(rewards) < until:
                _, reward, _, is_over, _ = self._stage.step(chosen)
                levels.append(chosen)
                rewards.append(reward)
        return Course(np.array(levels), np.array(rewards), {})


def hold(branches: Branches, settings: Settings, horizon: int | None) -> NDArray[np.float64]:
    """Return reward of each interval and setting that is held from now on, until an episode ends.

    Args:
        branches: of the episode, as many as settings; they begin anew.
        settings: shape (n, n_knobs).
        horizon: intervals at most, None for all.

    Returns:
        Shape (n_intervals, n), at least one interval.
    """
    branches.take()
    rewards: list[NDArray[np.float64]] = []
    while len(rewards) != horizon and not (rewards and branches.are_over.any()):
        branches.step(settings)
        rewards.append(branches.rewards)
    return np.array(rewards)
