"""Reinforcement learning as an agent: trained beforehand by stable-baselines3, then frozen.

Raffin et al. 2021, "Stable-Baselines3", JMLR 22(268); the algorithms' own sources are in `recipe.Algorithm`.
"""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import State
from agents.learned.features import VERSION, Memory
from agents.learned.network import Network, probabilities
from agents.learned.recipe import Algorithm, Recipe, check_recipe
from agents.learned.streams import Floats, largest_grid
from agents.training import Progress, Trainable, Worlds
from envs.spec import ElasticitySpec


class Learned(Trainable):
    """The setting that scores best under the network that a checkpoint holds.

    A checkpoint serves any stream: it is refused where it was learned by another algorithm or from figures
    that are no longer seen, see `features.VERSION`.

    Args:
        spec: the stream.
        algorithm: how it learned.
        checkpoint: path; None = yet to be trained.
        recipe: how it is trained, the algorithm's own.

    Raises:
        ValueError: an unknown algorithm, or a recipe of another; no checkpoint there, or a damaged one, or
            one of another agent or algorithm, or of other features; more settings than can be scored.
    """

    def __init__(self, spec: ElasticitySpec, algorithm: Algorithm, checkpoint: str | None, recipe: Recipe):
        super().__init__(spec)
        self.algorithm, self.recipe = Algorithm(algorithm), recipe
        check_recipe(self.algorithm, recipe)
        largest_grid([spec])
        self._names = ("value", "margin") if self.algorithm is Algorithm.DQN else ("value", "entropy", "p")
        self._network: Network | None = None
        self._trained_steps = 0
        self.reset(0)
        if checkpoint is not None:
            self._read(Path(checkpoint))

    def reset(self, seed: int) -> None:
        """Forget the last observations; no draw is made."""
        self._memory: Memory | None = None
        self._judged: tuple[Floats, float] | None = None

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the levels that score best."""
        self.spec.decode(observation)
        network, observations = self.network, np.asarray(observation, dtype=np.float32)[np.newaxis]
        if self._memory is None:
            self._memory = Memory([self.spec], network.depth)
            seen = self._memory.begin(observations)
        else:
            seen = self._memory.push(observations)
        scores, value = network.judge(seen[0])
        self._judged = scores, float(value)
        return self._memory.streams.settings[0, int(scores.argmax())]

    def explain(self) -> dict[str, float]:
        """Return figures of the last decision, all 0 before the first.

        value: discounted return that is expected. Of a policy, entropy: over joint settings, in nats; p:
        probability of the setting that was chosen. Of a Q-network, margin: return that the second best
        setting is expected to lose.
        """
        if self._judged is None:
            return dict.fromkeys(self._names, 0.0)
        scores, value = self._judged
        if self.algorithm is Algorithm.DQN:
            best = np.sort(scores)[-2:]
            figures = [float(best[-1] - best[0]) * self.network.return_scale]
        else:
            shares = probabilities(scores)
            entropy = -float(shares @ np.log(np.maximum(shares, 1e-300)))
            figures = [entropy, float(shares.max())]
        return dict(zip(self._names, [value, *figures], strict=True))

    def train(
        self, worlds: Worlds, seed: int, path: Path, on_progress: Callable[[Progress], None]
    ) -> Progress:
        """See `agents.training.Trainable`; imports stable-baselines3, and torch with it."""
        from agents.learned.training import train

        def keep(network: Network, steps: int) -> None:
            self._network, self._trained_steps = network, steps
            self.reset(0)
            self.save(path)

        return train(self.recipe, worlds, seed, keep, on_progress)

    @property
    def trained_steps(self) -> int:
        """Return the steps of all environments together, when the network in use was kept."""
        return self._trained_steps

    @property
    def network(self) -> Network:
        """Return the trained network. Raises ValueError if there is none yet."""
        if self._network is None:
            raise ValueError(f"this agent is untrained: {self._remedy}")
        return self._network

    @property
    def _remedy(self) -> str:
        return f"train one with `python -m experiments.train agent={self.algorithm.lower()}`"

    def _read(self, path: Path) -> None:
        if not path.is_file():
            raise ValueError(f"no checkpoint at {path}: {self._remedy}")
        damaged = f"{path} is no checkpoint, or a damaged one"
        if not zipfile.is_zipfile(path):
            raise ValueError(damaged)
        try:
            self.load(path)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"{damaged}: {error}") from error

    def _identity(self) -> Mapping[str, str]:
        return {"agent": type(self).__name__, "features": str(VERSION)}

    def _checkpoint(self) -> State:
        steps = np.array(self._trained_steps)
        return {"algorithm": np.array(self.algorithm.value), "trained_steps": steps, **self.network.arrays()}

    def _restore(self, state: State) -> None:
        theirs = str(state["algorithm"])
        if theirs != self.algorithm:
            raise ValueError(f"expected a checkpoint of algorithm {self.algorithm}, got one of {theirs}")
        self._network, self._trained_steps = Network.of(state), int(state["trained_steps"])
        self.reset(0)
