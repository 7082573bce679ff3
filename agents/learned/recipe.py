"""How an agent is trained: the algorithm, and every figure that is not the stream's."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Algorithm(StrEnum):
    """Of stable-baselines3."""

    PPO = "PPO"  # proximal policy optimisation, Schulman et al. 2017, arXiv 1707.06347
    A2C = "A2C"  # advantage actor-critic, Mnih et al. 2016, arXiv 1602.01783
    DQN = "DQN"  # deep Q-learning, Mnih et al. 2015, doi 10.1038/nature14236


def is_count(value: float) -> bool:
    """Return whether it is at least 1."""
    return value >= 1


def is_positive(value: float) -> bool:
    """Return whether it is above 0, and finite."""
    return 0 < value < math.inf


def is_share(value: float) -> bool:
    """Return whether it is in [0, 1]."""
    return 0 <= value <= 1


RANGES: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("total_steps", "n_envs", "n_steps", "n_epochs", "evaluations", "depth"), is_count),
    **dict.fromkeys(("batch_size", "gradient_steps", "buffer_size", "target_every"), is_count),
    **dict.fromkeys(("learning_rate", "clip_range"), is_positive),
    **dict.fromkeys(("gae_lambda", "exploration_share", "exploration_end"), is_share),
    "gamma": lambda value: 0 <= value < 1,
    "ent_coef": lambda value: 0 <= value < math.inf,
    **dict.fromkeys(("seed", "learning_starts"), lambda value: value >= 0),
    "hidden": lambda units: all(map(is_count, units)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What every algorithm is told; a subclass per algorithm adds its own.

    Attributes:
        seed: of the weights, the exploration, and the first training episodes, >= 0.
        total_steps: of all environments together, >= 1.
        n_envs: environments side by side, >= 1.
        n_steps: of each environment between two updates, >= 1.
        learning_rate: at the start; it falls linearly to 0; > 0.
        gamma: discount of the reward one interval later, in [0, 1).
        hidden: units per hidden layer, of every network, each >= 1.
        depth: observations that are seen as they were, the last ones, >= 1.
        evaluations: how often the policy is evaluated on held-out seeds, evenly spread, >= 1.

    Raises:
        ValueError: a figure out of range.
    """

    seed: int
    total_steps: int
    n_envs: int
    n_steps: int
    learning_rate: float
    gamma: float
    hidden: tuple[int, ...]
    depth: int
    evaluations: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for name, value in asdict(self).items():
            if not RANGES[name](value):
                raise ValueError(f"{name} is out of range, got {value} (conf/agent, recipe)")

    @property
    def rollout(self) -> int:
        """Return the steps of all environments between two updates."""
        return self.n_envs * self.n_steps

    @property
    def return_scale(self) -> float:
        """Return the discounted return of a reward of 1 for ever: what counts as 1 while learning."""
        return 1 / (1 - self.gamma)


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoRecipe(Recipe):
    """The figures of conf/agent/ppo.yaml; names are the paper's.

    Attributes:
        batch_size: of a gradient step, in [2, n_envs * n_steps].
        n_epochs: over the steps of an update, >= 1.
        gae_lambda: of generalised advantage estimation, in [0, 1].
        clip_range: of the probability ratio, > 0.
        ent_coef: weight of the entropy bonus, >= 0.
    """

    batch_size: int
    n_epochs: int
    gae_lambda: float
    clip_range: float
    ent_coef: float

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)
        if not 2 <= self.batch_size <= self.rollout:
            raise ValueError(
                f"batch_size must be in [2, n_envs * n_steps = {self.rollout}], got {self.batch_size} "
                "(conf/agent/ppo.yaml)"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class A2cRecipe(Recipe):
    """The figures of conf/agent/a2c.yaml.

    Attributes:
        gae_lambda: of generalised advantage estimation, in [0, 1].
        ent_coef: weight of the entropy bonus, >= 0.
    """

    gae_lambda: float
    ent_coef: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DqnRecipe(Recipe):
    """The figures of conf/agent/dqn.yaml.

    Attributes:
        batch_size: of a gradient step, >= 1.
        gradient_steps: per update, >= 1.
        buffer_size: steps that are kept to learn from, >= 1.
        learning_starts: steps made at random before the first update, >= 0.
        target_every: steps of all environments between two copies to the target network, >= 1.
        exploration_share: of the training in which exploration falls from all decisions, in [0, 1].
        exploration_end: share of the decisions that are random from then on, in [0, 1].
    """

    batch_size: int
    gradient_steps: int
    buffer_size: int
    learning_starts: int
    target_every: int
    exploration_share: float
    exploration_end: float


RECIPES: Mapping[Algorithm, type[Recipe]] = {
    Algorithm.PPO: PpoRecipe,
    Algorithm.A2C: A2cRecipe,
    Algorithm.DQN: DqnRecipe,
}


def check_recipe(algorithm: Algorithm, recipe: Recipe) -> None:
    """Raise ValueError if a recipe is another algorithm's."""
    if type(recipe) is not RECIPES[algorithm]:
        raise ValueError(
            f"algorithm {algorithm} needs {RECIPES[algorithm].__name__}, got {type(recipe).__name__} "
            f"(say agent={algorithm.lower()})"
        )
