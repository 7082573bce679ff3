"""Schemas of the agents' tunables; each mirrors its class's arguments (`AGENTS`; a test compares them)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from agents.aif.policies import Moves, Selection


@dataclass
class AgentSchema:
    """Every agent names its class."""

    _target_: str = MISSING


@dataclass
class StaticSchema(AgentSchema):
    """Fixed levels: "lowest", "highest", or one index per knob."""

    levels: Any = MISSING


@dataclass
class RandomSchema(AgentSchema):
    """Uniform levels."""


@dataclass
class RuleSchema(AgentSchema):
    """Thresholds with hysteresis and cool-down."""

    oks: int = MISSING
    cool_down: int = MISSING
    target: float = MISSING
    probation: int = MISSING
    longest_bar: int = MISSING


@dataclass
class AifSchema(AgentSchema):
    """Active inference with a hidden capacity."""

    n_capacities: int = MISSING
    n_pressures: int = MISSING
    noise: float = MISSING
    drift: float = MISSING
    jump: float = MISSING
    quality_nats: float = MISSING
    violation: float = MISSING
    switching_cost: float = MISSING
    moves: Moves = MISSING
    horizon: int = MISSING
    gamma: float = MISSING
    information_gain: bool = MISSING
    selection: Selection = MISSING


@dataclass
class RecipeSchema:
    """How PPO is trained."""

    _target_: str = MISSING
    total_steps: int = MISSING
    n_envs: int = MISSING
    n_steps: int = MISSING
    batch_size: int = MISSING
    n_epochs: int = MISSING
    learning_rate: float = MISSING
    gamma: float = MISSING
    gae_lambda: float = MISSING
    clip_range: float = MISSING
    ent_coef: float = MISSING
    hidden: list[int] = MISSING
    evaluations: int = MISSING


@dataclass
class PpoSchema(AgentSchema):
    """A policy learned beforehand."""

    checkpoint: str | None = MISSING
    recipe: RecipeSchema = MISSING


AGENTS: Mapping[str, type[AgentSchema]] = {
    "static": StaticSchema,
    "random": RandomSchema,
    "rule": RuleSchema,
    "aif": AifSchema,
    "ppo": PpoSchema,
}
