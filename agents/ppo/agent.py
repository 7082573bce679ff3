"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347): trained beforehand, then frozen."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import State
from agents.ppo.network import Network, choose, probabilities
from agents.ppo.recipe import Recipe
from agents.training import Progress, Trainable, Worlds, checkpoint_path
from envs.spec import ElasticitySpec

TO_TRAIN = "train one with `python -m experiments.train agent=ppo` and the same video, detector and slo"


class Ppo(Trainable):
    """The likeliest levels under the policy that a checkpoint holds; it remembers nothing between steps.

    Args:
        spec: the stream.
        checkpoint: path, where {spec} stands for the spec's hash; None = yet to be trained.
        recipe: how it is trained.

    Raises:
        ValueError: no checkpoint there, or one of another agent, for another spec, or damaged.
    """

    def __init__(self, spec: ElasticitySpec, checkpoint: str | None, recipe: Recipe):
        super().__init__(spec)
        self.recipe = recipe
        self._network: Network | None = None
        self._names = ["value", "entropy", *(f"p_{knob.name}" for knob in spec.knobs)]
        self.reset(0)
        if checkpoint is not None:
            self._read(checkpoint_path(checkpoint, spec))

    def reset(self, seed: int) -> None:
        """Nothing to forget but the last decision's figures; no draw is made."""
        self._logits: NDArray[np.float32] | None = None
        self._seen: NDArray[np.float32] | None = None

    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """The likeliest level of every knob."""
        self.spec.decode(observation)
        self._seen = observation
        self._logits = self.network.logits(observation)
        return choose(self._logits, self.spec.n_levels)

    def explain(self) -> dict[str, float]:
        """Of the last decision, all 0 before the first.

        value: discounted return that is expected; entropy: of the policy over joint levels, in nats; p_NAME:
        probability of the level that was chosen, per knob.
        """
        if self._logits is None or self._seen is None:
            return dict.fromkeys(self._names, 0.0)
        shares = probabilities(self._logits, self.spec.n_levels)
        entropy = -sum(float(share @ np.log(np.maximum(share, 1e-300))) for share in shares)
        value = float(self.network.returns(self._seen))
        return dict(
            zip(self._names, [value, entropy, *(float(share.max()) for share in shares)], strict=True)
        )

    def train(
        self, worlds: Worlds, seed: int, path: Path, on_progress: Callable[[Progress], None]
    ) -> Progress:
        """See `agents.training.Trainable`; imports stable-baselines3, and torch with it."""
        from agents.ppo.training import train

        def keep(network: Network) -> None:
            self._network = network
            self.save(path)

        return train(self.spec, self.recipe, worlds, seed, keep, on_progress)

    @property
    def network(self) -> Network:
        """The trained network. Raises ValueError if there is none yet."""
        if self._network is None:
            raise ValueError(f"this agent is untrained: {TO_TRAIN}")
        return self._network

    def save(self, path: Path) -> None:
        """As every agent's; the file is never half written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        super().save(unfinished)
        unfinished.replace(path)

    def _read(self, path: Path) -> None:
        if not path.is_file():
            raise ValueError(f"no checkpoint at {path}: {TO_TRAIN}")
        damaged = f"{path} is no checkpoint, or a damaged one"
        if not zipfile.is_zipfile(path):
            raise ValueError(damaged)
        try:
            self.load(path)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ValueError(f"{damaged}: {error}") from error

    def _checkpoint(self) -> State:
        return self.network.arrays()

    def _restore(self, state: State) -> None:
        self._network = Network.of(state)
        self.reset(0)
