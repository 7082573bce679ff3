"""Schemas of our agents' tunables; each mirrors its class's arguments (`AGENTS`; a test compares them).

An agent of somebody else's has none: its keys are held against its class's arguments instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import MISSING

from agents.aif.policies import Moves, Selection
from agents.bandit import Policy
from agents.causal.structure import Score, Structure
from agents.learned.recipe import Algorithm


@dataclass
class AgentSchema:
    """Every agent names its class."""

    _target_: str = MISSING


@dataclass
class StaticSchema(AgentSchema):
    """Fixed levels: "lowest", "middle", "highest", or one index per knob."""

    levels: Any = MISSING


@dataclass
class BestStaticSchema(AgentSchema):
    """The best fixed levels in hindsight."""


@dataclass
class OracleSchema(AgentSchema):
    """The best course that is known."""

    n_candidates: int = MISSING
    horizons: list[int] = MISSING


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
class CostPriorSchema:
    """How far a spec's relative costs are trusted."""

    _target_: str = MISSING
    slope: float = MISSING
    slope_sd: float = MISSING
    step_sd: float = MISSING
    interaction_sd: float = MISSING


@dataclass
class FrontierSchema(AgentSchema):
    """What moves along the Pareto front of cost and worth."""

    cool_down: int = MISSING
    window: int = MISSING
    probation: int = MISSING
    first_bar: int = MISSING
    longest_bar: int = MISSING


@dataclass
class HeuristicThesisSchema(AgentSchema):
    """The published predecessor's heuristic."""

    room: float = MISSING
    samples: int = MISSING
    cool_down: int = MISSING
    tie: float = MISSING
    tie_order: list[int] = MISSING


@dataclass
class AifThesisSchema(AgentSchema):
    """The published predecessor's active inference."""

    load_weights: list[float] = MISSING
    gamma: float = MISSING
    alpha: float = MISSING
    learning_rate: float = MISSING


@dataclass
class HpaSchema(FrontierSchema):
    """The rule of the Kubernetes HPA."""

    target: float = MISSING
    tolerance: float = MISSING


@dataclass
class AimdSchema(FrontierSchema):
    """Additive increase, multiplicative decrease."""

    increase: float = MISSING
    decrease: float = MISSING


@dataclass
class PidSchema(FrontierSchema):
    """A PID controller."""

    target: float = MISSING
    tolerance: float = MISSING
    kp: float = MISSING
    ki: float = MISSING
    kd: float = MISSING


@dataclass
class AifSchema(AgentSchema):
    """Active inference with a hidden capacity."""

    n_capacities: int = MISSING
    n_pressures: int = MISSING
    noise: float = MISSING
    least_noise: float = MISSING
    drift: float = MISSING
    jump: float = MISSING
    quality_nats: float = MISSING
    violation: float = MISSING
    infers_capacity: bool = MISSING
    learns_costs: bool = MISSING
    cost_prior: CostPriorSchema = MISSING
    forgetting: float = MISSING
    count_forgetting: float = MISSING
    switching_cost: float = MISSING
    moves: Moves = MISSING
    horizon: int = MISSING
    gamma: float = MISSING
    state_gain: float = MISSING
    cost_gain: float = MISSING
    patience: float = MISSING
    selection: Selection = MISSING


@dataclass
class RecipeSchema:
    """How any learned agent is trained."""

    _target_: str = MISSING
    total_steps: int = MISSING
    n_envs: int = MISSING
    n_steps: int = MISSING
    learning_rate: float = MISSING
    gamma: float = MISSING
    hidden: list[int] = MISSING
    depth: int = MISSING
    evaluations: int = MISSING


@dataclass
class PpoRecipeSchema(RecipeSchema):
    """How PPO is trained."""

    batch_size: int = MISSING
    n_epochs: int = MISSING
    gae_lambda: float = MISSING
    clip_range: float = MISSING
    ent_coef: float = MISSING


@dataclass
class A2cRecipeSchema(RecipeSchema):
    """How A2C is trained."""

    gae_lambda: float = MISSING
    ent_coef: float = MISSING


@dataclass
class DqnRecipeSchema(RecipeSchema):
    """How DQN is trained."""

    batch_size: int = MISSING
    gradient_steps: int = MISSING
    buffer_size: int = MISSING
    learning_starts: int = MISSING
    target_every: int = MISSING
    exploration_share: float = MISSING
    exploration_end: float = MISSING


@dataclass
class LearnedSchema(AgentSchema):
    """A policy learned beforehand."""

    algorithm: Algorithm = MISSING
    checkpoint: str | None = MISSING
    recipe: RecipeSchema = MISSING


@dataclass
class PpoSchema(LearnedSchema):
    """Proximal policy optimisation."""

    recipe: PpoRecipeSchema = MISSING


@dataclass
class A2cSchema(LearnedSchema):
    """Advantage actor-critic."""

    recipe: A2cRecipeSchema = MISSING


@dataclass
class DqnSchema(LearnedSchema):
    """Deep Q-learning over the grid of joint settings."""

    recipe: DqnRecipeSchema = MISSING


@dataclass
class MpcSchema(AgentSchema):
    """Regressions fitted online, and a search over them."""

    horizon: list[int] = MISSING
    margin: float = MISSING
    switching_cost: float = MISSING
    patience: int = MISSING
    drift: float = MISSING
    fade: float = MISSING
    cost_doubt: float = MISSING
    optimism: float = MISSING


@dataclass
class CausalSchema(AgentSchema):
    """A Bayesian network over knobs, metrics and SLOs."""

    structure: Structure = MISSING
    score: Score = MISSING
    max_parents: int = MISSING
    window: int = MISSING
    prior_weight: float = MISSING
    forgetting: float = MISSING
    drift: float = MISSING
    jump: float = MISSING
    horizon: int = MISSING
    ambition: float = MISSING
    information_gain: bool = MISSING
    novelty: float = MISSING
    switching_cost: float = MISSING
    batch: int = MISSING
    surprise_floor: float = MISSING


@dataclass
class BayesSchema(AgentSchema):
    """The same with a posterior, decisions on its samples."""

    horizon: list[int] = MISSING
    samples: int = MISSING
    margin: float = MISSING
    switching_cost: float = MISSING
    patience: int = MISSING
    drift: float = MISSING
    fade: float = MISSING
    jump: float = MISSING
    cost_doubt: float = MISSING
    optimism: float = MISSING


@dataclass
class BanditSchema(AgentSchema):
    """Thompson sampling or upper confidence bounds over the joint settings."""

    policy: Policy = MISSING
    width: float = MISSING
    discount: float = MISSING
    switching_cost: float = MISSING


AGENTS: Mapping[str, type[AgentSchema]] = {
    "causal": CausalSchema,
    "static": StaticSchema,
    "best_static": BestStaticSchema,
    "oracle": OracleSchema,
    "random": RandomSchema,
    "rule": RuleSchema,
    "mpc": MpcSchema,
    "bayes": BayesSchema,
    "bandit": BanditSchema,
    "heuristic_thesis": HeuristicThesisSchema,
    "aif_thesis": AifThesisSchema,
    "hpa": HpaSchema,
    "aimd": AimdSchema,
    "pid": PidSchema,
    "aif": AifSchema,
    "ppo": PpoSchema,
    "a2c": A2cSchema,
    "dqn": DqnSchema,
}
