"""The two agents that know the future: an upper end for every score, and the best without elasticity.

`oracle` is the best that is known of an episode, not a proof that nothing is better: the maximum over held
settings, settings held per phase of the scenario, and receding horizons over exact copies of the episode.
`best_static` is the best fixed setting in hindsight. In the replay world both go by the empirical means.
"""

from collections.abc import Sequence
from typing import Protocol

import gymnasium as gym

from agents.clairvoyant import Clairvoyant, Course
from envs.replay.env import Replay
from envs.spec import ElasticitySpec


class Foresight(Protocol):
    """Who can say how the episode of a seed is best played."""

    def best_static(self, seed: int) -> Course:
        """Return its best course with one setting throughout."""
        ...

    def best(self, seed: int) -> Course:
        """Return its best course by all means."""
        ...


def foresee(spec: ElasticitySpec, world: gym.Env, n_candidates: int, horizons: Sequence[int]) -> Foresight:
    """Return whoever can say so for this world.

    Raises:
        ValueError: nobody can, or the world is of another spec.
    """
    from agents.oracle.hindsight import Hindsight
    from agents.oracle.rehearsal import Rehearsal  # compiles the simulator
    from envs.simulator.env import SimulatorEnv

    if isinstance(world, SimulatorEnv | Replay) and world.elasticity.hash != spec.hash:
        raise ValueError(f"expected a world of spec {spec.hash}, got one of {world.elasticity.hash}")
    match world:
        case SimulatorEnv():
            return Rehearsal(world, n_candidates, horizons)
        case Replay():
            return Hindsight(world)
        case _:
            raise ValueError(
                "only a simulated or a replayed world can be calculated in advance, got "
                f"{type(world).__name__}"
            )


class BestStatic(Clairvoyant):
    """The best fixed setting in hindsight, per episode."""

    def __init__(self, spec: ElasticitySpec) -> None:
        super().__init__(spec)
        self._foresight: Foresight | None = None

    def look(self, world: gym.Env) -> None:
        """See the world; what is tried per step is of no concern here."""
        self._foresight = foresee(self.spec, world, 1, ())

    def plan(self, seed: int) -> Course:
        """Return that setting."""
        return shown(self._foresight).best_static(seed)


class Oracle(Clairvoyant):
    """The best course that is known, per episode.

    Args:
        spec: the stream.
        n_candidates: settings per phase that are tried at every step, >= 1.
        horizons: for how many intervals each is tried, >= 1; one course each, the best counts.

    Raises:
        ValueError: an argument out of range.
    """

    def __init__(self, spec: ElasticitySpec, n_candidates: int, horizons: Sequence[int]) -> None:
        super().__init__(spec)
        if n_candidates < 1 or min(horizons, default=1) < 1:
            raise ValueError(
                f"expected n_candidates >= 1 and horizons >= 1, got {n_candidates} and {list(horizons)} "
                "(conf/agent/oracle.yaml)"
            )
        self._n_candidates, self._horizons = n_candidates, tuple(horizons)
        self._foresight: Foresight | None = None

    def look(self, world: gym.Env) -> None:
        """See the world."""
        self._foresight = foresee(self.spec, world, self._n_candidates, self._horizons)

    def plan(self, seed: int) -> Course:
        """Return that course."""
        return shown(self._foresight).best(seed)


def shown(foresight: Foresight | None) -> Foresight:
    """Return what has been shown. Raises RuntimeError if nothing has."""
    if foresight is None:
        raise RuntimeError("a clairvoyant agent must be shown its world before an episode begins")
    return foresight
