"""How PPO is trained: every figure that is not the stream's."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """The figures of conf/agent/ppo.yaml; names are those of Schulman et al. 2017, arXiv 1707.06347.

    Attributes:
        total_steps: of all environments together, >= 1.
        n_envs: environments side by side, >= 1.
        n_steps: of each environment between two updates, >= 1.
        batch_size: of a gradient step, in [2, n_envs * n_steps].
        n_epochs: over the steps of an update, >= 1.
        learning_rate: at the start; it falls linearly to 0; > 0.
        gamma: discount of the reward one interval later, in [0, 1).
        gae_lambda: of generalised advantage estimation, in [0, 1].
        clip_range: of the probability ratio, > 0.
        ent_coef: weight of the entropy bonus, >= 0.
        hidden: units per hidden layer, of policy and value network alike, each >= 1.
        evaluations: how often the policy is evaluated on held-out seeds, evenly spread, >= 1.
    """

    total_steps: int
    n_envs: int
    n_steps: int
    batch_size: int
    n_epochs: int
    learning_rate: float
    gamma: float
    gae_lambda: float
    clip_range: float
    ent_coef: float
    hidden: tuple[int, ...]
    evaluations: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        for name in ("total_steps", "n_envs", "n_steps", "n_epochs", "evaluations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)} (conf/agent/ppo.yaml)")
        if not 2 <= self.batch_size <= self.rollout:
            raise ValueError(
                f"batch_size must be in [2, n_envs * n_steps = {self.rollout}], got {self.batch_size} "
                "(conf/agent/ppo.yaml)"
            )
        for name, is_good in (
            ("learning_rate", 0 < self.learning_rate < math.inf),
            ("gamma", 0 <= self.gamma < 1),
            ("gae_lambda", 0 <= self.gae_lambda <= 1),
            ("clip_range", 0 < self.clip_range < math.inf),
            ("ent_coef", 0 <= self.ent_coef < math.inf),
            ("hidden", all(units >= 1 for units in self.hidden)),
        ):
            if not is_good:
                raise ValueError(f"{name} is out of range, got {getattr(self, name)} (conf/agent/ppo.yaml)")

    @property
    def rollout(self) -> int:
        """Steps of all environments between two updates."""
        return self.n_envs * self.n_steps
