"""What an agent is: it sees an observation and sets every knob; the rest is optional."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from envs.spec import ElasticitySpec

State = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class NetworkFigure:
    """What there is to draw of a network of causes.

    Attributes:
        kinds: of each variable by its name, knobs first, SLOs last: "knob", "stage", "metric", "before"
            (where an SLO was when the interval began) or "SLO".
        edges: cause and effect, by name.
        curves: per knob, P(SLO fulfilled | do(knob = level)) with the other knobs where they are now; shape
            (n_levels, n_slos).
    """

    kinds: Mapping[str, str]
    edges: tuple[tuple[str, str], ...]
    curves: tuple[NDArray[np.float64], ...]


class Transition(NamedTuple):
    """One step of the world, for agents that learn from it.

    Attributes:
        observation: what the agent acted on.
        action: level index per knob.
        reward: of the interval that followed; where telemetry is late, of an earlier one; NaN where no
            report of any has come.
        next_observation: what that interval left.
        terminated: whether the stream ended with it.
    """

    observation: NDArray[np.float32]
    action: NDArray[np.int64]
    reward: float
    next_observation: NDArray[np.float32]
    terminated: bool


class Agent(ABC):
    """Decides the levels of a stream's knobs, once per control interval.

    An agent knows its stream by the spec alone, so it works for any number of knobs, SLOs and metrics.
    """

    def __init__(self, spec: ElasticitySpec):
        self.spec = spec

    @abstractmethod
    def reset(self, seed: int) -> None:
        """Begin an episode; equal seeds and observations lead to equal decisions."""

    @abstractmethod
    def act(self, observation: NDArray[np.float32], info: Mapping[str, Any]) -> NDArray[np.int64]:
        """Return the level index per knob for the next interval, in the spec's action space.

        Args:
            observation: laid out as the spec says.
            info: further figures of the environment; may be empty, and no decision here needs it.

        Raises:
            ValueError: an observation outside the spec's observation space.
        """

    def learn(self, transition: Transition) -> None:  # noqa: B027 - most agents have nothing to learn
        """Take one step of the world into account beyond the episode."""

    def warm_up(self) -> None:  # noqa: B027 - most agents have nothing to prepare
        """Do what would delay the first decision, before the control clock starts; decides nothing."""

    @property
    def trained_steps(self) -> int:
        """Return the steps of any world that it had learned from before it was made."""
        return 0

    def explain(self) -> dict[str, float]:
        """Return finite figures behind the last decision; the same names throughout an episode."""
        return {}

    def network_figure(self) -> NetworkFigure | None:
        """Return what there is to draw of the causes that it has learned; None if it knows of none."""
        return None

    def save(self, path: Path) -> None:
        """Write a checkpoint, readable by `load` of an agent that it fits; never half of one."""
        identity = {name: np.array(own) for name, own in self._identity().items()}
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **identity, **self._checkpoint())
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Read a checkpoint, to go on from it.

        Raises:
            ValueError: it does not fit, as one of another agent or for another spec.
        """
        with np.load(path, allow_pickle=False) as file:
            state = dict(file)
        for key, ours in self._identity().items():
            theirs = str(state.pop(key))
            if theirs != ours:
                raise ValueError(f"checkpoint {path}: expected {key} {ours}, got {theirs}")
        self._restore(state)

    def _identity(self) -> Mapping[str, str]:
        """Return what a checkpoint must agree in, by name, to be readable."""
        return {"agent": type(self).__name__, "spec": self.spec.hash}

    def _checkpoint(self) -> State:
        """Return what `save` keeps beside the identity."""
        return {}

    def _restore(self, state: State) -> None:  # noqa: B027 - the counterpart of an empty state
        """Take over what `_checkpoint` returned."""


class Forecaster(Agent):
    """An agent with a model that can be asked, also of settings that it does not choose."""

    @abstractmethod
    def forecast(self, settings: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return P(SLO fulfilled | do(setting)), some ten intervals after each setting was set and then held.

        Asked after `act`, of what the agent believes then; changes nothing in it.

        Args:
            settings: level index per knob, shape (n, n_knobs).

        Returns:
            Shape (n, n_slos), in [0, 1].
        """
